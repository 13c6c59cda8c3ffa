//! All routes, and what their handlers work with.

use super::{
    admin,
    audit::{self, AuditLog},
    baseline,
    body::MAX_BODY_BYTES,
    deadline,
    error::ApiError,
    events, guard, health,
    idempotency::Once,
    images, instances, openapi, operate, operate_instance, parameter_plane,
    ports::{Enrolment, ImageImport, LifecycleApi, Presence, Secrets},
    quota,
    rate::Rates,
    receipts, request_id, reservations, servers, subnets, vpcs, wipe_receipts,
};
use crate::{auth::Authenticator, clock::Edge, password::Hasher, store::Handle};
use axum::{
    Extension, Router,
    extract::DefaultBodyLimit,
    middleware::{from_fn, from_fn_with_state},
};
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What handlers work with; cheap to clone.
#[derive(Clone)]
pub struct AppState {
    /// The records, to be read; only networks and servers' registrations are written here.
    pub store: Handle,
    /// Time and ids.
    pub edge: Edge,
    /// Who may call.
    pub auth: Authenticator,
    /// What is written down of it.
    pub audit: AuditLog,
    /// Creations that are done once.
    pub once: Once,
    /// How often.
    pub rates: Rates,
    /// Hashes passwords.
    pub hasher: Hasher,
    /// Moves instances.
    pub lifecycle: Arc<dyn LifecycleApi>,
    /// Who is attached.
    pub presence: Arc<dyn Presence>,
    /// Takes images in.
    pub images: Arc<dyn ImageImport>,
    /// Lets agents join.
    pub enrolment: Arc<dyn Enrolment>,
    /// Opens metadata.
    pub secrets: Arc<dyn Secrets>,
}

/// The whole API.
pub fn router(state: AppState) -> Router {
    let admitted = guarded().layer(from_fn_with_state(state.clone(), guard::admit));
    let (routes, _) = admitted.merge(open()).split_for_parts();
    routes
        .fallback(async || ApiError::NoSuchPath)
        .method_not_allowed_fallback(async || ApiError::MethodNotAllowed)
        .layer(from_fn_with_state(state.edge.clone(), request_id::give))
        .with_state(state)
}

/// Routes for callers who are known. `routes!` registers a route and documents it: nothing is registered otherwise.
pub(super) fn guarded() -> OpenApiRouter<AppState> {
    let plain = OpenApiRouter::new()
        .routes(routes!(subnets::list::list, subnets::create::create))
        .routes(routes!(subnets::show::show, subnets::update::update, subnets::delete::delete))
        .layer(Extension(subnets::PLAIN));
    let tenant = OpenApiRouter::new()
        .routes(routes!(instances::list::list, instances::create::create))
        .routes(routes!(instances::show::show, instances::delete::delete))
        .routes(routes!(instances::create_batch::create))
        .routes(routes!(instances::delete_batch::delete))
        .routes(routes!(instances::status::status))
        .routes(routes!(instances::tags::create))
        .routes(routes!(instances::tags::delete))
        .routes(routes!(instances::reinstall::reinstall))
        .routes(routes!(instances::password::change))
        .routes(routes!(instances::modify_ip::modify))
        .routes(routes!(events::list))
        .routes(routes!(receipts::show))
        .routes(routes!(receipts::key))
        .routes(routes!(servers::list::list))
        .routes(routes!(servers::show::show))
        .routes(routes!(servers::hardware::show))
        .routes(routes!(servers::firmware::show))
        .routes(routes!(servers::power::change))
        .routes(routes!(servers::status::show))
        .routes(routes!(servers::events::list))
        .routes(routes!(servers::events::show))
        .routes(routes!(servers::tags::create))
        .routes(routes!(servers::tags::delete))
        .merge(not_built())
        .routes(routes!(vpcs::list::list, vpcs::create::create))
        .routes(routes!(vpcs::show::show, vpcs::update::update, vpcs::delete::delete))
        .merge(plain)
        .routes(routes!(reservations::list::list, reservations::create::create))
        .routes(routes!(reservations::show::show, reservations::delete::delete))
        .routes(routes!(images::list::list))
        .routes(routes!(images::import_url::import_url))
        .routes(routes!(images::show::show, images::update::update, images::delete::delete))
        .routes(routes!(quota::limits));
    let clouddcn = OpenApiRouter::new()
        .routes(routes!(subnets::clouddcn::list, subnets::clouddcn::create))
        .routes(routes!(subnets::clouddcn::show, subnets::clouddcn::update, subnets::clouddcn::delete));
    let admin = OpenApiRouter::new()
        .routes(routes!(admin::agents))
        .routes(routes!(admin::new_join_token))
        .routes(routes!(admin::revoke))
        .routes(routes!(admin::replace))
        .routes(routes!(admin::register, operate::forget))
        .routes(routes!(operate::inspect))
        .routes(routes!(baseline::show))
        .routes(routes!(operate::maintain))
        .routes(routes!(operate::ready))
        .routes(routes!(operate::wipe))
        .routes(routes!(operate::cancel))
        .routes(routes!(wipe_receipts::list))
        .routes(routes!(operate::offboard))
        .routes(routes!(operate_instance::retry))
        .routes(routes!(operate_instance::cancel))
        .routes(routes!(parameter_plane::list::list, parameter_plane::create::create))
        .routes(routes!(parameter_plane::delete::delete))
        .routes(routes!(admin::accept_unwiped))
        .routes(routes!(quota::show, quota::set, quota::remove))
        .routes(routes!(audit::list));
    let bounded = OpenApiRouter::new()
        .nest("/v1/{project_id}", tenant)
        .nest("/v3/{project_id}/vpc", clouddcn)
        .nest("/admin/v1", admin)
        .layer(Extension(events::Streams::default()))
        .layer(from_fn(deadline::keep))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES));
    // An image takes as long as it is large; the importer has its own patience.
    let upload = OpenApiRouter::new().routes(routes!(images::import::import)).layer(DefaultBodyLimit::disable());
    bounded.merge(upload)
}

/// Calls of the family that answer 501.
fn not_built() -> OpenApiRouter<AppState> {
    use servers::not_built;
    OpenApiRouter::new()
        .routes(routes!(not_built::console))
        .routes(routes!(not_built::alarms))
        .routes(routes!(not_built::alarm_summary))
        .routes(routes!(not_built::alarm_trend))
        .routes(routes!(not_built::export_logs))
        .routes(routes!(not_built::export_status))
        .routes(routes!(not_built::download_logs))
        .routes(routes!(not_built::racks))
        .routes(routes!(not_built::update_rack))
        .routes(routes!(not_built::put_rack_tags))
        .routes(routes!(not_built::remove_rack_tags))
        .routes(routes!(not_built::rooms, not_built::update_rooms))
}

/// Routes for everybody.
pub(super) fn open() -> OpenApiRouter<AppState> {
    OpenApiRouter::new().routes(routes!(health::tell)).routes(routes!(openapi::show))
}

impl std::fmt::Debug for AppState {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("AppState")
    }
}
