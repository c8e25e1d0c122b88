//! The events that notifications consumes: each becomes messages to people.

use souk_contracts::events::{
    OrderCancelled, OrderConfirmed, OrderDelivered, OrderReturned, OrderShipped, OrderSnapshot, PasswordResetRequested,
    ReviewPosted, SellerApproved, SellerOrderSnapshot, SellerSuspended, UserDeleted,
};
use souk_platform::events::{Consumers, Delivery};

use crate::{
    app::{App, AppState},
    domain::Category,
    error::Error,
    letters::{self, Cancellation, Write},
    operations::{self, MailQueued, Message, Notice, notify},
    teams::Person,
};

type Handled = Result<(), Error>;

pub fn consumers(app: &AppState) -> Consumers {
    Consumers::new("notifications")
        .unhurried()
        .on(app.clone(), order_confirmed)
        .on(app.clone(), order_shipped)
        .on(app.clone(), order_delivered)
        .on(app.clone(), order_cancelled)
        .on(app.clone(), order_returned)
        .on(app.clone(), password_reset_requested)
        .on(app.clone(), seller_approved)
        .on(app.clone(), seller_suspended)
        .on(app.clone(), review_posted)
        .on(app.clone(), user_deleted)
        .on(app.clone(), mail_queued)
}

fn buyer(order: &OrderSnapshot) -> Person {
    Person { user_id: order.user_id, email: order.email.clone(), name: order.name.clone() }
}

/// What the buyer is told about an order.
fn to_buyer<'a>(
    order: &OrderSnapshot,
    kind: &'static str,
    title: String,
    body: &str,
    letter: Option<Box<dyn Write + Send + Sync + 'a>>,
) -> Message<'a> {
    let link = Some(format!("/orders/{}", order.order_id));
    let notice = Some((kind, Notice { title, body: body.to_owned(), link }));
    Message { to: buyer(order), category: Category::Orders, letter, notice }
}

/// What the teams of all sellers of an order are told, each about its part.
async fn to_sellers<L: Write + Send + Sync + 'static>(
    app: &App,
    order: &OrderSnapshot,
    kind: &'static str,
    title: &str,
    letter: impl Fn(&SellerOrderSnapshot, &str) -> L,
) -> Result<Vec<Message<'static>>, Error> {
    let mut messages = Vec::new();
    for part in &order.seller_orders {
        for member in app.teams.of(part.seller_id).await?.iter() {
            let notice = Notice {
                title: format!("{title} {}", order.number),
                body: format!("{} lines for {}", part.lines.len(), part.seller_name),
                link: Some(format!("/seller/orders/{}", part.seller_order_id)),
            };
            messages.push(Message {
                to: member.clone(),
                category: Category::Orders,
                letter: Some(Box::new(letter(part, &member.name))),
                notice: Some((kind, notice)),
            });
        }
    }
    Ok(messages)
}

async fn order_confirmed(app: AppState, delivery: Delivery<OrderConfirmed>) -> Handled {
    let order = &delivery.event.order;
    let write = |part: &SellerOrderSnapshot, name: &str| letters::NewOrder::of(order, part, name, &app.site);
    let mut messages = to_sellers(&app, order, "new_order", "New order", write).await?;
    let letter = letters::OrderConfirmed::of(order, &app.site);
    let title = format!("Your order {} is paid", order.number);
    messages.push(to_buyer(order, "order_confirmed", title, "The sellers prepare it now.", Some(Box::new(letter))));
    notify(&app, messages, delivery.receipt).await
}

async fn order_shipped(app: AppState, delivery: Delivery<OrderShipped>) -> Handled {
    let event = &delivery.event;
    let letter = letters::OrderShipped::of(event, &app.site);
    let title = format!("Your order {} is on its way", event.order.number);
    let body = format!("{}, {}", event.carrier, event.tracking_number);
    let message = to_buyer(&event.order, "order_shipped", title, &body, Some(Box::new(letter)));
    notify(&app, vec![message], delivery.receipt).await
}

async fn order_delivered(app: AppState, delivery: Delivery<OrderDelivered>) -> Handled {
    let order = &delivery.event.order;
    let title = format!("Your order {} has arrived", order.number);
    let message = to_buyer(order, "order_delivered", title, "Tell others what you think of it.", None);
    notify(&app, vec![message], delivery.receipt).await
}

async fn order_cancelled(app: AppState, delivery: Delivery<OrderCancelled>) -> Handled {
    let event = &delivery.event;
    let order = &event.order;
    // Sellers heard of the order only once it was paid.
    let mut messages = if event.refund {
        let write = |part: &SellerOrderSnapshot, name: &str| letters::SaleCancelled::of(order, part, name, &app.site);
        to_sellers(&app, order, "sale_cancelled", "Do not ship order", write).await?
    } else {
        Vec::new()
    };
    let title = format!("{}: {}", Cancellation::of(&event.status).headline(), order.number);
    let letter = letters::OrderCancelled::of(event, &app.site);
    messages.push(to_buyer(order, "order_cancelled", title, &event.reason, Some(Box::new(letter))));
    notify(&app, messages, delivery.receipt).await
}

async fn order_returned(app: AppState, delivery: Delivery<OrderReturned>) -> Handled {
    let event = &delivery.event;
    let letter = letters::OrderReturned::of(event, &app.site);
    let title = format!("Your return from order {} was approved", event.order.number);
    let message = to_buyer(&event.order, "order_returned", title, "Your money is on its way.", Some(Box::new(letter)));
    notify(&app, vec![message], delivery.receipt).await
}

async fn password_reset_requested(app: AppState, delivery: Delivery<PasswordResetRequested>) -> Handled {
    let PasswordResetRequested { user_id, email, name, token, expires_at, .. } = delivery.event;
    let letter = letters::PasswordReset {
        name: name.clone(),
        url: app.site.page(&format!("/account/reset?token={token}")),
        expires: expires_at.format("%-d %B %Y, %H:%M UTC").to_string(),
    };
    let to = Person { user_id: Some(user_id), email, name };
    let message = Message { to, category: Category::Account, letter: Some(Box::new(letter)), notice: None };
    notify(&app, vec![message], delivery.receipt).await
}

async fn seller_approved(app: AppState, delivery: Delivery<SellerApproved>) -> Handled {
    let SellerApproved { name: seller, owner, owner_email, owner_name, .. } = delivery.event;
    // Imported sellers have nobody to be told.
    let Some(email) = owner_email else { return notify(&app, Vec::new(), delivery.receipt).await };
    let name = owner_name.unwrap_or_else(|| seller.clone());
    let notice = Notice {
        title: format!("{seller} is open"),
        body: "You can sell from now on.".to_owned(),
        link: Some("/seller".to_owned()),
    };
    let letter = letters::SellerApproved { name: name.clone(), seller, url: app.site.page("/seller") };
    let message = Message {
        to: Person { user_id: owner, email, name },
        category: Category::Account,
        letter: Some(Box::new(letter)),
        notice: Some(("seller_approved", notice)),
    };
    notify(&app, vec![message], delivery.receipt).await
}

async fn seller_suspended(app: AppState, delivery: Delivery<SellerSuspended>) -> Handled {
    let SellerSuspended { seller_id, name: seller, reason, .. } = delivery.event;
    let team = app.teams.of(seller_id).await?;
    let messages = team.iter().map(|member| {
        let name = member.name.clone();
        let letter = letters::SellerSuspended { name, seller: seller.clone(), reason: reason.clone() };
        let notice = Notice { title: format!("{seller} was suspended"), body: reason.clone(), link: None };
        Message {
            to: member.clone(),
            category: Category::Account,
            letter: Some(Box::new(letter)),
            notice: Some(("seller_suspended", notice)),
        }
    });
    notify(&app, messages.collect(), delivery.receipt).await
}

async fn review_posted(app: AppState, delivery: Delivery<ReviewPosted>) -> Handled {
    let ReviewPosted { product_id, product_title, seller_id, rating, title, .. } = delivery.event;
    let link = format!("/products/{product_id}");
    let team = app.teams.of(seller_id).await?;
    let messages = team.iter().map(|member| {
        let letter = letters::ReviewPosted {
            name: member.name.clone(),
            product: product_title.clone(),
            rating,
            title: title.clone(),
            url: app.site.page(&link),
        };
        let headline = format!("{rating} of 5 for {product_title}");
        let notice = Notice { title: headline, body: title.clone(), link: Some(link.clone()) };
        Message {
            to: member.clone(),
            category: Category::Reviews,
            letter: Some(Box::new(letter)),
            notice: Some(("review_posted", notice)),
        }
    });
    notify(&app, messages.collect(), delivery.receipt).await
}

async fn user_deleted(app: AppState, delivery: Delivery<UserDeleted>) -> Handled {
    operations::forget_user(&app.db, delivery.event.user_id, delivery.receipt).await
}

async fn mail_queued(app: AppState, delivery: Delivery<MailQueued>) -> Handled {
    operations::send_mail(&app, delivery.event.mail_id, delivery.receipt).await
}
