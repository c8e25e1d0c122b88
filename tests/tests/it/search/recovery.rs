//! Crashes, lost indexes, new indexes.

use sea_orm::{ConnectionTrait, Statement};
use serde_json::json;
use souk_tests::{Market, eventually, search_cluster};

use super::finds;

#[tokio::test]
async fn nothing_is_missing_after_a_crash_while_indexing() {
    let mut market = Market::start().await;
    let mut seller = market.seller("Tea House").await;
    let mut expected = Vec::new();
    for round in 0..3 {
        for number in 0..15 {
            let title = format!("Cup {round} {number}");
            seller.lists(&title, 100, 5).await;
            expected.push(title);
        }
        // Wherever the indexer stands at this moment.
        market.crashes().await;
        seller.client = market.moved(&seller.client);
    }
    let found = eventually("every cup is found", async || {
        let answer = market.client.get("/search?q=cup&limit=100&sort=newest").await.ok();
        (answer["total"] == expected.len()).then_some(answer)
    })
    .await;
    let mut titles = super::titles(&found);
    titles.sort_unstable();
    expected.sort_unstable();
    assert_eq!(titles, expected);
    market.ends_clean().await;
}

#[tokio::test]
async fn a_lost_index_is_built_again_and_search_goes_on_by_titles_until_then() {
    if search_cluster().is_some() {
        return; // There is no folder.
    }
    let mut market = Market::start().await;
    let seller = market.seller("Tea House").await;
    seller.lists("Blue teapot", 2500, 5).await;
    finds(&market, "q=teapot", &["Blue teapot"]).await;
    let folder = market.folder().join("search");
    market.crashes().await;
    std::fs::remove_dir_all(&folder).unwrap();
    market.crashes().await;
    // From the first moment on, by whichever way.
    let answer = market.client.get("/search?q=blue%20teapot").await.ok();
    assert_eq!(super::titles(&answer), ["Blue teapot"]);
    // Only the index knows that this is the same word.
    finds(&market, "q=teapots", &["Blue teapot"]).await;
    market.ends_clean().await;
}

#[tokio::test]
async fn while_the_index_is_down_catalog_matches_titles() {
    if search_cluster().is_some() {
        return; // There is no folder.
    }
    let mut market = Market::start().await;
    let seller = market.seller("Tea House").await;
    seller.lists("Blue teapot", 2500, 5).await;
    seller.lists("100% cotton cup", 900, 5).await;
    finds(&market, "q=teapot", &["Blue teapot"]).await;
    // A file where the folder of indexes should be: none can be opened or built.
    let folder = market.folder().join("search");
    market.crashes().await;
    let index = std::fs::read_to_string(folder.join("current")).unwrap();
    std::fs::write(folder.join("current"), "nowhere").unwrap();
    let kept = folder.join(index.trim());
    market.crashes().await;
    let answer = eventually("titles are matched", async || {
        let answer = market.client.get("/search?q=TEAPOT%20blue").await.ok();
        (answer["total"] == 1).then_some(answer)
    })
    .await;
    assert_eq!(answer["hits"][0]["title"], "Blue teapot");
    assert_eq!(answer["hits"][0]["seller"]["name"], "Tea House");
    drop(kept);
    market.ends_clean().await;
}

#[tokio::test]
async fn verify_finds_what_the_index_lacks() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    seller.lists("Teapot", 2500, 5).await;
    finds(&market, "q=teapot", &["Teapot"]).await;
    let report = market.verify().await;
    assert!(report.is_clean(), "{report}");
    // The index of another moment: empty.
    let db = market.databases().search();
    let sql = "UPDATE documents SET version = version + 1";
    let forged = Statement::from_string(db.reader().get_database_backend(), sql);
    let before = db.transaction(move |tx| async move { tx.execute_raw(forged).await.map(drop) });
    before.await.unwrap();
    let report = market.verify().await;
    assert!(!report.is_clean());
    let back = Statement::from_string(db.reader().get_database_backend(), "UPDATE documents SET version = version - 1");
    db.transaction(move |tx| async move { tx.execute_raw(back).await.map(drop) }).await.unwrap();
    market.ends_clean().await;
}

#[tokio::test]
async fn a_new_index_takes_over_while_the_old_one_answers() {
    if search_cluster().is_some() {
        return; // There is no folder.
    }
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let teapot = seller.lists("Teapot", 2500, 5).await;
    finds(&market, "q=teapot", &["Teapot"]).await;
    let current = || std::fs::read_to_string(market.folder().join("search").join("current")).unwrap();
    let before = current();
    market.part("search").reindex(&|_, _, _| {}).await.unwrap();
    assert_ne!(current(), before);
    let cup = json!({"title": "Cup", "description": "Holds tea."});
    seller.client.put(&format!("/products/{}", teapot.id()), &cup).await.ok();
    finds(&market, "q=cup", &["Cup"]).await;
    finds(&market, "q=teapot", &[]).await;
    eventually("the old index is gone", async || {
        let old = market.folder().join("search").join(before.trim());
        (!old.exists()).then_some(())
    })
    .await;
    market.ends_clean().await;
}
