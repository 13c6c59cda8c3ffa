//! The OpenAPI document against the router itself.

use super::Api;
use axum::{
    body::Body,
    http::{Method, StatusCode, header::ALLOW},
};
use std::collections::BTreeSet;

#[tokio::test]
async fn every_route_of_the_router_is_in_the_document_and_no_other() {
    let api = Api::new(1000).await;
    let routes = routes(&api).await;
    let document: serde_json::Value = serde_json::from_str(&crate::api::openapi::text()).unwrap();
    let documented: BTreeSet<(String, String)> = document["paths"]
        .as_object()
        .unwrap()
        .iter()
        .flat_map(|(path, item)| item.as_object().unwrap().keys().map(move |method| (path.clone(), method.clone())))
        .collect();
    assert_eq!(routes, documented);
    assert!(routes.len() > 15, "{routes:?}");
}

/// Every path with its methods, in lower case, as the router itself has them: axum tells its paths only by `Debug`,
/// and a path's methods by the `Allow` of a refusal.
pub(super) async fn routes(api: &Api) -> BTreeSet<(String, String)> {
    let shown = format!("{:?}", api.router);
    // The fallback stands there as `/` and as a path with a star.
    let paths: BTreeSet<&str> =
        shown.split('"').filter(|text| text.len() > 1 && text.starts_with('/') && !text.contains('*')).collect();
    let mut routes = BTreeSet::new();
    for path in &paths {
        let real = path.replace("{project_id}", "lab").replace(['{', '}'], "");
        let (status, headers, body) = api.call(Method::TRACE, &real, &api.admin, Body::empty()).await;
        assert_eq!(status, StatusCode::METHOD_NOT_ALLOWED, "{path}: {body}");
        let allowed = headers.get(ALLOW).map(|allow| allow.to_str().unwrap().to_lowercase()).unwrap_or_default();
        let methods = allowed.split(',').filter(|method| *method != "head");
        routes.extend(methods.map(|method| (path.to_string(), method.to_owned())));
    }
    routes
}

#[tokio::test]
async fn the_document_is_for_everybody() {
    let api = Api::new(50).await;
    let (status, _, body) = api.call(Method::GET, "/openapi.json", "nobody's", Body::empty()).await;
    assert_eq!((status, body["openapi"].as_str()), (StatusCode::OK, Some("3.1.0")));
}
