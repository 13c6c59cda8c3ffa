//! Images: shown, listed, changed and deleted.

use super::{Api, code};
use axum::{
    body::{Body, Bytes},
    http::{Method, Request, StatusCode},
};
use serde_json::{Value, json};
use std::{convert::Infallible, task::Poll, time::Duration};
use tokio::sync::oneshot;
use tower::ServiceExt;

/// By `head -c 1024 /dev/zero | sha256sum`.
const ZEROS: &str = "5f70bf18a086007016e948b04aed3b82103a36bea41755b6cddfaf10ace3c6ef";

impl Api {
    /// Uploads a small image, and answers its id.
    pub(super) async fn upload(&self, name: &str, token: &str, more: &str) -> String {
        self.world.clock.advance(std::time::Duration::from_millis(1));
        let path = format!("/v1/lab/images?name={name}&os_type=Linux&sha256={ZEROS}&size_bytes=1024{more}");
        let (status, _, body) = self.call(Method::POST, &path, token, vec![0; 1024]).await;
        assert_eq!(status, StatusCode::CREATED, "{body}");
        body["image"]["id"].as_str().unwrap().to_owned()
    }

    fn blobs(&self) -> usize {
        std::fs::read_dir(self.dir.path().join("images")).unwrap().count()
    }

    async fn listed(&self, query: &str) -> Vec<String> {
        let (status, body) = self.get(&format!("/v1/lab/images?{query}")).await;
        assert_eq!(status, StatusCode::OK, "{body}");
        body["images"].as_array().unwrap().iter().map(|image| image["name"].as_str().unwrap().to_owned()).collect()
    }
}

fn image(id: &str) -> String {
    format!("/v1/lab/images/{id}")
}

#[tokio::test]
async fn an_image_has_the_familys_words_beside_ours_and_is_its_projects_alone() {
    let api = Api::new(100).await;
    let id = api.upload("mine", &api.tenant, "").await;
    let (_, shown) = api.get(&image(&id)).await;
    for (field, expected) in [
        ("name", json!("mine")),
        ("os_type", json!("Linux")),
        ("__os_type", json!("Linux")),
        ("disk_format", json!("raw")),
        ("min_disk", json!(1)),
        ("status", json!("active")),
        ("virtual_env_type", json!("Ironic")),
        ("visibility", json!("private")),
        ("project_id", json!("lab")),
        ("size_bytes", json!(1024)),
        ("sha256", json!(ZEROS)),
    ] {
        assert_eq!(shown["image"][field], expected, "{field}");
    }
    for method in [Method::GET, Method::PUT, Method::DELETE] {
        let path = format!("/v1/other/images/{id}");
        let (status, _, body) = api.call(method, &path, &api.stranger, "{}").await;
        assert_eq!((status, code(&body)), (StatusCode::NOT_FOUND, "iMetal.0904"));
    }
    assert_eq!(api.get(&image("x")).await.0, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn images_come_in_pages_and_by_what_is_asked() {
    let api = Api::new(100).await;
    api.upload("one", &api.tenant, "").await;
    let two = api.upload("two", &api.admin, "&shared=true").await;
    // "debian" is shared, and there from the start.
    assert_eq!(api.listed("").await, ["debian", "one", "two"]);
    assert_eq!(api.listed("name=one").await, ["one"]);
    assert_eq!(api.listed("visibility=private").await, ["one"]);
    assert_eq!(api.listed("visibility=shared").await, ["debian", "two"]);
    assert_eq!(api.listed("os_type=Linux&limit=2").await, ["debian", "one"]);
    assert_eq!(api.listed("__os_type=Windows").await, [""; 0]);
    let (_, page) = api.get("/v1/lab/images?limit=2").await;
    let marker = page["page_info"]["next_marker"].as_str().unwrap();
    assert_eq!(api.listed(&format!("marker={marker}")).await, ["two"]);
    assert_eq!(api.listed(&format!("marker={two}")).await, [""; 0]);
    for bad in ["os_type=linux", "visibility=public", "limit=0", "marker=x"] {
        let (status, body) = api.get(&format!("/v1/lab/images?{bad}")).await;
        assert_eq!((status, code(&body)), (StatusCode::BAD_REQUEST, "iMetal.0001"), "{bad}");
    }
}

#[tokio::test]
async fn operators_alone_share_images_and_change_shared_ones() {
    let api = Api::new(100).await;
    let (mine, debian) = (api.upload("mine", &api.tenant, "").await, api.world.image.to_string());
    let (status, body) = api.json(Method::PUT, &image(&mine), &json!({ "name": "new" })).await;
    assert_eq!((status, &body["image"]["name"]), (StatusCode::OK, &json!("new")), "{body}");
    for (id, body) in [
        (&mine, json!({ "visibility": "shared" })),
        (&debian, json!({ "name": "mine now" })),
        (&debian, json!({ "visibility": "private" })),
    ] {
        let (status, answer) = api.json(Method::PUT, &image(id), &body).await;
        assert_eq!((status, code(&answer)), (StatusCode::FORBIDDEN, "iMetal.0004"), "{body}");
    }
    let (status, _) = api.json(Method::DELETE, &image(&debian), &Value::Null).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let put = async |id: &str, visibility: &str| {
        let body = json!({ "visibility": visibility }).to_string();
        let (status, _, body) = api.call(Method::PUT, &image(id), &api.admin, body).await;
        (status, body["image"]["visibility"].clone())
    };
    assert_eq!(put(&mine, "shared").await, (StatusCode::OK, json!("shared")));
    assert_eq!(put(&mine, "private").await, (StatusCode::OK, json!("private")));
    let told = api.refused(Method::PUT, &image(&mine), &json!({ "visibility": "public" })).await;
    assert!(told.contains("visibility must be private or shared, not 'public'"), "{told}");
    let told = api.refused(Method::PUT, &image(&mine), &json!({ "name": "a\nb" })).await;
    assert!(told.contains("name must not contain control characters"), "{told}");
}

#[tokio::test]
async fn a_shared_image_that_others_have_stays_shared() {
    let api = Api::new(100).await;
    api.world.create().await.unwrap();
    let path = format!("/v1/other/images/{}", api.world.image);
    let body = json!({ "visibility": "private" }).to_string();
    let (status, _, body) = api.call(Method::PUT, &path, &api.admin, body).await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
    assert!(body["error_msg"].as_str().unwrap().contains("1 instances of other projects have the image"), "{body}");
}

#[tokio::test]
async fn an_image_that_an_instance_has_is_not_deleted_and_its_bytes_go_with_its_record() {
    let api = Api::new(100).await;
    let id = api.upload("mine", &api.tenant, "").await;
    assert_eq!(api.blobs(), 2, "frames and manifest");
    let mut body = api.world.body();
    body["image_id"] = id.as_str().into();
    let instance = api.world.create_from(&body).await.unwrap();
    let told = api.refused(Method::DELETE, &image(&id), &Value::Null).await;
    assert!(told.contains("must be an image that no instance has: 1 have it"), "{told}");
    api.world.terminate(instance).await;
    let (status, ..) = api.call(Method::DELETE, &image(&id), &api.tenant, Body::empty()).await;
    assert_eq!(status, StatusCode::NO_CONTENT);
    assert_eq!((api.blobs(), api.get(&image(&id)).await.0), (0, StatusCode::NOT_FOUND));
    let refused = crate::api::error::ApiError::from(api.world.create_from(&body).await.unwrap_err());
    assert!(format!("{refused:?}").contains("image_id"), "{refused:?}");
}

#[tokio::test]
async fn a_body_that_asks_for_a_url_is_judged_field_by_field() {
    let api = Api::new(100).await;
    let path = "/v1/lab/images/import-url";
    let good = json!({ "url": "https://images.example/a.raw", "name": "a", "os_type": "Linux" });
    let told = api.refused(Method::POST, path, &good).await;
    assert!(told.contains("url must be allowed: the scheme https is not among those"), "{told}");
    for (field, value, expected) in [
        ("url", json!("a.raw"), "url must be a URL such as"),
        ("url", json!("data:text/plain,a"), "url must be a URL with a host"),
        ("url", json!(format!("https://a/{}", "a".repeat(2048))), "url must have at most 2048 bytes"),
        ("os_type", json!("linux"), "os_type must be Linux, Windows or Other"),
        ("sha256", json!("ab"), "sha256 must be 64 hexadecimal digits"),
        ("disk_format", json!("qcow2"), "disk_format must be raw: other formats are not taken yet"),
        ("name", json!(""), "name must have 1 to 128 characters"),
    ] {
        let mut body = good.clone();
        body[field] = value;
        let told = api.refused(Method::POST, path, &body).await;
        assert!(told.contains(expected), "{expected}: {told}");
    }
    let mut shared = good.clone();
    shared["shared"] = true.into();
    let (status, _) = api.json(Method::POST, path, &shared).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_image_whose_sender_hangs_up_behind_its_last_byte_is_recorded_all_the_same() {
    let api = Api::new(1000).await;
    let path = format!("/v1/lab/images?name=mine&os_type=Linux&sha256={ZEROS}&size_bytes=1024");
    let (last, sent) = oneshot::channel();
    let mut parts = vec![Bytes::from(vec![0; 1024])];
    let mut last = Some(last);
    let bytes = futures_util::stream::poll_fn(move |_| {
        if parts.is_empty() {
            let _ = last.take().map(|last| last.send(()));
        }
        Poll::Ready(parts.pop().map(Ok::<_, Infallible>))
    });
    let request = Request::post(path).header("x-auth-token", &api.tenant).body(Body::from_stream(bytes)).unwrap();
    let call = tokio::spawn(api.router.clone().oneshot(request));
    sent.await.unwrap();
    call.abort();
    assert!(call.await.is_err(), "nobody waits for the answer");
    let mut listed = Vec::new();
    for _ in 0..500 {
        listed = api.listed("name=mine").await;
        if !listed.is_empty() {
            break;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    assert_eq!((listed, api.blobs()), (vec!["mine".to_owned()], 2), "a blob has its record");
}
