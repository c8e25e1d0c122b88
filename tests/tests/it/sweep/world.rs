//! A marketplace in which everything that a path can name exists, and belongs to somebody.

use serde_json::{Value, json};
use souk_tests::{Buyer, Client, Market, PASSWORD, Seller, Thing, address, eventually};

/// The stage: one seller and one buyer with everything.
pub struct World {
    pub market: Market,
    pub seller: Seller,
    pub buyer: Buyer,
    pub product: Thing,
    pub order: Thing,
    /// Waits to be paid.
    pub open_order: Thing,
    pub part: String,
    pub return_id: String,
    pub refund_id: String,
    pub review_id: String,
    pub session_id: String,
    pub notification_id: String,
    pub mail_id: String,
    pub rule_id: String,
    pub category: Thing,
}

/// Where the buyer lives; in no answer to anybody who has no business with the order.
pub const SECRET_STREET: &str = "17 Hidden Lane";

impl World {
    pub async fn new() -> Self {
        let market = Market::start().await;
        let seller = market.seller("Tea House").await;
        let mut product = seller.product("Teapot", 2500, 1_000_000);
        product["images"] = json!(["https://example.com/a.png"]);
        let product = seller.lists_as(&product).await;
        let buyer = market.buyer("Cleo").await;
        let profile = json!({"addresses": [hidden()], "phone": "+44 113 496 0999"});
        buyer.client.put("/users/me", &profile).await.ok();
        let mut form = buyer.order_form_for(&product, 3);
        form["shipping_address"] = hidden();
        let order = buyer.tries_to_order(&form).await.created();
        buyer.pays(&order).await;
        buyer.sees(&order, "confirmed").await;
        seller.ships(&order).await;
        seller.delivers(&order).await;
        let wanted = buyer.returns(&order, product.sku(), 1).await.created();
        let review = json!({"rating": 5, "title": "Fine", "body": "Pours well."});
        let review = buyer.client.post(&format!("/products/{}/reviews", product.id()), &review).await.created();
        let refunds = format!("/payments/{}/refunds", order.text("payment_id"));
        let refund = market.admin.client.post(&refunds, &json!({"amount": 1, "reason": "a cent"})).await.created();
        let open_order = buyer.tries_to_order(&form).await.created();
        buyer.adds(&product, 1).await;
        seller.client.post("/inventory/sources", &json!({"name": "erp", "kind": "webhook"})).await.created();
        let sessions = buyer.client.get("/users/me/sessions").await.rows();
        let rules = market.admin.client.get("/admin/commission-rules").await.rows();
        let category = market.category("Unused", json!([])).await;
        let mails = market.mail_to(&buyer.email).await;
        let notices = eventually("the buyer is notified", async || {
            let notices = buyer.client.get("/notifications").await.rows();
            (!notices.is_empty()).then_some(notices)
        })
        .await;
        Self {
            part: order.part_of(&seller.id).id().to_owned(),
            return_id: wanted.id().to_owned(),
            refund_id: refund.id().to_owned(),
            review_id: review.id().to_owned(),
            session_id: sessions[0].id().to_owned(),
            notification_id: notices[0].id().to_owned(),
            mail_id: mails[0].id().to_owned(),
            rule_id: rules[0].id().to_owned(),
            market,
            seller,
            buyer,
            product,
            order,
            open_order,
            category,
        }
    }

    /// The path with what exists in place of its parameters.
    pub fn path(&self, template: &str) -> String {
        let mut before = String::new();
        let mut path = String::new();
        for part in template.split('/').skip(1) {
            let value = if part.starts_with('{') { self.named(&before, template) } else { part };
            path = format!("{path}/{value}");
            before = format!("{before}/{}", if part.starts_with('{') { "{}" } else { part });
        }
        path
    }

    /// What stands behind this part of a path.
    fn named(&self, before: &str, template: &str) -> &str {
        let user = self.buyer.user_id.as_deref().expect("the buyer has an account");
        match before {
            "/users" | "/admin/users" => user,
            "/users/me/sessions" => &self.session_id,
            "/sellers" | "/admin/sellers" => &self.seller.id,
            "/sellers/{}/members" => &self.seller.user_id,
            "/products" | "/admin/products" => self.product.id(),
            "/products/{}/offers" | "/cart/items" | "/inventory" => self.product.sku(),
            "/categories" => self.category.id(),
            "/inventory/sources" => "erp",
            "/orders" | "/admin/orders" => self.order.id(),
            "/seller/orders" => &self.part,
            "/seller/returns" => &self.return_id,
            "/payments" | "/admin/payments" | "/sandbox/payments" => self.order.text("payment_id"),
            "/payments/webhooks" => "sandbox",
            "/admin/refunds" => &self.refund_id,
            "/admin/reviews" => &self.review_id,
            "/admin/commission-rules" => &self.rule_id,
            "/notifications" => &self.notification_id,
            "/admin/notifications/deliveries" => &self.mail_id,
            // There are none: nothing was given up.
            "/admin/events" => "evt_01h455vb4pex5vsknk084sn02q",
            "/images" => "unknown.webp",
            _ => panic!("the sweep does not know what {template} names after {before}: add it here"),
        }
    }

    /// Who may do this.
    pub fn entitled(&self, path: &str) -> &Client {
        let by_admin = path.starts_with("/admin") || path.starts_with("/categories");
        let by_seller = ["/seller", "/inventory", "/products"].iter().any(|prefix| path.starts_with(prefix));
        match () {
            () if path.ends_with("}/reviews") || path.starts_with("/sellers") && !path.contains('{') => {
                &self.buyer.client
            }
            () if by_admin || path.ends_with("/refunds") => &self.market.admin.client,
            () if by_seller => &self.seller.client,
            () => &self.buyer.client,
        }
    }

    /// What only the buyer, the seller and the operator may know.
    pub fn secrets(&self) -> Vec<&str> {
        let mut secrets = vec![
            self.buyer.email.as_str(),
            self.seller.email.as_str(),
            SECRET_STREET,
            "+44 113 496 0999",
            PASSWORD,
            &self.return_id,
            &self.refund_id,
            &self.session_id,
            &self.notification_id,
            &self.part,
        ];
        for order in [&self.order, &self.open_order] {
            secrets.extend([order.id(), order.text("number"), order.text("payment_id")]);
        }
        secrets
    }

    /// Everything that a stranger could have damaged.
    pub async fn inventory(&self) -> Vec<Value> {
        self.market.settles().await;
        let (buyer, seller, admin) = (&self.buyer.client, &self.seller.client, &self.market.admin.client);
        let mut seen = Vec::new();
        for order in [&self.order, &self.open_order] {
            seen.push(buyer.get(&format!("/orders/{}", order.id())).await.ok().0);
            seen.push(buyer.get(&format!("/payments/{}", order.text("payment_id"))).await.ok().0);
        }
        for path in ["/users/me", "/cart", "/orders", "/notifications", "/users/me/sessions"] {
            seen.push(buyer.get(path).await.is(200).json["data"].clone());
        }
        // Another seller may offer the product too: its offers are not compared.
        let product = seller.get(&format!("/products/{}", self.product.id())).await.ok();
        for field in ["title", "description", "images", "attributes", "status", "category"] {
            seen.push(product[field].clone());
        }
        let part = format!("/seller/orders/{}", self.part);
        let members = format!("/sellers/{}/members", self.seller.id);
        for path in [part.as_str(), &members, "/sellers/me", "/seller/returns", "/seller/balance", "/inventory/sources"]
        {
            seen.push(seller.get(path).await.is(200).json["data"].clone());
        }
        let category = format!("/categories/{}", self.category.id());
        for path in [category.as_str(), "/admin/commission-rules", "/admin/reviews", "/admin/refunds"] {
            seen.push(admin.get(path).await.is(200).json["data"].clone());
        }
        seen.iter_mut().for_each(forget_stock);
        seen
    }
}

/// Strangers may buy and list products of their own: what is left and how many there are changes.
fn forget_stock(value: &mut Value) {
    match value {
        Value::Object(fields) => {
            fields.retain(|field, _| !["available", "product_count"].contains(&field.as_str()));
            fields.values_mut().for_each(forget_stock);
        }
        Value::Array(items) => items.iter_mut().for_each(forget_stock),
        _ => {}
    }
}

fn hidden() -> Value {
    let mut address = address();
    address["line1"] = json!(SECRET_STREET);
    address
}
