//! What is found, and how soon.

use serde_json::json;
use souk_tests::Market;

use super::{finds, titles};

#[tokio::test]
async fn a_product_is_found_by_its_words_and_shown_in_short() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Blue porcelain teapot", 2500, 5).await;
    let answer = finds(&market, "q=teapots", &["Blue porcelain teapot"]).await;
    let hit = &answer["hits"][0];
    assert_eq!(hit["id"], *teapot.id());
    assert_eq!((&hit["price"], &hit["stock"], &hit["status"]), (&json!(2500), &json!(5), &json!("active")));
    assert_eq!((&hit["seller"]["name"], &hit["category"]["path"]), (&json!("Tea House"), &json!(["Things"])));
    assert_eq!(hit["highlight"]["title"], "Blue porcelain <em>teapot</em>");
    assert!(hit["description"].is_null() && hit["attributes"].is_null() && hit["skus"].is_null());
    assert_eq!(
        (&answer["total"], &answer["degraded"], &answer["suggestion"]),
        (&json!(1), &json!(false), &json!(null))
    );
    assert!(answer["took_ms"].is_number());
    market.ends_clean().await;
}

#[tokio::test]
async fn changes_archives_stock_and_new_sellers_are_followed() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    finds(&market, "q=teapot&in_stock=true", &["Teapot"]).await;
    seller.reprices(&teapot, 1900).await;
    finds(&market, "q=teapot&price_max=2000", &["Teapot"]).await;
    let renamed = json!({"title": "Samovar", "description": "Boils water."});
    seller.client.put(&format!("/products/{}", teapot.id()), &renamed).await.ok();
    finds(&market, "q=samovar", &["Samovar"]).await;
    finds(&market, "q=teapot", &[]).await;
    seller.counts(teapot.sku(), 0).await.ok();
    finds(&market, "q=samovar&in_stock=false", &["Samovar"]).await;
    seller.client.delete(&format!("/products/{}", teapot.id())).await.no_content();
    finds(&market, "q=samovar", &[]).await;
    market.ends_clean().await;
}

#[tokio::test]
async fn words_are_understood_however_they_are_typed() {
    let market = Market::start().await;
    let seller = market.seller("Electronics").await;
    for title in [
        "Sony DSC-W800 compact camera",
        "USB-C charging cable 2 m",
        "Kingston memory module 4 GB",
        "Café crème coffee maker",
        "Bluetooth headset",
        "Lenovo notebook",
    ] {
        seller.lists(title, 1000, 5).await;
    }
    finds(&market, "q=lenovo", &["Lenovo notebook"]).await;
    for (query, expected) in [
        ("dscw800", "Sony DSC-W800 compact camera"),
        ("DSC W800", "Sony DSC-W800 compact camera"),
        ("dsc-w8", "Sony DSC-W800 compact camera"),
        ("usb%20c%20cable", "USB-C charging cable 2 m"),
        ("usbc", "USB-C charging cable 2 m"),
        ("4gb", "Kingston memory module 4 GB"),
        ("cafe", "Café crème coffee maker"),
        ("cr%C3%A8me", "Café crème coffee maker"),
        ("head%20set", "Bluetooth headset"),
        ("laptops", "Lenovo notebook"),
    ] {
        let answer = market.client.get(&format!("/search?q={query}")).await.ok();
        assert_eq!(titles(&answer).first().map(String::as_str), Some(expected), "{query}");
    }
    let corrected = market.client.get("/search?q=blutooth").await.ok();
    assert_eq!(
        (titles(&corrected), &corrected["suggestion"]),
        (vec!["Bluetooth headset".to_owned()], &json!("bluetooth"))
    );
    let never = market.client.get("/search?q=dscw900").await.ok();
    assert!(titles(&never).is_empty(), "part numbers are not corrected");
    market.ends_clean().await;
}

#[tokio::test]
async fn what_is_quoted_is_found_as_it_stands() {
    let market = Market::start().await;
    let seller = market.seller("Electronics").await;
    for title in ["USB-C cables 2 m", "Cable tester for USB", "Cable USB adapter", "Lamp"] {
        seller.lists(title, 1000, 5).await;
    }
    finds(&market, "q=lamp", &["Lamp"]).await;
    let found = async |query: &str| {
        let answer = market.client.get(&format!("/search?q={query}")).await.ok();
        let mut titles = titles(&answer);
        titles.sort_unstable();
        titles
    };
    assert_eq!(found("%22cable%20usb%22").await, ["Cable USB adapter"]);
    assert_eq!(found("%22c%20cable%22").await, ["USB-C cables 2 m"]);
    assert_eq!(found("%22usb%20cable%22").await, [""; 0], "there is something between them");
    assert_eq!(found("adapter%20%22cable%22").await.len(), 3, "the quoted word in all, what has both words first");
    assert_eq!(found("%22cable%20usb").await, found("cable%20usb").await, "a lonely quote is plain text");
    assert_eq!(found("%22%22%20%22!%22%20lamp%22").await, ["Lamp"]);
    market.ends_clean().await;
}

#[tokio::test]
async fn products_with_all_words_come_before_those_with_some() {
    let market = Market::start().await;
    let seller = market.seller("Electronics").await;
    for title in ["Gaming mouse", "Mouse pad", "Gaming keyboard", "Lamp"] {
        seller.lists(title, 1000, 5).await;
    }
    finds(&market, "q=lamp", &["Lamp"]).await;
    let answer = market.client.get("/search?q=gaming%20mouse").await.ok();
    assert_eq!(titles(&answer)[0], "Gaming mouse");
    assert_eq!((&answer["relaxed"], &answer["total"]), (&json!(true), &json!(3)));
    market.ends_clean().await;
}

#[tokio::test]
async fn pages_hold_every_product_once() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    for number in 0..23 {
        seller.lists(&format!("Cup number {number}"), 100 + number, 5).await;
    }
    finds(&market, "q=cup%20number%2022&limit=1", &["Cup number 22"]).await;
    for sort in ["relevance", "price_asc", "newest"] {
        let (mut seen, mut cursor) = (Vec::new(), String::new());
        loop {
            let answer = market.client.get(&format!("/search?q=cup&sort={sort}&limit=5{cursor}")).await;
            let page = answer.json["meta"]["page"].clone();
            seen.extend(titles(&answer.ok()));
            assert_eq!(page["total"], 23);
            match page["next_cursor"].as_str() {
                Some(next) => cursor = format!("&cursor={next}"),
                None => break,
            }
        }
        assert_eq!(seen.len(), 23, "{sort}");
        let by_offset = market.client.get(&format!("/search?q=cup&sort={sort}&limit=5&offset=20")).await.ok();
        assert_eq!(titles(&by_offset), seen[20..], "{sort}");
        seen.sort_unstable();
        seen.dedup();
        assert_eq!(seen.len(), 23, "{sort}");
    }
    market.ends_clean().await;
}
