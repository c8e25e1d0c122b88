//! Two services that were written without knowing each other, in one document.

use std::collections::HashSet;

use axum::Json;
use serde::Serialize;
use souk_platform::http::openapi::{Envelope, Meta};
use utoipa::ToSchema;
use utoipa_axum::routes;

use super::*;

macro_rules! service {
    ($name:ident, $path:literal, $field:ident) => {
        mod $name {
            use super::*;

            #[derive(Serialize, ToSchema)]
            struct Question {
                $field: u32,
            }

            #[derive(Serialize, ToSchema)]
            struct Form {
                questions: Vec<Question>,
                first: Option<Question>,
            }

            #[derive(Serialize, ToSchema)]
            struct Colour {
                shade: u8,
            }

            #[utoipa::path(method(put, patch), path = $path, request_body = Form,
                        responses((status = 200, body = Envelope<Question>), (status = 201, body = Envelope<Form>)))]
            async fn change() -> Json<Form> {
                Json(Form { questions: Vec::new(), first: Some(Question { $field: 1 }) })
            }

            #[utoipa::path(get, path = $path, responses((status = 200, body = Envelope<Colour>)))]
            async fn list() -> Json<Colour> {
                Json(Colour { shade: 1 })
            }

            #[utoipa::path(get, path = concat!("/at-root", $path), responses((status = 200, body = Question)))]
            async fn page() -> Json<Question> {
                Json(Question { $field: 1 })
            }

            pub fn service() -> Service {
                Service {
                    name: stringify!($name),
                    routes: OpenApiRouter::new().routes(routes!(list, change)),
                    root_routes: OpenApiRouter::new().routes(routes!(page)),
                    ..played()
                }
            }
        }
    };
}

service!(reds, "/reds/{id}", red);
service!(blues, "/blues", blue);

async fn document() -> Value {
    let mut edge = edge(Config::default());
    edge.services = vec![reds::service(), blues::service()];
    serde_json::from_slice(&ask(&router(edge), "GET", "/api/v1/openapi.json").await.2).unwrap()
}

#[tokio::test]
async fn every_operation_has_an_id_of_its_own() {
    let document = document().await;
    let paths = document["paths"].as_object().unwrap();
    let operations = paths.values().flat_map(|item| item.as_object().unwrap().values());
    let ids: Vec<&str> = operations.map(|operation| operation["operationId"].as_str().unwrap()).collect();
    assert_eq!(ids.iter().collect::<HashSet<_>>().len(), ids.len(), "{ids:?}");
    for id in ["reds_get_reds_by_id", "reds_put_reds_by_id", "reds_patch_reds_by_id", "blues_get_at_root_blues"] {
        assert!(ids.contains(&id), "{id} {ids:?}");
    }
}

#[tokio::test]
async fn a_name_that_means_two_things_is_told_apart_by_service() {
    let document = document().await;
    let schemas = document["components"]["schemas"].as_object().unwrap();
    for (service, path, field) in [("reds", "/reds/{id}", "red"), ("blues", "/blues", "blue")] {
        let put = &document["paths"][format!("/api/v1{path}")]["put"];
        let place = |name: &str| format!("#/components/schemas/{service}.{name}");
        assert_eq!(put["requestBody"]["content"]["application/json"]["schema"]["$ref"], place("Form"));
        let answer = |status: &str| put["responses"][status]["content"]["application/json"]["schema"]["$ref"].clone();
        assert_eq!(answer("200"), place("Envelope_Question"));
        assert_eq!(answer("201"), place("Envelope_Form"));
        assert!(schemas[&format!("{service}.Question")]["properties"][field].is_object());
        assert_eq!(schemas[&format!("{service}.Envelope_Question")]["properties"]["data"]["$ref"], place("Question"));
        let form = &schemas[&format!("{service}.Form")]["properties"];
        assert_eq!(form["questions"]["items"]["$ref"], place("Question"));
    }
    for name in ["Question", "Form", "Envelope_Question", "Envelope_Form"] {
        assert!(!schemas.contains_key(name), "{name}");
    }
    // What means the same everywhere stays.
    for name in ["Colour", "Envelope_Colour", Meta::name().as_ref()] {
        assert!(schemas.contains_key(name) && !schemas.contains_key(&format!("reds.{name}")), "{name}");
    }
    // Whatever is referred to is there.
    let text = document.to_string();
    for part in text.split("\"#/components/schemas/").skip(1) {
        let name = part.split('"').next().unwrap();
        assert!(schemas.contains_key(name), "{name}");
    }
}
