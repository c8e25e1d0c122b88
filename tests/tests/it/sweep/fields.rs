//! Every field of every request body: missing, of another type, too long, out of range, with odd characters, twice.

use serde_json::{Value, json};
use souk_tests::{Answer, Client};

use super::{
    document::{Operation, operations},
    samples::{is_signed, samples},
    world::World,
};

/// Where a value stands: the keys and places that lead there.
type Route = Vec<Step>;

#[derive(Clone, Debug, PartialEq)]
enum Step {
    Key(String),
    Place(usize),
}

/// Objects whose keys are the client's own.
const FREE: [&str; 3] = ["attributes", "preferences", "options"];

/// Every value in the body, with whether it stands in a free object.
fn routes(value: &Value, here: &Route, free: bool, found: &mut Vec<(Route, bool)>) {
    match value {
        Value::Object(fields) => {
            for (key, value) in fields {
                let mut route = here.clone();
                route.push(Step::Key(key.clone()));
                found.push((route.clone(), free));
                let below = free || FREE.contains(&key.as_str()) && value.is_object();
                routes(value, &route, below, found);
            }
        }
        Value::Array(items) => {
            for (place, value) in items.iter().enumerate() {
                let mut route = here.clone();
                route.push(Step::Place(place));
                found.push((route.clone(), free));
                routes(value, &route, free, found);
            }
        }
        _ => {}
    }
}

fn at<'a>(body: &'a mut Value, route: &[Step]) -> &'a mut Value {
    route.iter().fold(body, |value, step| match step {
        Step::Key(key) => &mut value[key.as_str()],
        Step::Place(place) => &mut value[*place],
    })
}

/// As details write it: `items[0].quantity`.
fn written(route: &[Step]) -> String {
    let mut text = String::new();
    for step in route {
        match step {
            Step::Key(key) if text.is_empty() => text.push_str(key),
            Step::Key(key) => text = format!("{text}.{key}"),
            Step::Place(place) => text = format!("{text}[{place}]"),
        }
    }
    text
}

struct Sweep<'a> {
    client: &'a Client,
    operation: &'a Operation,
    path: String,
    wrong: Vec<String>,
    asked: usize,
}

impl Sweep<'_> {
    async fn send(&mut self, body: &Value) -> Answer {
        self.asked += 1;
        self.client.call(self.operation.method.clone(), &self.path).json(body).await
    }

    fn expect(&mut self, holds: bool, what: &str, answer: &Answer) {
        if !holds {
            self.wrong.push(format!("{}: {what}: {answer}", self.operation.name()));
        }
    }

    /// Values of another type than the one that stands there: 400, and the field is named.
    async fn other_types(&mut self, body: &Value, route: &Route) {
        let mut body = body.clone();
        let others = match at(&mut body, route) {
            Value::String(_) => vec![json!(5), json!(true), json!(["x"]), json!({"x": 1})],
            Value::Number(_) => vec![json!("5"), json!(1.5), json!(true), json!([5]), json!({}), json!(1e30)],
            Value::Bool(_) => vec![json!("true"), json!(1), json!([true])],
            Value::Array(_) => vec![json!("x"), json!(5), json!({})],
            Value::Object(_) => vec![json!("x"), json!(5), json!(["x"])],
            Value::Null => Vec::new(),
        };
        for other in others {
            *at(&mut body, route) = other.clone();
            let answer = self.send(&body).await;
            let field = written(route);
            let named = answer.fields().iter().any(|named| {
                *named == field || named.starts_with(&format!("{field}.")) || named.starts_with(&format!("{field}["))
            });
            self.expect(answer.status == 400 && named, &format!("{field} = {other} is 400 and named"), &answer);
        }
    }

    /// Values of the right type that nobody can mean: refused.
    async fn impossible(&mut self, body: &Value, route: &Route) {
        let mut body = body.clone();
        let field = written(route);
        let impossible = match at(&mut body, route) {
            Value::String(_) => vec![json!("x".repeat(150_000)), json!("a\0b"), json!("\0")],
            Value::Number(_) => vec![json!(i64::MAX), json!(i64::MIN), json!(u64::MAX)],
            Value::Array(_) => vec![json!(vec!["x"; 20_000])],
            _ => Vec::new(),
        };
        for value in impossible {
            *at(&mut body, route) = value;
            let answer = self.send(&body).await;
            self.expect(
                answer.status.is_client_error() && answer.status != 404,
                &format!("{field} is impossible"),
                &answer,
            );
        }
    }

    /// Odd but harmless: anything but a server error, which the harness itself refuses.
    async fn odd(&mut self, body: &Value, route: &Route) {
        let mut body = body.clone();
        let odd = match at(&mut body, route) {
            Value::String(_) => {
                vec![
                    json!(""),
                    json!(" "),
                    json!("\u{202e}\u{0}x".replace('\0', "")),
                    json!("🫖\u{fe0f}a\u{301}"),
                    json!("\r\nX: y"),
                    json!("' OR 1=1 --"),
                ]
            }
            Value::Number(_) => vec![json!(-1), json!(0)],
            Value::Array(_) => vec![json!([]), json!([null])],
            Value::Object(_) => vec![json!({})],
            _ => Vec::new(),
        };
        for value in odd.into_iter().chain([Value::Null]) {
            *at(&mut body, route) = value;
            self.send(&body).await;
        }
    }

    async fn missing(&mut self, body: &Value, route: &Route) {
        let (Some(Step::Key(key)), above) = (route.last(), &route[..route.len() - 1]) else { return };
        let mut body = body.clone();
        at(&mut body, above).as_object_mut().expect("a key stands in an object").remove(key);
        let answer = self.send(&body).await;
        if above.is_empty() && self.operation.required.contains(key) {
            self.expect(
                answer.status == 422 && answer.fields().contains(&key.as_str()),
                &format!("{key} is required"),
                &answer,
            );
        }
    }

    async fn unknown(&mut self, body: &Value, route: &[Step]) {
        let mut body = body.clone();
        let Some(fields) = at(&mut body, route).as_object_mut() else { return };
        fields.insert("surprise".to_owned(), json!(1));
        let mut named = route.to_vec();
        named.push(Step::Key("surprise".to_owned()));
        let answer = self.send(&body).await;
        let field = written(&named);
        self.expect(
            answer.status == 400 && answer.fields().contains(&field.as_str()),
            &format!("{field} is unknown"),
            &answer,
        );
    }

    /// The body with a top-level field written twice, and one with half a character.
    async fn raw(&mut self, body: &Value, key: &str) {
        let (text, value) = (body.to_string(), body[key].to_string());
        let twice = format!("{{\"{key}\":{value},{}", &text[1..]);
        let call =
            |text: String| self.client.call(self.operation.method.clone(), &self.path).bytes("application/json", text);
        let answer = call(twice).await;
        let half = call(text.replacen(&format!("\"{key}\":{value}"), &format!("\"{key}\":\"\\ud800\""), 1)).await;
        self.asked += 2;
        self.expect(answer.status == 400 && answer.fields().contains(&key), &format!("{key} is given twice"), &answer);
        self.expect(half.status == 400, &format!("{key} is half a character"), &half);
    }
}

async fn sweep(tag: &str) {
    let world = World::new().await;
    let (mut wrong, mut asked) = (Vec::new(), 0);
    for operation in operations(&world.market).await {
        // PATCH is the same function as PUT.
        if operation.tag != tag
            || operation.body.is_none()
            || is_signed(&operation)
            || operation.method == http::Method::PATCH
        {
            continue;
        }
        let (client, path) = (world.entitled(&operation.path), world.path(&operation.path));
        let mut sweep = Sweep { client, operation: &operation, path, wrong: Vec::new(), asked: 0 };
        for sample in samples(&world, &operation) {
            sweep.unknown(&sample, &[]).await;
            for key in sample.as_object().expect("a body is an object").keys() {
                sweep.raw(&sample, key).await;
            }
            let mut all = Vec::new();
            routes(&sample, &Vec::new(), false, &mut all);
            for (route, free) in all {
                sweep.odd(&sample, &route).await;
                if free {
                    continue;
                }
                let is_free = matches!(route.last(), Some(Step::Key(key)) if FREE.contains(&key.as_str()));
                sweep.other_types(&sample, &route).await;
                sweep.impossible(&sample, &route).await;
                sweep.missing(&sample, &route).await;
                if !is_free {
                    sweep.unknown(&sample, &route).await;
                }
            }
        }
        asked += sweep.asked;
        wrong.extend(sweep.wrong);
    }
    assert!(asked > 20, "{tag} has hardly any bodies: {asked}");
    assert!(wrong.is_empty(), "{} of {asked}:\n{}", wrong.len(), wrong.join("\n"));
    world.market.ends_clean().await;
}

#[tokio::test]
async fn bodies_of_identity() {
    sweep("identity").await;
}

#[tokio::test]
async fn bodies_of_catalog() {
    sweep("catalog").await;
}

#[tokio::test]
async fn bodies_of_inventory() {
    sweep("inventory").await;
}

#[tokio::test]
async fn bodies_of_cart() {
    sweep("cart").await;
}

#[tokio::test]
async fn bodies_of_orders() {
    sweep("orders").await;
}

#[tokio::test]
async fn bodies_of_payments() {
    sweep("payments").await;
}

#[tokio::test]
async fn bodies_of_notifications() {
    sweep("notifications").await;
}
