//! The rules find what is wrong.

use sea_orm::{DbErr, EntityTrait, sea_query::Expr};
use souk_kernel::Actor;

use super::{Shop, portion};
use crate::{
    operations::request_refund::{Bearer, RefundWish},
    store::entities::{allocation, ledger_posting, payment, refund},
    verify,
};

async fn broken_rules(shop: &Shop) -> Vec<&'static str> {
    let rules = verify::rules(&shop.app.db).await.unwrap();
    rules.into_iter().filter(|rule| !rule.holds()).map(|rule| rule.name).collect()
}

async fn some_business() -> Shop {
    let shop = Shop::open().await;
    let payment = shop.paid(vec![portion("a", 1000, 50, 200, 100)]).await;
    let wish = RefundWish {
        payment: payment.id,
        amount: Some(100),
        reason: "test".to_owned(),
        reference: "r".to_owned(),
        bearer: Bearer::All,
        by: Actor::System,
    };
    shop.refund(wish).await;
    shop.verify().await;
    shop
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_posting_is_found() {
    let shop = some_business().await;
    let change = |tx| async move {
        let column = ledger_posting::Column::Amount;
        ledger_posting::Entity::update_many().col_expr(column, Expr::value(1)).exec(&tx).await
    };
    shop.app.db.transaction::<_, DbErr, _, _>(change).await.unwrap();
    let broken = broken_rules(&shop).await;
    assert_eq!(broken.len(), 3, "{broken:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_changed_payment_part_or_refund_is_found() {
    let shop = some_business().await;
    let change = |tx| async move {
        payment::Entity::update_many().col_expr(payment::Column::RefundedAmount, Expr::value(99)).exec(&tx).await?;
        allocation::Entity::update_many().col_expr(allocation::Column::BackTax, Expr::value(0)).exec(&tx).await?;
        refund::Entity::update_many().col_expr(refund::Column::Amount, Expr::value(101)).exec(&tx).await
    };
    shop.app.db.transaction::<_, DbErr, _, _>(change).await.unwrap();
    let broken = broken_rules(&shop).await;
    assert_eq!(broken.len(), 4, "{broken:?}");
}
