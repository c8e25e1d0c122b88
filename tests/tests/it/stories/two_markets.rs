//! Two whole marketplaces side by side.

use souk_tests::Market;

#[tokio::test]
async fn two_marketplaces_in_one_process_know_nothing_of_each_other() {
    let (here, there) = tokio::join!(Market::start(), Market::start());
    let (mine, theirs) = (here.seller("Tea House").await, there.seller("Tea House").await);
    let (teapot, other) = (mine.lists("Teapot", 2500, 5).await, theirs.lists("Teapot", 900, 7).await);
    let (cleo, ben) = (here.buyer("Cleo").await, there.buyer("Ben").await);
    cleo.buys(&teapot, 1).await;
    ben.buys(&other, 2).await;
    assert_eq!((mine.stock(&teapot).await, theirs.stock(&other).await), ((4, 0, 4), (5, 0, 5)));
    there.client.get(&format!("/products/{}", teapot.id())).await.not_found();
    // A token of one is worth nothing in the other.
    let stray = there.moved(&cleo.client);
    stray.get("/users/me").await.is(401);
    assert!(
        !there.admin.client.get("/admin/users?q=cleo").await.rows().iter().any(|user| user["email"] == *cleo.email)
    );
    tokio::join!(here.ends_clean(), there.ends_clean());
}
