//! Receipts: an instance's, and the key by which all are checked.

use super::{error::ApiError, instances::find, router::AppState, schema};
use crate::{lifecycle::refusal::Refusal, receipt};
use axum::{
    Extension, Json,
    extract::{Path, State},
};
use billet_proto::ProjectId;
use serde_json::Value;

/// Shows an instance's receipt: its birth certificate, signed by the controller.
///
/// It is made when the instance becomes running, and anew after a reinstallation or a change of address; before that it
/// is refused with iMetal.0201.
#[utoipa::path(
    get,
    path = "/instances/{id}/receipt",
    operation_id = "ShowReceipt",
    tag = "Instances",
    params(("id" = String, Path, description = "The instance's")),
    responses(
        (status = 200, description = "The receipt", body = schema::receipt::Receipt),
        (status = 400, description = "It did not run yet"),
    ),
)]
pub(super) async fn show(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Path((_, id)): Path<(String, String)>,
) -> Result<Json<Value>, ApiError> {
    let instance = state.store.view(move |tx| find(tx, &project, &id)).await?;
    let wanted = "running, or to have been";
    let refused = Refusal::InstanceState { instances: vec![(instance.id, instance.standing().state())], wanted };
    let receipt = instance.receipt.ok_or(refused)?;
    Ok(Json(receipt::show(&receipt)))
}

/// Shows the key by which receipts are checked, as a JWK.
///
/// Keep a copy where receipts are kept: who asks for it only when checking trusts whoever answers then.
#[utoipa::path(
    get,
    path = "/receipt-key",
    operation_id = "ShowReceiptKey",
    tag = "Instances",
    responses((status = 200, description = "The key", body = schema::receipt::ReceiptKey)),
)]
pub(super) async fn key(State(state): State<AppState>) -> Json<Value> {
    Json(state.lifecycle.receipt_key().jwk())
}
