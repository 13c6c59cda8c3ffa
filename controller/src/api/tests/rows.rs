//! Rows of the family's table of ambiguities that are not of creation, lists or times, each through the router.

use super::{Api, code};
use crate::{
    lifecycle::tests::{KEY, done, installed, started, world::World},
    store::record::{Image, ManageState, NicRole},
};
use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use billet_proto::{
    ImageId, InstanceId,
    link::{Done, Failed, Step, order::Work, report::What},
};
use serde_json::{Value, json};

const INSTANCES: &str = "/v1/lab/instances";
const OTHER_PASSWORD: &str = "Dd4-Ee5-Ff6";

impl Api {
    async fn state(&self, id: InstanceId) -> Value {
        self.get(&format!("{INSTANCES}/{id}/status")).await.1["state"].clone()
    }

    /// A create with this field changed is refused as invalid; answers the text.
    async fn refused_with(&self, field: &str, value: Value) -> String {
        let mut body = self.world.body();
        body[field] = value;
        self.refused(Method::POST, INSTANCES, &body).await
    }
}

async fn running(world: &World) -> InstanceId {
    let id = installed(world).await;
    world.report(1, Step::Verify, done(KEY)).await;
    id
}

/// Another image, of this system and owner.
async fn image(api: &Api, os_type: &str, owner: Option<&str>) -> ImageId {
    let (known, id) = (api.world.image, ImageId::new(api.world.edge.id()));
    let (os_type, project_id) = (os_type.to_owned(), owner.map(|owner| owner.parse().unwrap()));
    let inserted = api.world.store.run(move |tx| {
        let image = tx.image(known)?.unwrap();
        tx.insert_image(&Image { id, os_type, project_id, ..image })
    });
    inserted.await.unwrap();
    id
}

#[tokio::test]
async fn row_08_only_the_installed_system_itself_proves_that_it_runs() {
    let api = Api::new(100).await;
    let id = installed(&api.world).await;
    assert_eq!(api.state(id).await, "pending", "written, handed over, and not heard of");
    api.world.report(1, Step::Verify, done("")).await;
    assert_ne!(api.state(id).await, "running", "what answers has not the key that was made for it");

    let api = Api::new(100).await;
    let id = running(&api.world).await;
    assert_eq!(api.state(id).await, "running");
    let (_, shown) = api.get(&format!("{INSTANCES}/{id}")).await;
    assert_eq!((&shown["proof"], &shown["host_key"]), (&json!("ssh-host-key"), &json!(KEY)));
}

#[tokio::test]
async fn row_09_what_failed_stays_with_its_cause_its_server_and_its_address_until_it_is_deleted() {
    let api = Api::new(100).await;
    let id = api.world.create().await.unwrap();
    let failed = Failed { cause: "disk_error".into(), message: "vda".into() };
    api.world.report(1, Step::Power, What::Failed(failed)).await;
    let (_, shown) = api.get(&format!("{INSTANCES}/{id}")).await;
    assert_eq!((&shown["state"], &shown["operation_state"]), (&json!("error"), &json!("install-failed")));
    assert_eq!(shown["error"], json!({ "error_code": "disk_error", "error_msg": "vda", "error_type": "install" }));
    let held = async || (api.world.reserved().await.len(), api.world.server().await.manage_state);
    assert_eq!(held().await, (1, ManageState::InUse));
    let path = format!("{INSTANCES}/{id}");
    assert_eq!(api.call(Method::DELETE, &path, &api.tenant, Body::empty()).await.0, StatusCode::NO_CONTENT);
    api.world.report(2, Step::PowerOff, What::Done(Done::default())).await;
    api.world.erase().await;
    assert_eq!(held().await, (0, ManageState::Ready));
}

#[tokio::test]
async fn row_13_a_password_has_the_listed_characters_alone() {
    let api = Api::new(100).await;
    for password in ["Aa1-Bb2#Cc3", "Aa1-Bb2~Cc3", "Aa1-Bb2 Cc3", "Aa1-Bb2-Cc3ä", "Aa1-Bb2-Cc3\n"] {
        let text = api.refused_with("password", password.into()).await;
        assert!(text.contains("password") && !text.contains(password), "{text}");
    }
}

#[tokio::test]
async fn row_14_no_administrators_name_in_any_case_or_reversed_by_the_images_system() {
    let api = Api::new(100).await;
    let windows = image(&api, "Windows", None).await;
    for (of, password, good) in [
        (api.world.image, "1-RooT-2-aB", false),
        (api.world.image, "1-tOOr-2-aB", false),
        (api.world.image, "1-Adm-2-abC", true),
        (windows, "1-RooT-2-aB", true),
        (windows, "1-Adm-2-abC", false),
        (windows, "1-rotartsinimdA", false),
    ] {
        let mut body = api.world.body();
        (body["image_id"], body["password"]) = (of.to_string().into(), password.into());
        let (_, answer) = api.json(Method::POST, &format!("{INSTANCES}?dry_run=true"), &body).await;
        let is_refused = answer["error_msg"].as_str().is_some_and(|text| text.contains("password"));
        assert_eq!(is_refused, !good, "{password}: {answer}");
    }
}

#[tokio::test]
async fn row_15_the_same_rule_holds_wherever_a_password_is_given() {
    let api = Api::new(100).await;
    let id = running(&api.world).await.to_string();
    for (path, field) in [("reinstall", "password"), ("password", "new_password")] {
        for password in ["short", "1-RooT-2-aB", "Aa1-Bb2#Cc3"] {
            let body = json!({ field: password, "instance_id_set": [id] });
            let text = api.refused(Method::PUT, &format!("{INSTANCES}/{path}"), &body).await;
            assert!(text.contains(&format!("value: {field} must")) && !text.contains(password), "{text}");
        }
    }
    assert_eq!(api.hasher.begun(), 0);
}

#[tokio::test]
async fn row_16_a_password_is_hashed_at_once_and_never_told() {
    let api = Api::new(100).await;
    let (_, _, made) = api.create(&api.tenant, &api.world.body()).await;
    let id: InstanceId = made["instance_id"].as_str().unwrap().parse().unwrap();
    let Some(Work::Install(install)) = api.world.sent().remove(0).1.work else { panic!("an installation") };
    assert!(install.password_hash.starts_with("$6$"), "SHA-512");
    let password = api.world.body()["password"].as_str().unwrap().to_owned();
    let row = api.world.instance(id).await;
    let sealed = row.password_hash.as_ref().unwrap();
    assert!(!String::from_utf8_lossy(&sealed.0).contains("$6$"), "sealed on disk");
    for path in [format!("{INSTANCES}/{id}"), format!("{INSTANCES}/{id}/events"), INSTANCES.to_owned()] {
        let (_, told) = api.get(&path).await;
        assert!(!told.to_string().contains(&password) && !told.to_string().contains("$6$"), "{told}");
    }
    for step in [Step::Power, Step::Boot, Step::Inspect, Step::Write, Step::Configure] {
        api.world.report(1, step, started()).await;
    }
    let key = billet_proto::link::Note { kind: "host-key".into(), message: KEY.into() };
    api.world.report(1, Step::Configure, What::Note(key)).await;
    for step in [Step::HandOver, Step::Verify] {
        api.world.report(1, step, started()).await;
    }
    api.world.report(1, Step::Verify, done(KEY)).await;
    assert_eq!((api.state(id).await, api.world.instance(id).await.password_hash), (json!("running"), None));
}

#[tokio::test]
async fn row_19_two_nics_may_be_on_one_subnet_and_the_first_comes_first() {
    let api = Api::new(100).await;
    let mut body = api.world.body();
    let subnet = api.world.subnet.to_string();
    body["network_interfaces"] = json!([{ "subnet_id": subnet, "ipv4_address": "10.20.0.9" }, { "subnet_id": subnet }]);
    let (status, _, made) = api.create(&api.tenant, &body).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{made}");
    let Some(Work::Install(install)) = api.world.sent().remove(0).1.work else { panic!("an installation") };
    let nics: Vec<_> = install.nics.iter().map(|nic| (nic.address.as_str(), nic.mac.as_str())).collect();
    assert_eq!(nics, [("10.20.0.9", "52:54:00:00:00:01"), ("10.20.0.2", "52:54:00:00:00:02")], "by MAC, in port order");
}

#[tokio::test]
async fn row_20_the_parameter_plane_is_the_servers_and_no_part_of_a_request() {
    let api = Api::new(100).await;
    let mut server = api.world.server().await;
    server.roles = vec![NicRole::Vpc, NicRole::ParameterPlane { rail: 3 }];
    api.world.store.read(move |tx| tx.update_server(&server)).await.unwrap();
    let rail = json!({ "rail": 3, "cidr": "10.103.0.0/24", "mtu": 4200 }).to_string();
    let path = "/admin/v1/parameter-plane/subnets";
    assert_eq!(api.call(Method::POST, path, &api.admin, rail).await.0, StatusCode::CREATED);
    let (status, _, made) = api.create(&api.tenant, &api.world.body()).await;
    assert_eq!(status, StatusCode::ACCEPTED, "{made}");
    let Some(Work::Install(install)) = api.world.sent().remove(0).1.work else { panic!("an installation") };
    let plane = &install.nics[1];
    assert_eq!((plane.rail, plane.mtu, plane.address.as_str(), plane.gateway.as_str()), (3, 4200, "10.103.0.1", ""));
}

#[tokio::test]
async fn row_21_too_often_is_the_familys_object_with_a_time_to_come_again() {
    let api = Api::new(1).await;
    api.get(INSTANCES).await;
    let (status, headers, body) = api.call(Method::GET, INSTANCES, &api.tenant, Body::empty()).await;
    assert_eq!((status, code(&body)), (StatusCode::TOO_MANY_REQUESTS, "iMetal.0005"));
    assert!(body["error_msg"].is_string() && headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() > 0);
}

#[tokio::test]
async fn row_22_a_conflict_is_400_with_its_code_and_never_409() {
    let api = Api::new(100).await;
    let (_, _, made) = api.create(&api.tenant, &api.world.body()).await;
    let (status, _, body) = api.create(&api.tenant, &api.world.body()).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0101"), "the server is taken");
    let reinstall = json!({ "password": OTHER_PASSWORD, "instance_id_set": [made["instance_id"]] });
    let (status, body) = api.json(Method::PUT, &format!("{INSTANCES}/reinstall"), &reinstall).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0201"), "it is being installed");
    let (status, body) = api.json(Method::DELETE, &format!("/v1/lab/subnets/{}", api.world.subnet), &Value::Null).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0001"), "an address of it is in use: {body}");
}

#[tokio::test]
async fn row_24_a_path_is_its_callers_project_and_another_projects_things_are_not_there() {
    let api = Api::new(100).await;
    let id = api.world.create().await.unwrap();
    for (path, token, status, expected) in [
        (format!("/v1/lab/instances/{id}"), &api.stranger, StatusCode::FORBIDDEN, "iMetal.0004"),
        (format!("/v1/other/instances/{id}"), &api.stranger, StatusCode::NOT_FOUND, "iMetal.0200"),
        (format!("/v1/other/vpcs/{}", api.world.vpc), &api.stranger, StatusCode::NOT_FOUND, "iMetal.0904"),
        (format!("/v1/lab/instances/{id}"), &api.admin, StatusCode::OK, ""),
    ] {
        let (got, _, body) = api.call(Method::GET, &path, token, Body::empty()).await;
        assert_eq!((got, code(&body)), (status, expected), "{path}: {body}");
    }
}

#[tokio::test]
async fn row_28_ten_are_reinstalled_at_once_and_no_more() {
    let api = Api::new(100).await;
    let ids = |count: u8| -> Vec<String> {
        (0..count).map(|n| format!("0198170e-4ca7-7000-8000-0000000002{n:02x}")).collect()
    };
    let body = |count: u8| json!({ "password": OTHER_PASSWORD, "instance_id_set": ids(count) });
    let path = format!("{INSTANCES}/reinstall");
    assert!(api.refused(Method::PUT, &path, &body(11)).await.contains("instance_id_set"));
    let (status, answer) = api.json(Method::PUT, &path, &body(10)).await;
    assert_eq!((status, code(&answer)), (StatusCode::NOT_FOUND, "iMetal.0200"), "these are not there: {answer}");
}

#[tokio::test]
async fn row_29_a_password_is_changed_running_or_stopped_at_the_next_boot_and_for_all_or_none() {
    let api = Api::new(100).await;
    let id = running(&api.world).await;
    let path = format!("{INSTANCES}/password");
    let change = |ids: &[String]| json!({ "new_password": OTHER_PASSWORD, "instance_id_set": ids });
    let unknown = "0198170e-4ca7-7000-8000-0000000000ff".to_owned();
    let waits = async || api.world.instance(id).await.next_password_hash.is_some();
    let (status, body) = api.json(Method::PUT, &path, &change(&[id.to_string(), unknown])).await;
    assert_eq!((status, code(&body), waits().await), (StatusCode::NOT_FOUND, "iMetal.0200", false));
    let sent = api.world.sent().len();
    let (status, body) = api.json(Method::PUT, &path, &change(&[id.to_string()])).await;
    assert_eq!((status, waits().await, api.world.sent().len()), (StatusCode::OK, true, sent), "{body}");
    let power = |action: &str| json!({ "action": action, "server_id_set": [api.world.server_id().to_string()] });
    api.json(Method::PUT, "/v1/lab/physicalservers/power-state", &power("power off")).await;
    let generation = api.world.instance(id).await.generation;
    let (status, body) = api.json(Method::PUT, &path, &change(&[id.to_string()])).await;
    assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0201"), "not between the two: {body}");
    api.world.report(generation, Step::PowerOff, What::Done(Done::default())).await;
    assert_eq!(api.state(id).await, "stopped");
    assert_eq!(api.json(Method::PUT, &path, &change(&[id.to_string()])).await.0, StatusCode::OK);
    api.json(Method::PUT, "/v1/lab/physicalservers/power-state", &power("power on")).await;
    let Some(Work::Reconfigure(work)) = api.world.sent().pop().unwrap().1.work else { panic!("a boot that writes") };
    assert!(work.password_hash.starts_with("$6$"));
}

#[tokio::test]
async fn row_30_a_server_and_an_image_are_their_projects_or_everybodys() {
    let api = Api::new(100).await;
    let foreign = image(&api, "Linux", Some("other")).await;
    let (status, _) = api.get(&format!("/v1/lab/images/{foreign}")).await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    assert!(api.refused_with("image_id", foreign.to_string().into()).await.contains("image_id"));
    let servers = async || api.get("/v1/lab/physicalservers").await.1["count"].clone();
    let own = async |project: &str| {
        let mut server = api.world.server().await;
        server.project_id = (!project.is_empty()).then(|| project.parse().unwrap());
        api.world.store.read(move |tx| tx.update_server(&server)).await.unwrap();
    };
    own("other").await;
    let (status, _, body) = api.create(&api.tenant, &api.world.body()).await;
    assert_eq!((status, code(&body), servers().await), (StatusCode::BAD_REQUEST, "iMetal.0101", json!(0)));
    own("lab").await;
    assert_eq!(servers().await, 1, "its own");
    own("").await;
    assert_eq!(servers().await, 0, "the pool is not listed");
    let (status, _, body) = api.create(&api.tenant, &api.world.body()).await;
    assert_eq!((status, servers().await), (StatusCode::ACCEPTED, json!(1)), "but used, and seen then: {body}");
}

#[tokio::test]
async fn row_31_a_name_that_leaves_no_host_name_gets_one_of_the_id() {
    for name in ["...", "___"] {
        let api = Api::new(100).await;
        let mut body = api.world.body();
        body["name"] = name.into();
        let (status, _, made) = api.create(&api.tenant, &body).await;
        assert_eq!(status, StatusCode::ACCEPTED, "{made}");
        let id = made["instance_id"].as_str().unwrap();
        assert_eq!(api.get(&format!("{INSTANCES}/{id}")).await.1["name"], name);
        let Some(Work::Install(install)) = api.world.sent().remove(0).1.work else { panic!("an installation") };
        assert_eq!(install.hostname, format!("i-{}", &id[id.len() - 12..]));
    }
}
