//! VPCs and subnets.

use super::{Api, code};
use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use serde_json::{Value, json};
use std::time::Duration;

const CLOUDDCN: &str = "/v3/lab/vpc/clouddcn-subnets";
const NOTHING: &str = "0198170e-4ca7-7000-8000-0000000000ff";

impl Api {
    /// A call of the tenant with a JSON body, a millisecond after the one before: ids are in the calls' order.
    pub(super) async fn json(&self, method: Method, path: &str, body: &Value) -> (StatusCode, Value) {
        self.world.clock.advance(Duration::from_millis(1));
        let (status, _, body) = self.call(method, path, &self.tenant, body.to_string()).await;
        (status, body)
    }

    /// As [`Self::json`], and it must be refused as invalid; answers the text.
    pub(super) async fn refused(&self, method: Method, path: &str, body: &Value) -> String {
        let (status, answer) = self.json(method, path, body).await;
        assert_eq!((status, code(&answer)), (StatusCode::BAD_REQUEST, "iMetal.0001"), "{path} {body}: {answer}");
        answer["error_msg"].as_str().unwrap().to_owned()
    }

    /// Makes a VPC, and answers its id.
    pub(super) async fn vpc(&self, cidr: &str) -> String {
        let body = json!({ "vpc": { "name": "v", "cidr": cidr } });
        let (status, body) = self.json(Method::POST, "/v1/lab/vpcs", &body).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        body["vpc"]["id"].as_str().unwrap().to_owned()
    }

    /// Makes a subnet, and answers its id.
    pub(super) async fn subnet(&self, vpc: &str, cidr: &str, gateway: &str) -> String {
        let (status, body) =
            self.json(Method::POST, CLOUDDCN, &subnet_body("clouddcn_subnet", vpc, cidr, gateway)).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        body["clouddcn_subnet"]["id"].as_str().unwrap().to_owned()
    }
}

fn subnet_body(wrapper: &str, vpc: &str, cidr: &str, gateway: &str) -> Value {
    json!({ wrapper: { "name": "s", "cidr": cidr, "gateway_ip": gateway, "vpc_id": vpc } })
}

#[tokio::test]
async fn a_vpc_is_made_shown_changed_and_deleted_by_its_project_alone() {
    let api = Api::new(100).await;
    let id = api.vpc("10.0.0.0/8").await;
    let path = format!("/v1/lab/vpcs/{id}");
    let (_, shown) = api.get(&path).await;
    let vpc = &shown["vpc"];
    assert_eq!((&vpc["cidr"], &vpc["status"], &vpc["id"]), (&json!("10.0.0.0/8"), &json!("OK"), &json!(id)));
    let change = json!({ "vpc": { "name": "other", "cidr": "10.64.0.0/10" } });
    let (status, changed) = api.json(Method::PUT, &path, &change).await;
    assert_eq!((status, &changed["vpc"]["name"]), (StatusCode::OK, &json!("other")), "{changed}");
    assert_eq!(changed["vpc"]["cidr"], "10.64.0.0/10");
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let theirs = format!("/v1/other/vpcs/{id}");
        let (status, _, body) = api.call(method.clone(), &theirs, &api.stranger, change.to_string()).await;
        assert_eq!((status, code(&body)), (StatusCode::NOT_FOUND, "iMetal.0904"), "{method}");
        let (status, _) = api.json(method, &format!("/v1/lab/vpcs/{NOTHING}"), &change).await;
        assert_eq!(status, StatusCode::NOT_FOUND);
    }
    let (status, ..) = api.call(Method::DELETE, &path, &api.tenant, Body::empty()).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(api.get(&path).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn vpcs_may_overlap_and_come_in_pages() {
    let api = Api::new(100).await;
    let first = api.world.vpc.to_string();
    let (second, third) = (api.vpc("10.20.0.0/16").await, api.vpc("10.20.0.0/16").await);
    let ids = |body: &Value, list: &str| -> Vec<String> {
        body[list].as_array().unwrap().iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect()
    };
    let (_, page) = api.get("/v1/lab/vpcs?limit=2").await;
    let all = [first, second.clone(), third.clone()];
    assert_eq!(ids(&page, "vpcs"), all[..2]);
    assert_eq!(page["page_info"]["next_marker"], json!(all[1]));
    let (_, page) = api.get(&format!("/v1/lab/vpcs?limit=2&marker={}", all[1])).await;
    assert_eq!((ids(&page, "vpcs"), page["page_info"].get("next_marker")), (all[2..].to_vec(), None));
    for bad in ["limit=0", "limit=2001", "limit=x", "marker=x"] {
        assert_eq!(api.get(&format!("/v1/lab/vpcs?{bad}")).await.0, StatusCode::BAD_REQUEST, "{bad}");
    }
    let one = api.subnet(&second, "10.20.0.0/24", "10.20.0.1").await;
    let two = api.subnet(&third, "10.20.0.0/24", "10.20.0.1").await;
    for (path, list) in [(CLOUDDCN, "clouddcn_subnets"), ("/v1/lab/subnets", "subnets")] {
        let (_, page) = api.get(&format!("{path}?vpc_id={third}")).await;
        assert_eq!(ids(&page, list), std::slice::from_ref(&two));
        let (_, page) = api.get(&format!("{path}?marker={one}&limit=1")).await;
        assert_eq!(ids(&page, list), std::slice::from_ref(&two));
        assert_eq!(api.get(&format!("{path}?vpc_id=x")).await.0, StatusCode::BAD_REQUEST);
    }
}

#[tokio::test]
async fn a_subnet_is_the_same_under_both_paths() {
    let api = Api::new(100).await;
    let vpc = api.world.vpc.to_string();
    let id = api.subnet(&vpc, "10.20.1.0/24", "10.20.1.1").await;
    let (_, family) = api.get(&format!("{CLOUDDCN}/{id}")).await;
    let (_, plain) = api.get(&format!("/v1/lab/subnets/{id}")).await;
    assert_eq!(family["clouddcn_subnet"], plain["subnet"]);
    for field in ["id", "name", "cidr", "gateway_ip", "dns_nameservers", "vpc_id", "availability_zone", "tags"] {
        assert!(family["clouddcn_subnet"].get(field).is_some(), "{field}");
    }
    let change = json!({ "clouddcn_subnet": { "name": "n", "dns_nameservers": ["10.20.1.53"] } });
    let (status, changed) = api.json(Method::PUT, &format!("{CLOUDDCN}/{id}"), &change).await;
    assert_eq!((status, &changed["clouddcn_subnet"]["dns_nameservers"]), (StatusCode::OK, &json!(["10.20.1.53"])));
    let fixed = json!({ "subnet": { "cidr": "10.0.0.0/8" } });
    let text = api.refused(Method::PUT, &format!("/v1/lab/subnets/{id}"), &fixed).await;
    assert!(text.contains("subnet.cidr cannot be changed"));
    let (status, _, _) =
        api.call(Method::GET, &format!("/v3/other/vpc/clouddcn-subnets/{id}"), &api.stranger, Body::empty()).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _, body) = api.call(Method::GET, &format!("{CLOUDDCN}/{id}"), &api.stranger, Body::empty()).await;
    assert_eq!((status, code(&body)), (StatusCode::FORBIDDEN, "iMetal.0004"), "the path's project counts here too");
    let (status, ..) = api.call(Method::DELETE, &format!("{CLOUDDCN}/{id}"), &api.tenant, Body::empty()).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!(api.get(&format!("/v1/lab/subnets/{id}")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_subnet_lies_in_its_vpc_apart_from_the_others_with_a_hosts_gateway() {
    let api = Api::new(100).await;
    let vpc = api.vpc("10.30.0.0/16").await;
    api.subnet(&vpc, "10.30.0.0/20", "10.30.0.1").await;
    for (vpc, cidr, gateway, expected) in [
        (vpc.as_str(), "10.30.8.0/24", "10.30.8.1", "cidr must not overlap 10.30.0.0/20 of subnet"),
        (vpc.as_str(), "10.30.0.0/16", "10.30.0.1", "cidr must not overlap"),
        (vpc.as_str(), "10.31.0.0/24", "10.31.0.1", "cidr must lie in the VPC's 10.30.0.0/16, not '10.31.0.0/24'"),
        (vpc.as_str(), "10.30.16.0/24", "10.30.17.1", "gateway_ip must be a host's address in 10.30.16.0/24"),
        (vpc.as_str(), "10.30.16.0/24", "10.30.16.0", "gateway_ip must be a host's address"),
        (vpc.as_str(), "10.30.16.0/24", "10.30.16.255", "gateway_ip must be a host's address"),
        (vpc.as_str(), "10.30.16.0/29", "10.30.16.1", "cidr must have a prefix of at most 28 bits"),
        (NOTHING, "10.30.16.0/24", "10.30.16.1", "vpc_id must name a VPC of this project"),
    ] {
        let told = api.refused(Method::POST, CLOUDDCN, &subnet_body("clouddcn_subnet", vpc, cidr, gateway)).await;
        assert!(told.contains(&format!("clouddcn_subnet.{expected}")), "{expected}: {told}");
    }
    let (status, body) =
        api.json(Method::POST, CLOUDDCN, &subnet_body("subnet", &vpc, "10.30.16.0/24", "10.30.16.1")).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0002"), "each path has its own wrapper");
    for (cidr, good) in [("10.30.16.0/20", false), ("10.30.0.0/21", false), ("10.30.0.0/20", true)] {
        let change = json!({ "vpc": { "cidr": cidr } });
        let path = format!("/v1/lab/vpcs/{vpc}");
        if good {
            let (status, body) = api.json(Method::PUT, &path, &change).await;
            assert_eq!(status, StatusCode::OK, "{body}");
        } else {
            let told = api.refused(Method::PUT, &path, &change).await;
            assert!(told.contains("vpc.cidr must hold 10.30.0.0/20"), "{told}");
        }
    }
}

#[tokio::test]
async fn a_project_has_no_more_vpcs_and_subnets_than_its_quota_says() {
    let api = Api::new(100).await;
    let quota = json!({ "vpcs": 2, "subnets": 2 }).to_string();
    let (status, _, body) = api.call(Method::PUT, "/admin/v1/projects/lab/quota", &api.admin, quota).await;
    assert_eq!((status, &body["usage"]["vpcs"], &body["usage"]["subnets"]), (StatusCode::OK, &json!(1), &json!(1)));
    let vpc = api.vpc("10.30.0.0/16").await;
    api.subnet(&vpc, "10.30.0.0/24", "10.30.0.1").await;
    let another = json!({ "vpc": { "name": "v", "cidr": "10.31.0.0/16" } });
    for (path, body, what) in [
        ("/v1/lab/vpcs", another, "vpcs: 2 in use, 1 more wanted, 2 allowed"),
        (
            CLOUDDCN,
            subnet_body("clouddcn_subnet", &vpc, "10.30.1.0/24", "10.30.1.1"),
            "subnets: 2 in use, 1 more wanted, 2 allowed",
        ),
    ] {
        let (status, refused) = api.json(Method::POST, path, &body).await;
        assert_eq!((status, code(&refused)), (StatusCode::BAD_REQUEST, "iMetal.0920"), "{refused}");
        assert!(refused["error_msg"].as_str().unwrap().contains(what), "{refused}");
    }
    let (_, limits) = api.get("/v1/lab/limits").await;
    let limits = &limits["absolute"];
    assert_eq!((&limits["maxTotalVpcs"], &limits["totalSubnetsUsed"]), (&json!(2), &json!(2)));
}

#[tokio::test]
async fn what_is_in_use_is_not_deleted_and_says_by_how_many() {
    let api = Api::new(100).await;
    let (vpc, subnet) = (format!("/v1/lab/vpcs/{}", api.world.vpc), format!("{CLOUDDCN}/{}", api.world.subnet));
    let id = api.world.create().await.unwrap();
    let told = api.refused(Method::DELETE, &vpc, &Value::Null).await;
    assert!(told.contains("it has 1 and 1 of them"), "{told}");
    let told = api.refused(Method::DELETE, &subnet, &Value::Null).await;
    assert!(told.contains("must have no address in use by an instance or held: 1 are"), "{told}");
    api.world.terminate(id).await;
    for path in [&subnet, &vpc] {
        let (status, body) = api.json(Method::DELETE, path, &Value::Null).await;
        assert_eq!(status, StatusCode::NO_CONTENT, "an ended instance is on record, and in nobody's way: {body}");
        assert_eq!(api.get(path).await.0, StatusCode::NOT_FOUND);
    }
    let (_, list) = api.get("/v1/lab/vpcs").await;
    assert_eq!(list["vpcs"], json!([]));
    let body = api.world.body();
    let (_, _, refused) = api.create(&api.tenant, &body).await;
    assert!(refused["error_msg"].as_str().unwrap().contains("vpc_id must name a VPC of this project"), "{refused}");
}
