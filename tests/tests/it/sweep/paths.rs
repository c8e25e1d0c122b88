//! Bad ids in paths and bad parameters in queries.

use souk_tests::Market;

use super::{document::operations, samples::samples, world::World};

/// What somebody could write in place of an id.
const IDS: [&str; 14] = [
    "x",
    "0",
    "-1",
    "null",
    "%20",
    "%00",
    "%ff%fe",
    "..%2f..%2fetc%2fpasswd",
    "1'%20OR%20'1'='1",
    "%F0%9F%AB%96",
    "ord_",
    "ord_01H455VB4PEX5VSKNK084SN02Q",
    "ord_zzzzzzzzzzzzzzzzzzzzzzzzzz",
    "po_01h455vb4pex5vsknk084sn02q",
];

#[tokio::test]
async fn what_is_no_id_is_a_client_error_in_the_envelope() {
    let world = World::new().await;
    let long = "a".repeat(3000);
    let mut asked = 0;
    for operation in operations(&world.market).await {
        if !operation.path.contains('{') {
            continue;
        }
        let client = world.entitled(&operation.path);
        let client = if operation.at_root { client.at_root() } else { client.clone() };
        let body = operation.body.is_some().then(|| samples(&world, &operation).remove(0));
        for id in IDS.iter().copied().chain([long.as_str()]) {
            let known = world.path(&operation.path);
            // The last parameter is replaced: what stands before it exists.
            let at = operation.path.rfind('{').expect("it has a parameter");
            let depth = operation.path[..at].matches('/').count();
            let path: Vec<&str> =
                known.split('/').enumerate().map(|(place, part)| if place == depth { id } else { part }).collect();
            let call = client.call(operation.method.clone(), &path.join("/"));
            let answer = match &body {
                Some(body) => call.json(body).await,
                None => call.await,
            };
            asked += 1;
            // Asking whether a password is valid has an answer for everything.
            let fine = operation.path.ends_with("/auth-valid") && answer.status == 200;
            assert!(fine || answer.status.is_client_error(), "{}: {answer}", operation.name());
        }
    }
    assert!(asked > 500);
    world.market.ends_clean().await;
}

#[tokio::test]
async fn bad_parameters_are_refused_or_find_nothing() {
    let world = World::new().await;
    let long = "x".repeat(4000);
    let values = [
        "",
        "x",
        "-1",
        "0",
        "99999999999999999999",
        "1.5",
        "true",
        "%00",
        "%ff",
        "%F0%9F%AB%96",
        "[]",
        "a,b,c",
        "%27",
        long.as_str(),
    ];
    let mut asked = 0;
    for operation in operations(&world.market).await {
        if operation.method != http::Method::GET || operation.path.ends_with("/stream") {
            continue;
        }
        let client = world.entitled(&operation.path);
        let client = if operation.at_root { client.at_root() } else { client.clone() };
        let path = world.path(&operation.path);
        for parameter in &operation.query {
            for value in values {
                let answer = client.get(&format!("{path}?{parameter}={value}")).await;
                assert!(answer.status.is_success() || answer.status.is_client_error(), "{answer}");
                asked += 1;
            }
            let twice = client.get(&format!("{path}?{parameter}=1&{parameter}=2")).await;
            assert!(twice.status == 400 || twice.status == 200 || twice.status == 404, "{twice}");
        }
        for query in ["%", "&&&", "=", "?", "a=b=c", "limit", "%ff=%ff", "a[]=1", "limit=1;offset=2"] {
            let answer = client.get(&format!("{path}?{query}")).await;
            assert!(!answer.status.is_server_error(), "{answer}");
        }
    }
    assert!(asked > 300);
    world.market.ends_clean().await;
}

#[tokio::test]
async fn odd_headers_are_never_a_server_error() {
    let market = Market::start().await;
    let cleo = market.buyer("Cleo").await;
    for (name, value) in [
        ("if-match", &b"\xff"[..]),
        ("if-match", b"\"99999999999999999999\""),
        ("if-none-match", b"\xff"),
        ("if-none-match", b"*"),
        ("x-cart-token", b"\xff"),
        ("x-order-token", b"\xff"),
        ("idempotency-key", b"\xff"),
        ("x-request-id", b"\xff"),
        ("authorization", b"\xff"),
        ("accept", b"text/html"),
        ("accept-encoding", b"gzip;q=x, br, *"),
        ("content-encoding", b"gzip"),
        ("expect", b"200-maybe"),
        ("range", b"bytes=0-1"),
        ("x-forwarded-for", b"not an address, \xff"),
        ("origin", b"\xff"),
        ("transfer-encoding", b"identity"),
    ] {
        for path in ["/products", "/cart", "/users/me", "/orders"] {
            if let Ok(answer) = cleo.client.get(path).header(name, value).attempt().await {
                assert!(!answer.status.is_server_error(), "{name}: {answer}");
            }
        }
    }
    market.ends_clean().await;
}
