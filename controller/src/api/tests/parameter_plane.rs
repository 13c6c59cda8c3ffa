//! Operators give rails their subnets; instances show their addresses there.

use super::{Api, code};
use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use serde_json::{Value, json};

const PATH: &str = "/admin/v1/parameter-plane/subnets";

impl Api {
    async fn operator(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        let (status, _, body) = self.call(method, path, &self.admin, body.to_string()).await;
        (status, body)
    }
}

#[tokio::test]
async fn a_rail_has_one_subnet_and_no_two_overlap() {
    let api = Api::new(100).await;
    let good = json!({ "rail": 0, "cidr": "10.100.0.0/16", "gateway": "10.100.0.1", "reserved": ["10.100.0.9"] });
    let (status, made) = api.operator(Method::POST, PATH, &good).await;
    assert_eq!((status, &made["mtu"], &made["in_use"]), (StatusCode::CREATED, &json!(9000), &json!(0)), "{made}");
    for (rail, cidr, expected) in [
        (0, "10.101.0.0/16", "rail must be a rail without a subnet: it has 10.100.0.0/16, not '0'"),
        (1, "10.100.3.0/24", "cidr must not overlap 10.100.0.0/16 of rail 0, not '10.100.3.0/24'"),
        (1, "10.0.0.0/8", "cidr must not overlap"),
        (64, "10.101.0.0/16", "rail must be a whole number from 0 to 63"),
    ] {
        let (status, body) = api.operator(Method::POST, PATH, &json!({ "rail": rail, "cidr": cidr })).await;
        assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0001"), "{body}");
        assert!(body["error_msg"].as_str().unwrap().contains(expected), "{expected}: {body}");
    }
    let (_, list) = api.operator(Method::GET, PATH, &Value::Null).await;
    assert_eq!(list["subnets"], json!([made]));
    for method in [Method::GET, Method::POST] {
        let (status, ..) = api.call(method, PATH, &api.tenant, good.to_string()).await;
        assert_eq!(status, StatusCode::FORBIDDEN, "operators alone");
    }
}

#[tokio::test]
async fn an_instance_shows_its_rails_apart_and_keeps_their_subnet() {
    let api = Api::new(100).await;
    let path = format!("/admin/v1/servers/{}", api.world.server_id());
    let roles = json!({ "agent_name": "rack0", "roles": ["vpc", "parameter-plane:5"] });
    let (status, body) = api.operator(Method::PUT, &path, &roles).await;
    assert_eq!(status, StatusCode::OK, "{body}");
    let (status, _, body) = api.create(&api.tenant, &api.world.body()).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0101"));
    assert!(body["error_msg"].as_str().unwrap().contains("rail 5 of the parameter plane has no subnet"), "{body}");
    let (_, made) = api.operator(Method::POST, PATH, &json!({ "rail": 5, "cidr": "10.105.0.0/16" })).await;
    let (status, _, body) = api.create(&api.tenant, &api.world.body()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{body}");
    let id = body["instance_id"].as_str().unwrap();
    let (_, shown) = api.get(&format!("/v1/lab/instances/{id}")).await;
    assert_eq!(shown["network_interfaces"].as_array().unwrap().len(), 1);
    assert_eq!(
        shown["parameter_plane_interfaces"],
        json!([{
            "rail": 5, "subnet_id": made["id"], "ipv4_address": "10.105.0.1", "mac_address": "52:54:00:00:00:02"
        }])
    );
    let one = format!("{PATH}/{}", made["id"].as_str().unwrap());
    let (status, body) = api.operator(Method::DELETE, &one, &Value::Null).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body["error_msg"].as_str().unwrap().contains("in use by an instance: 1 are"), "{body}");
    api.world.terminate(id.parse().unwrap()).await;
    let (status, _) = api.operator(Method::DELETE, &one, &Value::Null).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    let (status, ..) = api.call(Method::DELETE, &one, &api.admin, Body::empty()).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
}
