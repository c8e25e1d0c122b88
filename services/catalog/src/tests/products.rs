use axum::{
    body::Body,
    http::{Method, Request, header},
};
use serde_json::json;

use super::{Market, taken_apart};
use crate::Config;

#[tokio::test]
async fn a_product_is_listed_read_changed_and_archived() {
    let market = Market::open().await;
    let (shop, category) = (market.shop("Mugs & Co"), market.category("Mugs").await);
    let made = market.product(shop, &category, "Blue Mug", 1_250, 7).await;
    assert_eq!(
        (&made["slug"], &made["price"], &made["stock"], &made["currency"]),
        (&json!("blue-mug"), &json!(1250), &json!(7), &json!("GBP"))
    );
    assert_eq!(
        (&made["status"], &made["version"], &made["offer_reason"]),
        (&json!("active"), &json!(1), &json!("only_offer"))
    );
    assert_eq!(made["seller"]["name"], "Mugs & Co");
    assert_eq!(made["category"]["path"], json!(["Mugs"]));
    let (id, sku) = (made["id"].as_str().unwrap(), made["skus"][0]["id"].as_str().unwrap());
    assert_eq!(market.neighbours.level(sku).unwrap().on_hand, 7);

    let path = format!("/products/{id}");
    let read = market.get("/products/blue-mug").await;
    assert_eq!(read.etag.as_deref(), Some("\"1\""));
    assert_eq!(read.data(200), made);
    let held = Request::get(&path).header(header::IF_NONE_MATCH, "\"1\"").body(Body::empty()).unwrap();
    assert_eq!(market.raw(None, held).await.status(), 304);

    let changed =
        market.put(shop.person, &path, json!({"title": "Navy Mug", "price": 999, "version": 1})).await.data(200);
    assert_eq!(
        (&changed["title"], &changed["price"], &changed["version"]),
        (&json!("Navy Mug"), &json!(999), &json!(2))
    );
    assert_eq!(market.put(shop.person, &path, json!({"price": 1, "version": 1})).await.error(412).0, "version_lost");
    assert_eq!(market.get(&path).await.data(200)["price"], 999);

    let counted = market.put(shop.person, &path, json!({"stock": 3})).await.data(200);
    assert_eq!((&counted["stock"], &counted["version"]), (&json!(3), &json!(2)));
    assert_eq!(market.get(&path).await.data(200)["stock"], 3);
    let held = Request::get(&path).header(header::IF_NONE_MATCH, "\"2\"").body(Body::empty()).unwrap();
    assert_eq!(
        market.raw(None, held).await.status(),
        200,
        "the stock is another than that which was read with this tag"
    );

    assert_eq!(market.delete(shop.person, &path).await.status, 204);
    assert_eq!(market.get(&path).await.error(404).0, "not_found");
    assert_eq!(market.get_as(market.buyer(), &path).await.status, 404);
    assert_eq!(market.get_as(shop.person, &path).await.data(200)["status"], "archived");
    assert_eq!(market.put(shop.person, &path, json!({"price": 1})).await.error(409).0, "product_archived");
    assert_eq!(market.get("/products").await.data(200), json!([]));
    market.verify().await;
}

#[tokio::test]
async fn every_fault_is_named_at_once() {
    let market = Market::open().await;
    let shop = market.shop("Shop");
    let body = json!({
        "title": " ", "category_id": "nowhere", "currency": "pounds", "price": -1, "stock": -1,
        "attributes": {"a": null}, "images": ["ftp://x"], "status": "sold",
    });
    let (code, fields) = market.post(shop.person, "/products", body).await.error(422);
    assert_eq!(code, "invalid");
    assert_eq!(fields, ["title", "category_id", "attributes.a", "images[0]", "currency", "status", "price", "stock"]);
    let category = market.category("C").await;
    let body = json!({
        "title": "T", "category_id": category, "price": 1,
        "skus": [
            {"code": "a", "options": {"size": "M"}, "price": 1},
            {"code": "a", "options": {"Size": "m"}, "price": 1},
            {"options": {"colour": "red"}, "price": 1, "stock": -5},
        ],
    });
    let (_, fields) = market.post(shop.person, "/products", body).await.error(422);
    assert_eq!(fields, ["price", "skus[1].code", "skus[1].options", "skus[2].stock", "skus[2].options"]);
    let unknown =
        market.post(shop.person, "/products", json!({"title": "T", "category_id": category, "price": 1, "x": 1})).await;
    assert_eq!(unknown.error(400).1, ["x"]);
    assert_eq!(market.neighbours.opened(), 0);
}

#[tokio::test]
async fn only_the_owner_and_the_operator_change_a_product() {
    let market = Market::open().await;
    let (shop, other, category) = (market.shop("A"), market.shop("B"), market.category("C").await);
    let made = market.product(shop, &category, "Thing", 5, 1).await;
    let path = format!("/products/{}", made["id"].as_str().unwrap());
    assert_eq!(market.send(None, Method::PUT, &path, Some(json!({}))).await.status, 401);
    for stranger in [market.buyer(), other.person] {
        assert_eq!(market.put(stranger, &path, json!({"title": "X"})).await.status, 403);
        assert_eq!(market.delete(stranger, &path).await.status, 403);
    }
    assert_eq!(market.post(market.buyer(), "/products", json!({})).await.status, 403);
    assert_eq!(market.put(market.admin(), &path, json!({"status": "draft"})).await.data(200)["status"], "draft");
    assert_eq!(market.put(other.person, &path, json!({"title": "X"})).await.status, 404);
    assert_eq!(market.get(&path).await.status, 404);
    assert_eq!(market.get("/products?status=draft").await.data(200), json!([]));
    assert_eq!(market.get_as(other.person, "/products?status=all").await.data(200), json!([]));
    assert_eq!(market.get_as(shop.person, "/products?status=draft").await.data(200)[0]["title"], "Thing");
    assert_eq!(market.get_as(market.buyer(), "/admin/products").await.status, 403);
    assert_eq!(market.get_as(market.admin(), "/admin/products").await.data(200)[0]["status"], "draft");
}

#[tokio::test]
async fn skus_are_changed_by_id_or_code_and_added() {
    let market = Market::open().await;
    let (shop, category) = (market.shop("A"), market.category("C").await);
    let body = json!({"title": "Shirt", "category_id": category, "skus": [
        {"code": "s", "options": {"size": "S"}, "price": 300, "stock": 0},
        {"code": "m", "options": {"size": "M"}, "price": 500, "stock": 2},
    ]});
    let made = market.post(shop.person, "/products", body).await.data(201);
    assert_eq!((&made["price"], &made["stock"], &made["offer_reason"]), (&json!(500), &json!(2), &json!("in_stock")));
    let path = format!("/products/{}", made["id"].as_str().unwrap());
    assert_eq!(market.put(shop.person, &path, json!({"price": 1})).await.error(422).1, ["price"]);
    let change = json!({"skus": [
        {"id": made["skus"][0]["id"], "code": "small", "stock": 4},
        {"code": "m", "price": 450},
        {"code": "l", "options": {"size": "L"}, "price": 200, "stock": 1},
    ]});
    let changed = market.put(shop.person, &path, change).await.data(200);
    let codes: Vec<_> = changed["skus"].as_array().unwrap().iter().map(|sku| sku["code"].clone()).collect();
    assert_eq!(codes, ["small", "m", "l"]);
    assert_eq!((&changed["price"], &changed["stock"], &changed["version"]), (&json!(200), &json!(1), &json!(2)));
    assert_eq!(changed["skus"][0]["stock"], 4);
    let again = json!({"skus": [{"code": "xl", "options": {"size": "l"}, "price": 1}]});
    assert_eq!(market.put(shop.person, &path, again).await.error(422).1, ["skus[0].options"]);
    let taken = json!({"title": "Other", "category_id": category, "skus": [{"code": "m", "price": 1}]});
    assert_eq!(market.post(shop.person, "/products", taken.clone()).await.error(409).0, "code_taken");
    assert_eq!(market.delete(shop.person, &path).await.status, 204);
    market.post(shop.person, "/products", taken).await.data(201);
    market.verify().await;
}

#[tokio::test]
async fn lists_filter_sort_and_page() {
    let market = Market::open().await;
    let (shop, other) = (market.shop("Alpha"), market.shop("Beta"));
    let (books, toys) = (market.category("Books").await, market.category("Toys").await);
    for (n, price) in [30, 10, 20, 10, 40].into_iter().enumerate() {
        let (shop, category) = if n % 2 == 0 { (shop, &books) } else { (other, &toys) };
        let body = json!({"title": format!("P{n}"), "category_id": category, "price": price, "stock": n,
            "attributes": {"colour": if n < 2 { "Red" } else { "blue" }, "weight": n, "tags": ["x", format!("t{n}")]}});
        market.post(shop.person, "/products", body).await.data(201);
    }
    let titles = |query: &str| {
        let path = format!("/products?{query}");
        let market = &market;
        async move {
            let listed = market.get(&path).await.data(200);
            listed
                .as_array()
                .unwrap()
                .iter()
                .map(|item| item["title"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
                .join(" ")
        }
    };
    assert_eq!(titles("").await, "P4 P3 P2 P1 P0");
    assert_eq!(titles("sort=price_asc").await, "P1 P3 P2 P0 P4");
    assert_eq!(titles("sort=price_desc&limit=2&offset=1").await, "P0 P2");
    assert_eq!(titles("category=toys").await, "P3 P1");
    assert_eq!(titles("seller=alpha&price_min=20&price_max=30").await, "P2 P0");
    assert_eq!(titles("in_stock=false").await, "P0");
    assert_eq!(titles("attr.colour=RED").await, "P1 P0");
    assert_eq!(titles("attr.colour=red,blue&attr.weight_min=1&attr.weight_max=3").await, "P3 P2 P1");
    assert_eq!(titles("attr.tags=t4").await, "P4");
    assert_eq!(titles("category=nowhere").await, "");
    for sort in ["newest", "price_asc", "price_desc", "rating", "popular"] {
        let (mut path, mut seen) = (format!("/products?sort={sort}&limit=2"), Vec::new());
        loop {
            let page = market.get(&path).await;
            let meta = page.json["meta"]["page"].clone();
            assert_eq!((&meta["total"], &meta["limit"]), (&json!(5), &json!(2)));
            seen.extend(page.data(200).as_array().unwrap().iter().map(|item| item["title"].clone()));
            let Some(cursor) = meta["next_cursor"].as_str() else { break };
            path = format!("/products?sort={sort}&limit=2&cursor={cursor}");
        }
        let whole = market.get(&format!("/products?sort={sort}")).await.data(200);
        assert_eq!(seen, whole.as_array().unwrap().iter().map(|item| item["title"].clone()).collect::<Vec<_>>());
        assert_eq!(seen.len(), 5);
    }
    let bad = market.get("/products?sort=best&price_min=-1&limit=0&in_stock=maybe&status=sold").await;
    assert_eq!(bad.status, 400);
    let cursor = market.get("/products?limit=1").await.json["meta"]["page"]["next_cursor"].as_str().unwrap().to_owned();
    assert_eq!(market.get(&format!("/products?sort=rating&cursor={cursor}")).await.status, 400);
}

#[tokio::test]
async fn under_moderation_a_product_waits_for_the_operator() {
    let market = Market::with(Config { moderation: true, ..Config::default() }).await;
    let (shop, category) = (market.shop("A"), market.category("C").await);
    let made = market.product(shop, &category, "Thing", 5, 1).await;
    assert_eq!(made["status"], "pending");
    let id = made["id"].as_str().unwrap();
    assert_eq!(market.get(&format!("/products/{id}")).await.status, 404);
    let waiting = market.get_as(market.admin(), "/admin/products?status=pending").await.data(200);
    assert_eq!(waiting[0]["id"], id);
    let approved =
        market.send(Some(market.admin()), Method::POST, &format!("/admin/products/{id}/approve"), None).await;
    assert_eq!(approved.data(200)["status"], "active");
    assert_eq!(market.get(&format!("/products/{id}")).await.status, 200);
    assert_eq!(
        market.put(shop.person, &format!("/products/{id}"), json!({"price": 6})).await.data(200)["status"],
        "active"
    );
}

#[tokio::test]
async fn uploaded_images_are_served_by_their_content() {
    let market = Market::open().await;
    let (shop, category) = (market.shop("A"), market.category("C").await);
    let made = market.product(shop, &category, "Thing", 5, 1).await;
    let path = format!("/products/{}/images", made["id"].as_str().unwrap());
    let mut png = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(64, 32).write_to(&mut png, image::ImageFormat::Png).unwrap();
    let upload = |bytes: &[u8]| {
        let mut body = b"--b\r\ncontent-disposition: form-data; name=\"file\"; filename=\"x.png\"\r\n\r\n".to_vec();
        body.extend_from_slice(bytes);
        body.extend_from_slice(b"\r\n--b--\r\n");
        Request::post(&path)
            .header(header::CONTENT_TYPE, "multipart/form-data; boundary=b")
            .body(Body::from(body))
            .unwrap()
    };
    let images = taken_apart(market.raw(Some(shop.person), upload(png.get_ref())).await).await.data(201);
    let address = images["images"][0].as_str().unwrap().to_owned();
    let served = market.raw(None, Request::get(&address).body(Body::empty()).unwrap()).await;
    assert_eq!(
        (served.status().as_u16(), &served.headers()[header::CONTENT_TYPE]),
        (200, &header::HeaderValue::from_static("image/webp"))
    );
    assert_eq!(
        market.get(&format!("/products/{}", made["id"].as_str().unwrap())).await.data(200)["images"],
        json!([address])
    );
    assert_eq!(taken_apart(market.raw(Some(shop.person), upload(b"<svg/>")).await).await.status, 415);
    assert_eq!(taken_apart(market.raw(Some(shop.person), upload(&vec![0; 11 << 20])).await).await.status, 413);
    assert_eq!(market.get("/images/..%2Fcatalog.db").await.status, 404);
}
