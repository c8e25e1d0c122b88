//! Pages of lists.

use souk_tests::{Client, Market, Thing};

/// Every list of the interface that needs nothing but a login, with who may ask.
fn lists(market: &Market, seller: &Client, buyer: &Client) -> Vec<(Client, &'static str)> {
    let (anybody, admin) = (&market.client, &market.admin.client);
    let by =
        |client: &Client, paths: &[&'static str]| paths.iter().map(|path| (client.clone(), *path)).collect::<Vec<_>>();
    let mut all = by(anybody, &["/products", "/categories", "/sellers", "/shipping-methods"]);
    all.extend(by(buyer, &["/orders", "/notifications"]));
    all.extend(by(seller, &["/seller/orders", "/seller/payouts", "/inventory", "/inventory/sources"]));
    all.extend(by(
        admin,
        &[
            "/admin/users",
            "/admin/sellers",
            "/admin/orders",
            "/admin/payments",
            "/admin/products",
            "/admin/reviews",
            "/admin/events",
            "/admin/commission-rules",
            "/admin/mail",
        ],
    ));
    all
}

#[tokio::test]
async fn every_list_says_where_it_is() {
    let market = Market::start().await;
    let (seller, buyer) = (market.seller("Tea House").await, market.buyer("Cleo").await);
    for (client, path) in lists(&market, &seller.client, &buyer.client) {
        let answer = client.get(&format!("{path}?limit=7&offset=0")).await;
        let page = answer.page();
        assert_eq!((page.number("limit"), page.number("offset")), (7, 0), "{answer}");
        answer.rows();
        let default = client.get(path).await.page();
        assert!(default.number("limit") >= 20, "{path}: {default:?}");
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn a_page_that_cannot_be_is_refused_not_clamped() {
    let market = Market::start().await;
    let (seller, buyer) = (market.seller("Tea House").await, market.buyer("Cleo").await);
    for (client, path) in lists(&market, &seller.client, &buyer.client) {
        for limit in ["0", "101", "-1", "x", "1e3", "18446744073709551616"] {
            client.get(&format!("{path}?limit={limit}")).await.malformed(&["limit"]);
        }
        for offset in ["-1", "x", "99999999999999999999"] {
            client.get(&format!("{path}?offset={offset}")).await.malformed(&["offset"]);
        }
        client.get(&format!("{path}?limit=0&offset=-1")).await.malformed(&["limit", "offset"]);
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn a_cursor_that_nobody_gave_is_refused() {
    let market = Market::start().await;
    let (seller, buyer) = (market.seller("Tea House").await, market.buyer("Cleo").await);
    // Lists that are always short enough for one page give no cursors and may not look at them.
    let short = ["/categories", "/shipping-methods"];
    for (client, path) in lists(&market, &seller.client, &buyer.client) {
        for cursor in ["x", "AAAA", "bm90IGpzb24", "W10", "%00", "e30", "WyIiXQ"] {
            let answer = client.get(&format!("{path}?cursor={cursor}")).await;
            if !short.contains(&path) {
                answer.malformed(&["cursor"]);
            }
        }
    }
    market.ends_clean().await;
}

#[tokio::test]
async fn offset_and_cursor_lead_through_the_same_rows() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    for number in 0..23 {
        seller.lists(&format!("Teapot {number}"), 1000 + number % 5, 5).await;
    }
    let all = ids(market.client.get("/products?limit=100").await.rows());
    assert_eq!(all.len(), 23);
    for sort in ["newest", "price_asc", "price_desc", "rating", "popular"] {
        let base = format!("/products?sort={sort}&limit=5");
        let (mut by_offset, mut by_cursor) = (Vec::new(), Vec::new());
        for page in 0..5 {
            by_offset.extend(ids(market.client.get(&format!("{base}&offset={}", page * 5)).await.rows()));
        }
        let mut next = Some(String::new());
        while let Some(cursor) = next {
            let query = if cursor.is_empty() { base.clone() } else { format!("{base}&cursor={cursor}") };
            let answer = market.client.get(&query).await;
            next = answer.page()["next_cursor"].as_str().map(str::to_owned);
            by_cursor.extend(ids(answer.rows()));
            assert!(by_cursor.len() <= 23, "the cursor goes round in circles");
        }
        assert_eq!(by_offset, by_cursor, "{sort}");
        let mut sorted = by_offset.clone();
        sorted.sort_unstable();
        sorted.dedup();
        assert_eq!(sorted.len(), 23, "{sort} leaves rows out or repeats them");
    }
    let beyond = market.client.get("/products?offset=1000").await;
    assert_eq!((beyond.page()["total"].as_u64(), beyond.rows().len()), (Some(23), 0));
    market.ends_clean().await;
}

fn ids(rows: Vec<Thing>) -> Vec<String> {
    rows.iter().map(|row| row.id().to_owned()).collect()
}

#[tokio::test]
async fn rows_that_come_meanwhile_do_not_disturb_a_walk_by_cursor() {
    let market = Market::start().await;
    let seller = market.seller("Tea House").await;
    let cleo = market.buyer("Cleo").await;
    let teapot = seller.lists("Teapot", 1000, 50).await;
    let mut placed = Vec::new();
    for _ in 0..6 {
        placed.push(cleo.orders(&teapot, 1).await.id().to_owned());
    }
    let first = cleo.client.get("/orders?limit=4").await;
    let cursor = first.page()["next_cursor"].as_str().expect("there is more").to_owned();
    cleo.orders(&teapot, 1).await;
    let mut walked = ids(first.rows());
    walked.extend(ids(cleo.client.get(&format!("/orders?limit=4&cursor={cursor}")).await.rows()));
    placed.reverse();
    assert_eq!(walked, placed, "newest first, none twice");
    market.ends_clean().await;
}
