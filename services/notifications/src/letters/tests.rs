use chrono::DateTime;
use souk_contracts::events::{self, LineSnapshot, OrderSnapshot, SellerOrderSnapshot};
use souk_kernel::{Currency, OrderId, ProductId, SellerId, SellerOrderId, SkuId};

use super::*;

pub fn site() -> Site {
    Site { name: "Souk".to_owned(), url: "https://souk.example".to_owned() }
}

fn part(seller: &str, title: &str, quantity: i64, unit_price: i64) -> SellerOrderSnapshot {
    let line_total = quantity * unit_price;
    SellerOrderSnapshot {
        seller_order_id: SellerOrderId::new(),
        seller_id: SellerId::new(),
        seller_name: seller.to_owned(),
        lines: vec![LineSnapshot {
            sku_id: SkuId::new(),
            product_id: ProductId::new(),
            title: title.to_owned(),
            quantity,
            unit_price,
            line_total,
        }],
        subtotal: line_total,
        shipping: 0,
        tax: 0,
        total: line_total,
    }
}

pub fn order() -> OrderSnapshot {
    OrderSnapshot {
        order_id: OrderId::derived("order"),
        number: "S-7K3M-9QXD".to_owned(),
        user_id: None,
        email: "ann@example.org".to_owned(),
        token: None,
        name: "Ann <b>Lee</b>".to_owned(),
        locale: "en".to_owned(),
        cart_id: None,
        payment_id: None,
        currency: Currency::GBP,
        subtotal: 3205,
        discount: 0,
        shipping: 495,
        tax: 0,
        total: 3700,
        seller_orders: vec![part("Tea & House", "Cup <script>", 2, 1205), part("Books", "Atlas", 1, 795)],
        placed_at: DateTime::UNIX_EPOCH,
    }
}

#[test]
fn a_confirmed_order_lists_every_sellers_lines_and_sums() {
    let letter = OrderConfirmed::of(&order(), &site()).write(&site()).unwrap();
    assert_eq!((letter.template, letter.subject.as_str()), ("order_confirmed", "Your order S-7K3M-9QXD at Souk"));
    let url = format!("https://souk.example/orders/{}", OrderId::derived("order"));
    let expected = format!(
        "Thank you, Ann <b>Lee</b>!\n\nYour order S-7K3M-9QXD is paid. The sellers prepare it now; you get another mail \
         when each part is on its way.\n\nSold by Tea & House:\n  2 x Cup <script>: 24.10 GBP\n\nSold by Books:\n  1 x \
         Atlas: 7.95 GBP\n\nGoods: 32.05 GBP\nShipping: 4.95 GBP\nTotal: 37.00 GBP\n\nSee your order: {url}\n\nSouk"
    );
    assert_eq!(letter.text, expected);
}

#[test]
fn nothing_that_people_wrote_becomes_markup() {
    let letter = OrderConfirmed::of(&order(), &site()).write(&site()).unwrap();
    for foreign in ["<script>", "<b>Lee</b>", "Tea & House"] {
        assert!(!letter.html.contains(foreign), "{foreign} in {}", letter.html);
    }
    assert!(letter.html.contains("2 × Cup &#60;script&#62;"), "{}", letter.html);
    assert!(letter.html.starts_with("<!doctype html>"));
}

#[test]
fn a_shipped_part_names_only_its_own_lines() {
    let order = order();
    let seller_order_id = order.seller_orders[1].seller_order_id;
    let (carrier, tracking_number) = ("Royal Mail".to_owned(), "RM1".to_owned());
    let event = events::OrderShipped { order, seller_order_id, carrier, tracking_number };
    let letter = OrderShipped::of(&event, &site()).write(&site()).unwrap();
    assert!(letter.text.contains("Royal Mail.\nTracking number: RM1"), "{}", letter.text);
    assert!(letter.text.contains("Atlas") && !letter.text.contains("Cup"));
}

#[test]
fn who_paid_is_told_of_the_refund_and_who_did_not_that_nothing_was_charged() {
    for (status, refund, headline, money) in [
        ("cancelled", true, "Your order was cancelled", "The whole amount of 37.00 GBP goes back"),
        ("expired", false, "Your order was not paid in time", "Nothing was charged."),
        ("rejected", false, "Your order could not be taken", "Nothing was charged."),
    ] {
        let (status, reason) = (status.to_owned(), "changed my mind.".to_owned());
        let event = events::OrderCancelled { order: order(), status, reason, refund };
        let letter = OrderCancelled::of(&event, &site()).write(&site()).unwrap();
        assert_eq!(letter.subject, format!("{headline}: S-7K3M-9QXD"));
        assert!(letter.text.contains(money) && letter.text.contains("Reason: changed my mind.\n"), "{}", letter.text);
    }
}

#[test]
fn sellers_read_only_their_part() {
    let order = order();
    let part = &order.seller_orders[0];
    let page = format!("https://souk.example/seller/orders/{}", part.seller_order_id);
    let letters = [
        NewOrder::of(&order, part, "Bob", &site()).write(&site()).unwrap(),
        SaleCancelled::of(&order, part, "Bob", &site()).write(&site()).unwrap(),
    ];
    for letter in letters {
        assert!(letter.text.contains(&page) && letter.html.contains(&page));
        assert!(letter.text.contains("Cup") && !letter.text.contains("Atlas") && !letter.text.contains("Ann"));
    }
}

#[test]
fn a_reset_link_is_whole_in_both_forms() {
    let url = "https://souk.example/account/reset?token=abc-_123".to_owned();
    let reset = PasswordReset { name: "Ann".to_owned(), url: url.clone(), expires: "10:30 UTC".to_owned() };
    let letter = reset.write(&site()).unwrap();
    assert!(letter.text.contains(&url) && letter.html.contains(&url), "{}", letter.html);
}

#[test]
fn a_subject_is_one_line() {
    let seller = format!("Tea\r\nBcc: x@y.org {}", "x".repeat(300));
    let letter = SellerSuspended { name: "Bob".to_owned(), seller, reason: String::new() }.write(&site()).unwrap();
    assert!(!letter.subject.contains(['\r', '\n']) && letter.subject.chars().count() == 200);
}

#[test]
fn a_guests_link_opens_the_order_and_sellers_get_no_such_link() {
    let order = OrderSnapshot { token: Some(events::OrderToken("0a1b".to_owned())), ..order() };
    let link = format!("https://souk.example/orders/{}?token=0a1b", order.order_id);
    let letter = OrderConfirmed::of(&order, &site()).write(&site()).unwrap();
    assert!(letter.text.contains(&link) && letter.html.contains(&link), "{letter:?}");
    let letter = NewOrder::of(&order, &order.seller_orders[0], "Tea", &site()).write(&site()).unwrap();
    assert!(!letter.text.contains("0a1b") && !letter.html.contains("0a1b"), "{letter:?}");
    assert!(!format!("{order:?}").contains("0a1b"));
}
