//! Bodies that are no requests at all.

use super::{
    document::operations,
    samples::{is_signed, samples},
    world::World,
};

#[tokio::test]
async fn what_is_no_object_of_json_is_refused_by_every_endpoint() {
    let world = World::new().await;
    let deep = format!("{}{}", "{\"a\":".repeat(2000) + "1", "}".repeat(2000));
    let bodies = [
        "nonsense",
        "{",
        "[]",
        "[{}]",
        "null",
        "true",
        "5",
        "\"text\"",
        "{\"a\":1",
        "\u{feff}{}",
        "{}{}",
        "{'a':1}",
        deep.as_str(),
    ];
    let mut asked = 0;
    for operation in operations(&world.market).await {
        if operation.body.is_none() || is_signed(&operation) {
            continue;
        }
        let (client, path) = (world.entitled(&operation.path), world.path(&operation.path));
        let call = || client.call(operation.method.clone(), &path);
        for body in bodies {
            let answer = call().bytes("application/json", body.to_owned()).await;
            assert_eq!(answer.status, 400, "{body:.40}: {answer}");
            asked += 1;
        }
        for body in [&b"\xff\xfe{}"[..], b"{\"\xff\":1}", b"{\"a\":\"\xc3\x28\"}", b"\x00", b"\x1f\x8b\x08"] {
            let answer = call().bytes("application/json", body.to_vec()).await;
            assert_eq!(answer.status, 400, "{answer}");
        }
        let good = samples(&world, &operation).remove(0).to_string();
        for kind in ["text/plain", "application/xml", "multipart/form-data", "x"] {
            let answer = call().bytes(kind, good.clone()).await;
            assert!([400, 415].contains(&answer.status.as_u16()), "{kind}: {answer}");
        }
    }
    assert!(asked > 400);
    world.market.ends_clean().await;
}

#[tokio::test]
async fn a_body_of_three_megabytes_is_413_everywhere() {
    let world = World::new().await;
    let huge = format!("{{\"a\":\"{}\"}}", "x".repeat(3 << 20));
    for operation in operations(&world.market).await {
        if operation.body.is_none() {
            continue;
        }
        let (client, path) = (world.entitled(&operation.path), world.path(&operation.path));
        let call = client.call(operation.method.clone(), &path).bytes("application/json", huge.clone());
        // A server may hang up on who goes on sending after it has answered.
        if let Ok(answer) = call.attempt().await {
            assert!(answer.faults().is_empty(), "{answer}");
            answer.refused(413, "too_large");
        }
    }
    world.market.ends_clean().await;
}

#[tokio::test]
async fn the_samples_are_good_requests_and_name_every_field() {
    let world = World::new().await;
    let mut wrong = Vec::new();
    for operation in operations(&world.market).await {
        let Some(properties) = &operation.body else { continue };
        let samples = samples(&world, &operation);
        for property in properties {
            if !samples.iter().any(|sample| sample.get(property).is_some()) {
                wrong.push(format!("no sample of {} has {property}", operation.name()));
            }
        }
        if is_signed(&operation) {
            continue;
        }
        for sample in samples {
            let (client, path) = (world.entitled(&operation.path), world.path(&operation.path));
            let answer = client.call(operation.method.clone(), &path).json(&sample).await;
            if answer.status == 400 {
                wrong.push(answer.to_string());
            }
        }
    }
    assert!(wrong.is_empty(), "{wrong:#?}");
    world.market.ends_clean().await;
}
