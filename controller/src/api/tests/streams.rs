//! Timelines as server-sent events.

use super::{
    Api,
    listing::{tell, text},
};
use crate::{
    api::{AppState, ports::LifecycleApi, router},
    auth::{Authenticator, Tokens, keystone_peer},
};
use axum::{
    body::{Body, BodyDataStream},
    http::{HeaderMap, Request, StatusCode},
};
use billet_proto::link::{Done, Started, Step, report::What};
use futures_util::StreamExt;
use std::time::Duration;
use tower::ServiceExt;

impl Api {
    async fn stream(&self, path: &str, token: &str, last: Option<&str>) -> (StatusCode, HeaderMap, BodyDataStream) {
        let mut request = Request::get(path).header("x-auth-token", token).header("accept", "text/event-stream");
        if let Some(last) = last {
            request = request.header("last-event-id", last);
        }
        let response = self.router.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        (response.status(), response.headers().clone(), response.into_body().into_data_stream())
    }

    /// Something happens to an instance.
    async fn happens(&self, instance: &serde_json::Value, step: Step) {
        tell(
            &self.world,
            instance,
            step,
            What::Started(Started { waiting_for: "the BMC".into(), ..Default::default() }),
        )
        .await;
    }
}

async fn next(parts: &mut BodyDataStream) -> Option<String> {
    let part = tokio::time::timeout(Duration::from_secs(5), parts.next()).await.expect("an event or the end");
    part.map(|part| String::from_utf8(part.unwrap().to_vec()).unwrap())
}

#[tokio::test]
async fn a_timeline_is_streamed_live_resumed_and_ended_with_its_instance() {
    let api = Api::new(1000).await;
    let all = api.three().await;
    let path = format!("/v1/lab/instances/{}/events", text(&all[0], "id"));
    let (status, headers, mut parts) = api.stream(&path, &api.tenant, None).await;
    assert_eq!((status, headers["content-type"].to_str().unwrap()), (StatusCode::OK, "text/event-stream"));
    let first = next(&mut parts).await.unwrap();
    assert!(
        first.starts_with("id: ") && first.contains("\nevent: accepted\ndata: {") && first.ends_with("}\n\n"),
        "{first}"
    );
    api.happens(&all[0], Step::Power).await;
    let second = next(&mut parts).await.unwrap();
    assert!(second.contains("event: started") && second.contains("the BMC"), "{second}");
    let last = first.lines().next().unwrap().trim_start_matches("id: ");
    let (_, _, mut again) = api.stream(&path, &api.tenant, Some(last)).await;
    let resumed = next(&mut again).await.unwrap();
    assert_eq!(resumed, second, "what was seen is not sent again");
    api.world.lifecycle.delete(None, text(&all[0], "id").parse().unwrap()).await.unwrap();
    tell(&api.world, &all[0], Step::PowerOff, What::Done(Done::default())).await;
    assert!(next(&mut parts).await.unwrap().contains("event: deleting"));
    assert!(next(&mut parts).await.unwrap().contains("event: terminated"));
    assert_eq!(next(&mut parts).await, None);
}

#[tokio::test]
async fn one_caller_has_so_many_streams_and_no_more() {
    let api = Api::new(1000).await;
    let all = api.three().await;
    let path = format!("/v1/lab/instances/{}/events", text(&all[0], "id"));
    let mut open = Vec::new();
    let status = async |open: &mut Vec<BodyDataStream>| {
        let (status, _, parts) = api.stream(&path, &api.tenant, None).await;
        open.push(parts);
        status
    };
    for _ in 0..32 {
        assert_eq!(status(&mut open).await, StatusCode::OK);
    }
    assert_eq!(status(&mut open).await, StatusCode::TOO_MANY_REQUESTS);
    open.truncate(31);
    assert_eq!(status(&mut open).await, StatusCode::OK, "one that ended makes room");
}

#[tokio::test]
async fn a_stream_ends_when_the_files_of_credentials_take_its_caller_away_and_tells_why() {
    for (changed, why) in [
        ("", "Unauthorized: X-Auth-Token names no caller"),
        ("project = \"other\"", "Insufficient permissions: the caller is of another project than the path"),
    ] {
        let api = Api::new(1000).await;
        let all = api.three().await;
        let path = format!("/v1/lab/instances/{}/events", text(&all[0], "id"));
        let (_, _, mut parts) = api.stream(&path, &api.tenant, None).await;
        let (_, _, mut others) = api.stream(&path, &api.reader, None).await;
        for parts in [&mut parts, &mut others] {
            assert!(next(parts).await.unwrap().contains("event: accepted"));
        }
        let mine = api.tokens.split("\n\n").find(|line| line.contains("name = \"tenant\"")).unwrap();
        let mine_now = if changed.is_empty() { String::new() } else { mine.replace("project = \"lab\"", changed) };
        let tokens = Tokens::parse(&api.tokens.replace(mine, &mine_now)).unwrap();
        api.state.auth.tokens.as_ref().unwrap().replace(tokens);
        assert_eq!(next(&mut parts).await.unwrap(), format!(": the stream ends: {why}\n\n"));
        assert_eq!(next(&mut parts).await, None);
        api.happens(&all[0], Step::Power).await;
        assert!(next(&mut others).await.unwrap().contains("event: started"), "nobody else's ends");
    }
}

#[tokio::test]
async fn a_stream_ends_when_its_token_has_expired() {
    let api = Api::new(1000).await;
    let all = api.three().await;
    let path = format!("/v1/lab/instances/{}/events", text(&all[0], "id"));
    let (keystone, way, _password) = keystone_peer::peer().await;
    let auth = Authenticator { keystone: Some(way), ..api.state.auth.clone() };
    let api = Api { router: router(AppState { auth, ..api.state.clone() }), ..api };
    let (status, _, mut parts) = api.stream(&path, "short", None).await;
    assert_eq!(status, StatusCode::OK);
    assert!(next(&mut parts).await.unwrap().contains("event: accepted"));
    let (_, _, mut others) = api.stream(&path, "alice", None).await;
    assert!(next(&mut others).await.unwrap().contains("event: accepted"));
    api.happens(&all[0], Step::Power).await;
    assert!(next(&mut parts).await.unwrap().contains("event: started"));
    assert!(next(&mut others).await.unwrap().contains("event: started"));
    api.world.clock.advance(Duration::from_secs(31));
    let (_, before) = keystone.asked();
    api.happens(&all[0], Step::Boot).await;
    assert!(next(&mut others).await.unwrap().contains("event: started"));
    assert_eq!(keystone.asked().1, before, "what is remembered is not asked about");
    let last = next(&mut parts).await.unwrap();
    assert_eq!(last, ": the stream ends: Unauthorized: X-Auth-Token has expired\n\n");
    assert_eq!(next(&mut parts).await, None);
}
