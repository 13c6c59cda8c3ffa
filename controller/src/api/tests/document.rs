//! The OpenAPI document against the router itself.

use super::Api;
use axum::{
    body::Body,
    http::{Method, StatusCode, header::ALLOW},
};
use billet_proto::link::{Failed, Step, report::What};
use serde_json::{Value, json};
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

/// Every field of the answer is in the schema, and every one that the schema requires is in the answer.
fn assert_described(document: &Value, schema: &Value, answer: &Value, at: &str) {
    let schema = match schema["$ref"].as_str() {
        Some(name) => document.pointer(name.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    if let Some(items) = answer.as_array() {
        return items.iter().for_each(|item| assert_described(document, &schema["items"], item, &format!("{at}[]")));
    }
    if let Some(words) = schema["enum"].as_array() {
        assert!(words.contains(answer), "{at}: {answer} is none of {words:?}");
    }
    let Some(fields) = answer.as_object() else { return };
    for required in schema["required"].as_array().into_iter().flatten() {
        assert!(fields.contains_key(required.as_str().unwrap()), "{at}: {required} is required, and not answered");
    }
    for (name, value) in fields {
        let known = schema["properties"].get(name).or_else(|| schema.get("additionalProperties"));
        let known = known.unwrap_or_else(|| panic!("{at}.{name} is answered, and not described"));
        assert_described(document, known, value, &format!("{at}.{name}"));
    }
}

#[tokio::test]
async fn all_that_is_answered_of_servers_is_described() {
    const ROOT: &str = "/v1/{project_id}/physicalservers";
    let api = Api::new(1000).await;
    let document: Value = serde_json::from_str(&crate::api::openapi::text()).unwrap();
    let id = api.world.server_id();
    let word = json!({ "agent_name": "rack0", "project_id": "lab", "name": "r1-u4", "location": { "dc": "fra" } });
    let path = format!("/admin/v1/servers/{id}");
    assert_eq!(api.call(Method::PUT, &path, &api.admin, word.to_string()).await.0, StatusCode::OK);
    let now = api.world.edge.now().0;
    let check = async |path: &str, query: &str| {
        let real = format!("{ROOT}{path}{query}")
            .replace("{project_id}", "lab")
            .replace("{id}", &id.to_string())
            .replace("{event_id}", "claimed");
        let (status, answer) = api.get(&real).await;
        assert_eq!(status, StatusCode::OK, "{real}: {answer}");
        let schema = &document["paths"][format!("{ROOT}{path}")]["get"]["responses"]["200"]["content"]["application/json"]
            ["schema"];
        assert!(schema.is_object(), "{path}");
        assert_described(&document, schema, &answer, path);
        answer
    };
    for (path, query) in [
        ("", ""),
        ("/status", ""),
        ("/events", format!("?from={}&to={}", now - 1000, now + 1).as_str()),
        ("/events/{event_id}", ""),
        ("/{id}/hardware-attributes", ""),
        ("/{id}/firmware-attributes", ""),
    ] {
        check(path, query).await;
    }
    check("/{id}", "").await;
    let instance = api.world.create().await.unwrap();
    assert!(check("/{id}", "").await["instance_id"].is_string());
    api.world.terminate(instance).await;
    let wiping = check("/{id}", "").await;
    assert!(wiping["task"]["policy"].is_string() && wiping["deadline"].is_string(), "{wiping}");
    let failed = Failed { cause: "disk_error".into(), message: "vda".into() };
    let generation = api.world.server().await.generation;
    api.world.report(generation, Step::Wipe, What::Failed(failed)).await;
    assert!(check("/{id}", "").await["error"].is_object());
    let (status, ..) = api.call(Method::POST, &format!("{path}/wipe"), &api.admin, "{}").await;
    assert_eq!(status, StatusCode::OK);
    api.world.erase().await;
    assert!(check("/{id}", "").await["last_wipe"].is_object());
    let (status, _, answer) = api.call(Method::GET, &format!("{path}/wipe-receipts"), &api.admin, Body::empty()).await;
    assert_eq!((status, answer["receipts"].as_array().map(Vec::len)), (StatusCode::OK, Some(1)), "{answer}");
    let described = &document["paths"]["/admin/v1/servers/{id}/wipe-receipts"]["get"]["responses"]["200"]["content"];
    assert_described(&document, &described["application/json"]["schema"], &answer, "wipe-receipts");
}

#[tokio::test]
async fn all_that_is_answered_of_a_baseline_is_described() {
    use billet_proto::link::{
        Baseline, BmcFacts, BmcSetting, BmcUser, BootVariables, DiskCapacity, FirmwareVersion, LoadOption, LoadOrder,
    };
    let api = Api::new(50).await;
    let document: Value = serde_json::from_str(&crate::api::openapi::text()).unwrap();
    let id = api.world.server_id();
    let lan = vec![BmcSetting { name: "address".into(), value: "10.78.0.101".into() }];
    let orders = vec![LoadOrder { name: "BootOrder".into(), options: vec!["Boot0000".into()], not_whole: false }];
    let facts = Baseline {
        bmc: Some(BmcFacts {
            users: vec![BmcUser::default()],
            lan,
            not_told: vec!["vlan".into()],
            ..BmcFacts::default()
        }),
        boot_variables: Some(BootVariables { options: vec![LoadOption::default()], orders, next: String::new() }),
        secure_boot: true,
        versions: vec![FirmwareVersion { part: "BIOS".into(), version: "1.0".into() }],
        capacities: vec![DiskCapacity { disk: "S1".into(), size_bytes: 1 }],
    };
    let baseline = crate::store::record::Baseline { recorded_at: api.world.edge.now(), facts };
    api.world.store.read(move |tx| tx.record_baseline(id, &baseline)).await.unwrap();
    let path = format!("/admin/v1/servers/{id}/baseline");
    let (status, _, answer) = api.call(Method::GET, &path, &api.admin, Body::empty()).await;
    assert_eq!((status, &answer["bmc"]["users"][0]["state"]), (StatusCode::OK, &json!("not-told")), "{answer}");
    let schema = &document["paths"]["/admin/v1/servers/{id}/baseline"]["get"]["responses"]["200"]["content"]["application/json"]
        ["schema"];
    assert_described(&document, schema, &answer, "baseline");
    let (status, ..) = api.call(Method::GET, &path, &api.tenant, Body::empty()).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let unknown = path.replace(&id.to_string(), "0198170e-4ca7-7000-8000-0000000000ff");
    let (status, ..) = api.call(Method::GET, &unknown, &api.admin, Body::empty()).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
