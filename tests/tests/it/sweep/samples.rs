//! A good request to every endpoint that takes a JSON body.

use serde_json::{Value, json};
use souk_tests::{PASSWORD, address};

use super::{document::Operation, world::World};

const UNKNOWN_SKU: &str = "sku_01h455vb4pex5vsknk084sn02q";

/// Connected to by nobody: it is refused before.
const UNREACHABLE: &str = "http://127.0.0.1:9/";

/// Requests that are well-formed; together they name every field. Whether they can be carried out is another question.
pub fn samples(world: &World, operation: &Operation) -> Vec<Value> {
    let name = operation.name().replacen("patch ", "put ", 1);
    let sku = world.product.sku();
    let order = json!({
        "email": "cleo@example.com", "shipping_address": address(), "shipping_method": "standard",
        "payment_provider": "sandbox", "items": [{"sku_id": sku, "quantity": 1}], "expected_total": 2500,
    });
    let profile = json!({
        "name": "Cleo", "phone": "+44 113 496 0000", "locale": "en", "preferences": {"theme": "dark"}, "addresses": [address()],
    });
    let rule = json!({
        "basis_points": 100, "fixed_per_unit": 1, "floor": 1, "cap": 100, "fee_tax_basis_points": 0, "currency": "EUR",
    });
    let with = |base: &Value, more: Value| {
        let mut all = base.clone();
        all.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        all
    };
    let account = json!({"email": "new@example.com", "password": PASSWORD, "name": "New", "locale": "en"});
    let product = json!({
        "title": "Cup", "description": "A cup.", "category_id": world.category.id(), "currency": "EUR",
        "attributes": {"colour": "blue"}, "images": ["https://example.com/a.png"], "status": "active",
    });
    let skus = json!([{"code": "A", "options": {"size": "S"}, "price": 900, "stock": 3}]);
    match name.as_str() {
        "post /auth/register" | "post /users" => vec![account],
        "post /auth/login" => vec![json!({"email": "cleo@example.com", "password": "wrong password"})],
        "post /auth/refresh" | "post /auth/logout" => vec![json!({"refresh_token": "x"})],
        "post /auth/password/forgot" => vec![json!({"email": "nobody@example.com"})],
        "post /auth/password/reset" => vec![json!({"token": "x", "password": PASSWORD})],
        "post /auth/password/change" => vec![json!({"current_password": "wrong password", "new_password": PASSWORD})],
        "put /users/me" | "put /users/{id}" => vec![profile],
        "post /users/{id}/auth" => vec![json!({"password": "wrong password"}), json!({"refresh_token": "x"})],
        "post /users/{id}/auth-valid" => vec![json!({"password": "wrong password"})],
        "post /sellers" => vec![json!({"name": "Shop", "description": "Sells."})],
        "put /sellers/{id}" => vec![json!({"name": "Tea House", "description": "Sells.", "holiday": false})],
        "post /sellers/{id}/members" => vec![json!({"email": "nobody@example.com", "role": "staff"})],
        "put /sellers/{id}/members/{user_id}" => vec![json!({"role": "owner"})],
        "put /admin/users/{id}/roles" => vec![json!({"roles": ["support"]})],
        "post /admin/sellers/{id}/suspend" | "post /admin/users/{id}/suspend" => vec![json!({"reason": "a while"})],
        "post /products" => {
            vec![with(&product, json!({"price": 900, "stock": 3})), with(&product, json!({"skus": skus}))]
        }
        "put /products/{id}" => vec![
            with(&product, json!({"price": 2500, "stock": 1_000_000, "version": 1})),
            json!({"skus": [{"id": sku, "code": "A", "price": 2500, "stock": 1_000_000}]}),
            json!({"skus": [{"code": "B", "options": {"size": "L"}, "price": 2500, "stock": 1}]}),
        ],
        "post /products/{id}/offers" => {
            let variant = &world.product["skus"][0]["variant_id"];
            vec![json!({"variant_id": variant, "code": "X", "price": 2400, "stock": 1})]
        }
        "put /products/{id}/offers/{sku_id}" => vec![json!({"code": "X", "price": 2500, "stock": 1_000_000})],
        "post /products/{id}/reviews" => vec![json!({"rating": 5, "title": "Fine", "body": "Pours."})],
        "post /search/clicks" => vec![json!({"q": "teapot", "product_id": world.product.id()})],
        "post /categories" | "put /categories/{id}" => {
            let attribute = json!({"key": "size", "label": "Size", "type": "enum", "unit": "cm", "options": ["S"],
                "required": false, "filterable": true});
            let category = json!({"name": "Cups", "slug": "cups", "parent_id": world.market.category.id(), "attributes": [attribute]});
            let update = name.starts_with("put");
            vec![if update { with(&category, json!({"version": 1})) } else { category }]
        }
        "post /cart/items" => vec![json!({"sku_id": sku, "quantity": 1})],
        "put /cart/items/{sku_id}" => vec![json!({"quantity": 1})],
        "post /orders" | "post /orders/quote" => vec![order],
        "put /orders/{id}" => vec![json!({"shipping_address": address(), "version": 1})],
        "post /orders/{id}/returns" => {
            vec![json!({"items": [{"sku_id": UNKNOWN_SKU, "quantity": 1}], "reason": "broken"})]
        }
        "put /seller/orders/{id}/ship" => vec![json!({"carrier": "DHL", "tracking_number": "1"})],
        "post /payments" => vec![json!({"order_id": world.open_order.id(), "provider": "sandbox"})],
        "post /payments/{id}/refunds" => vec![json!({"amount": 1, "reason": "a cent", "seller_order_id": world.part})],
        "post /admin/refunds/{id}/refuse" => vec![json!({"reason": "no account"})],
        "post /admin/commission-rules" => {
            vec![with(&rule, json!({"seller_id": world.seller.id, "category_id": world.category.id()}))]
        }
        "put /admin/commission-rules/{id}" => vec![with(&rule, json!({"version": 1}))],
        "post /admin/commission-rules/explain" => vec![json!({"seller_id": world.seller.id,
            "category_ids": [world.category.id()], "amount": 100, "quantity": 1, "currency": "EUR"})],
        "post /admin/payouts" => {
            vec![json!({"seller_id": world.seller.id, "currency": "EUR", "amount": 1_000_000, "note": "SEPA"})]
        }
        "put /admin/sandbox/faults" => {
            vec![json!({"create": "none", "fetch": "none", "cancel": "none", "refund": "none", "webhook": "none"})]
        }
        "put /notifications/preferences" => {
            let channels = json!({"email": true, "in_app": true});
            vec![json!({"orders": channels, "reviews": channels})]
        }
        _ => of_inventory(&name, sku),
    }
}

fn of_inventory(name: &str, sku: &str) -> Vec<Value> {
    match name {
        "put /inventory/{sku_id}" => vec![
            json!({"on_hand": 1_000_000, "reason": "counted", "location": "main", "version": 1}),
            json!({"adjust": 1, "reason": "found"}),
        ],
        "post /inventory/sources" => vec![json!({"name": "other", "kind": "webhook", "location": "main",
            "feed_url": UNREACHABLE, "every": "1h", "publish_url": UNREACHABLE})],
        "put /inventory/sources/{source}" => vec![json!({"enabled": true, "location": "main",
            "feed_url": UNREACHABLE, "every": "1h", "publish_url": UNREACHABLE})],
        "put /inventory/sources/{source}/mapping" => vec![json!({"items": [{"sku": "x", "sku_id": sku}]})],
        "post /inventory/sources/{source}/webhook" => {
            vec![json!({"items": [{"sku": "x", "on_hand": 1}], "as_of": "2026-01-01T00:00:00Z"})]
        }
        _ => vec![json!({})],
    }
}

/// Signed by the one who sends it: whatever it holds, it is 401 first.
pub fn is_signed(operation: &Operation) -> bool {
    operation.path.ends_with("/webhook") || operation.path.starts_with("/payments/webhooks")
}
