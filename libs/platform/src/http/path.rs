//! Path parameters. What can't be the name of anything is 404, like any other name of nothing.

use axum::{
    RequestPartsExt,
    extract::{FromRequestParts, RawPathParams},
};
use http::request::Parts;
use souk_kernel::{Problem, TypedId};

use super::Failure;

/// The one parameter of the path, as an id.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PathId<I: TypedId>(pub I);

/// The two parameters of the path, as ids, in the order of the path.
#[derive(Clone, Copy, PartialEq, Eq, Debug)]
pub struct PathIds<A: TypedId, B: TypedId>(pub A, pub B);

/// The one parameter of the path as text (an id or a slug, a provider's name): 1 to 200 bytes, no control characters.
#[derive(Clone, PartialEq, Eq, Debug)]
pub struct PathText(pub String);

impl<S: Send + Sync, I: TypedId> FromRequestParts<S> for PathId<I> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let [text] = params(parts).await?;
        Ok(Self(id(&text)?))
    }
}

impl<S: Send + Sync, A: TypedId, B: TypedId> FromRequestParts<S> for PathIds<A, B> {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let [first, second] = params(parts).await?;
        Ok(Self(id(&first)?, id(&second)?))
    }
}

impl<S: Send + Sync> FromRequestParts<S> for PathText {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Failure> {
        let [text] = params(parts).await?;
        if (1..=200).contains(&text.len()) && !text.contains(char::is_control) {
            Ok(Self(text))
        } else {
            Err(Failure(Problem::not_found("what this path names was")))
        }
    }
}

/// The first `N` parameters of the path. Fewer are a mistake in the route table.
async fn params<const N: usize>(parts: &mut Parts) -> Result<[String; N], Failure> {
    let Ok(found) = parts.extract::<RawPathParams>().await else {
        return Err(Failure(Problem::not_found("what this path names was")));
    };
    let texts: Vec<String> = found.iter().take(N).map(|(_, value)| value.to_owned()).collect();
    texts.try_into().map_err(|_| {
        tracing::error!(wanted = N, "a route has fewer parameters than its handler asks for");
        Failure(Problem::internal())
    })
}

fn id<I: TypedId>(text: &str) -> Result<I, Failure> {
    text.parse().map_err(|_| Failure(Problem::not_found(kind_of(I::PREFIX))))
}

/// What people call the things with this prefix.
fn kind_of(prefix: &'static str) -> &'static str {
    match prefix {
        "cat" => "category",
        "prod" => "product",
        "var" => "variant",
        "ord" => "order",
        "sord" => "seller order",
        "pay" => "payment",
        "ref" => "refund",
        "rev" => "review",
        "ret" => "return",
        "po" => "payout",
        "evt" => "event",
        "ntf" => "notification",
        "img" => "image",
        "ses" => "session",
        "com" => "commission rule",
        // user, seller, sku, cart
        word => word,
    }
}

#[cfg(test)]
mod tests {
    use axum::{Router, body::Body, routing::get};
    use http::{Request, StatusCode};
    use souk_kernel::{OrderId, SellerId, SkuId};
    use tower::ServiceExt;

    use super::*;
    use crate::http::testing::body_of;

    #[tokio::test]
    async fn what_is_no_id_of_the_kind_is_not_found() {
        let (order, sku) = (OrderId::new(), SkuId::new());
        let app = Router::new()
            .route("/orders/{id}", get(async |PathId(id): PathId<OrderId>| id.to_string()))
            .route("/orders/{id}/items/{sku}", get(async |ids: PathIds<OrderId, SkuId>| format!("{} {}", ids.0, ids.1)))
            .route("/named/{name}", get(async |PathText(name): PathText| name));
        let ask =
            async |path: String| app.clone().oneshot(Request::get(path).body(Body::empty()).unwrap()).await.unwrap();
        assert_eq!(ask(format!("/orders/{order}")).await.status(), StatusCode::OK);
        assert_eq!(ask(format!("/orders/{order}/items/{sku}")).await.status(), StatusCode::OK);
        assert_eq!(ask("/named/caf%C3%A9".into()).await.status(), StatusCode::OK);
        let bad = [format!("/orders/{}", SellerId::new()), "/orders/1".into(), format!("/orders/{order}/items/%FF")];
        for path in bad.into_iter().chain(["/named/%FF".into(), "/named/a%00".into()]) {
            let answer = ask(path.clone()).await;
            assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
            assert_eq!(body_of(answer).await["error"]["code"], "not_found");
        }
    }
}
