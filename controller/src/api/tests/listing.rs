//! Lists of instances and their timelines, as tenants ask for them.

use super::{Api, code};
use crate::{api::ports::LifecycleApi, lifecycle::tests::world::World};
use axum::{
    body::Body,
    http::{Method, StatusCode},
};
use billet_proto::link::{Done, Failed, Report, Step, report::What};
use serde_json::{Value, json};
use std::time::Duration;

impl Api {
    /// The ids that a query finds, and the total.
    async fn found(&self, query: &str) -> (Vec<String>, u64) {
        let (status, list) = self.get(&format!("/v1/lab/instances?{query}")).await;
        assert_eq!(status, StatusCode::OK, "{query}: {list}");
        let all = list["instances"].as_array().unwrap();
        let ids = all.iter().map(|item| item["id"].as_str().unwrap().to_owned()).collect();
        (ids, list["count"].as_u64().unwrap())
    }

    pub(super) async fn three(&self) -> Vec<Value> {
        self.world.more_servers(2).await;
        let mut all = Vec::new();
        for name in ["a", "b", "c"] {
            let mut body = self.world.body();
            body["name"] = name.into();
            body["tags"] = json!([{ "key": "name", "value": name }, { "key": "all", "value": "" }]);
            self.world.clock.advance(Duration::from_millis(1));
            let (_, _, made) = self.create(&self.tenant, &body).await;
            let id = made["instance_id"].as_str().unwrap_or_else(|| panic!("{made}"));
            all.push(self.get(&format!("/v1/lab/instances/{id}")).await.1);
        }
        all
    }
}

pub(super) fn text<'a>(value: &'a Value, field: &str) -> &'a str {
    value[field].as_str().unwrap()
}

pub(super) async fn tell(world: &World, instance: &Value, step: Step, what: What) {
    let id = text(instance, "id").parse().unwrap();
    let generation = world.instance(id).await.generation;
    let server_id = text(instance, "server_id").to_owned();
    let report = Report { server_id, generation, step: step.into(), what: Some(what) };
    world.lifecycle.report(world.agent, vec![report]).await.unwrap();
}

#[tokio::test]
async fn a_list_is_filtered_by_each_of_its_words() {
    let api = Api::new(1000).await;
    let all = api.three().await;
    let [a, b, c] = [0, 1, 2].map(|index| text(&all[index], "id"));
    let failed = What::Failed(Failed { cause: "boot_failed".into(), message: "no boot".into() });
    tell(&api.world, &all[1], Step::Power, failed).await;
    for (query, expected) in [
        (String::new(), vec![a, b, c]),
        (format!("instance_id={c}%2C{a}"), vec![a, c]),
        (format!("server_id={}", text(&all[1], "server_id")), vec![b]),
        ("name=c".into(), vec![c]),
        ("tag=all".into(), vec![a, b, c]),
        ("tag=name".into(), vec![a, b, c]),
        ("tag=name%3Db".into(), vec![b]),
        ("tag=name%3D".into(), vec![]),
        ("instance_state=error".into(), vec![b]),
        ("instance_state=pending,error".into(), vec![a, b, c]),
        ("instance_state=running".into(), vec![]),
        ("instance_state=pending&name=c".into(), vec![c]),
    ] {
        let (found, count) = api.found(&query).await;
        assert_eq!(
            (found, count),
            (expected.iter().map(|id| (*id).to_owned()).collect(), expected.len() as u64),
            "{query}"
        );
    }
    let many = vec![a; 101].join(",");
    for query in [
        format!("instance_id={a}&server_id={}", text(&all[0], "server_id")),
        "instance_id=x".into(),
        format!("instance_id={many}"),
        "instance_state=flying".into(),
    ] {
        let (status, body) = api.get(&format!("/v1/lab/instances?{query}")).await;
        assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0001"), "{query}: {body}");
    }
}

#[tokio::test]
async fn row_10_the_six_words_of_today_are_shown_and_older_ones_found() {
    let api = Api::new(1000).await;
    let all = api.three().await;
    let failed = What::Failed(Failed { cause: "boot_failed".into(), message: "no boot".into() });
    tell(&api.world, &all[0], Step::Power, failed).await;
    let id = text(&all[0], "id");
    let (_, status) = api.get(&format!("/v1/lab/instances/{id}/status")).await;
    assert_eq!((text(&status, "state"), text(&status, "operation_state")), ("error", "install-failed"));
    assert_eq!(api.found("instance_state=failed").await.0, [id]);
    for old in ["stopping", "reinstalling", "modifyIping", "switch-installing"] {
        api.found(&format!("instance_state={old}")).await;
    }
}

#[tokio::test]
async fn row_11_an_instance_is_deleted_from_every_state_and_again_while_it_shuts_down() {
    let api = Api::new(1000).await;
    let all = api.three().await;
    let path = format!("/v1/lab/instances/{}", text(&all[0], "id"));
    for _ in 0..2 {
        let (status, _, _) = api.call(Method::DELETE, &path, &api.tenant, Body::empty()).await;
        assert_eq!(status, StatusCode::NO_CONTENT);
        assert_eq!(text(&api.get(&format!("{path}/status")).await.1, "state"), "shutting-down");
    }
    tell(&api.world, &all[0], Step::PowerOff, What::Done(Done::default())).await;
    let (status, _, body) = api.call(Method::DELETE, &path, &api.tenant, Body::empty()).await;
    assert_eq!((status, code(&body)), (StatusCode::NOT_FOUND, "iMetal.0200"));
}

#[tokio::test]
async fn row_12_a_terminated_instance_is_seen_for_a_day_and_listed_when_asked_for() {
    let api = Api::new(1000).await;
    let all = api.three().await;
    let id = text(&all[0], "id").to_owned();
    api.world.lifecycle.delete(None, id.parse().unwrap()).await.unwrap();
    tell(&api.world, &all[0], Step::PowerOff, What::Done(Done::default())).await;
    api.world.clock.advance(Duration::from_secs(23 * 3600));
    assert_eq!(text(&api.get(&format!("/v1/lab/instances/{id}/status")).await.1, "state"), "terminated");
    assert_eq!(api.found("").await.1, 2);
    assert_eq!(api.found("instance_state=terminated").await.0, [id]);
}

#[tokio::test]
async fn row_25_limits_are_clamped_and_the_marker_is_the_last_id() {
    let api = Api::new(1000).await;
    let all = api.three().await;
    let ids: Vec<&str> = all.iter().map(|instance| text(instance, "id")).collect();
    for limit in ["", "1", "5000", "10"] {
        let (_, list) = api.get(&format!("/v1/lab/instances?limit={limit}")).await;
        assert_eq!(list["instances"].as_array().unwrap().len(), 3, "fewer than ten are not given");
        assert!(list["page_info"].get("next_marker").is_none(), "there is no next page: {list}");
    }
    assert_eq!(api.found(&format!("marker={}", ids[0])).await, (vec![ids[1].into(), ids[2].into()], 3));
    for bad in ["limit=x", "limit=-1", "marker=x"] {
        assert_eq!(api.get(&format!("/v1/lab/instances?{bad}")).await.0, StatusCode::BAD_REQUEST, "{bad}");
    }
}

#[tokio::test]
async fn row_27_times_are_rfc_3339_and_launched_at_is_empty_before_the_first_boot() {
    let api = Api::new(1000).await;
    let all = api.three().await;
    assert!(text(&all[0], "created_at").ends_with('Z') && text(&all[0], "created_at").contains('T'));
    assert_eq!(text(&all[0], "launched_at"), "");
}
