//! `GET /healthz`: for load balancers and monitors.

/// Tells that the API answers.
#[utoipa::path(
    get,
    path = "/healthz",
    operation_id = "ShowHealth",
    tag = "Service",
    responses((status = 200, description = "It does", body = String, content_type = "text/plain")),
)]
pub(super) async fn tell() -> &'static str {
    "ok"
}
