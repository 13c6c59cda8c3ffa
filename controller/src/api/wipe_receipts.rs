//! Receipts of a server's erased disks.

use super::{error::ApiError, page, query, router::AppState, schema, servers::missing};
use crate::{receipt, store::record::WipeReceipt};
use axum::{
    Json,
    extract::{Path, Query, State},
};
use billet_proto::ServerId;
use serde_json::{Value, json};
use std::collections::HashMap;

const DEFAULT_LIMIT: u32 = 100;
const MAX_LIMIT: u32 = 1000;

/// Lists the signed receipts of a server's erased disks, the newest first.
///
/// One is made for each disk when a wipe ends well, and kept for ten years, also when the server is forgotten.
#[utoipa::path(
    get,
    path = "/servers/{id}/wipe-receipts",
    operation_id = "ListWipeReceipts",
    tag = "Operators",
    params(
        ("id" = String, Path, description = "The server's"),
        ("limit" = Option<u32>, Query, minimum = 1, maximum = 1000, description = "How many at most; 100"),
        ("marker" = Option<u64>, Query, description = "The last `seq` of the page before"),
    ),
    responses((status = 200, description = "A page", body = schema::wipe_receipt::WipeReceipts)),
)]
pub(super) async fn list(
    State(state): State<AppState>,
    Path(id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Result<Json<Value>, ApiError> {
    let server: ServerId = id.parse().map_err(|_| missing(&id))?;
    let limit = query::number(&query, "limit", DEFAULT_LIMIT, 1, MAX_LIMIT)?;
    let given = query.get("marker").is_some_and(|text| !text.is_empty());
    let before = query::number(&query, "marker", 0, 0, i64::MAX.unsigned_abs())?;
    let found = state.store.read(move |tx| {
        let receipts = tx.wipe_receipts(server, given.then_some(before), limit + 1)?;
        let is_known = given || !receipts.is_empty() || tx.server(server)?.is_some();
        Ok(is_known.then_some(receipts))
    });
    let mut receipts = found.await?.ok_or_else(|| missing(&id))?;
    let next = page::cut(&mut receipts, limit, |receipt| receipt.seq);
    let shown: Vec<Value> = receipts.iter().map(show).collect();
    Ok(Json(json!({ "page_info": page::info(shown.len(), next), "receipts": shown })))
}

fn show(row: &WipeReceipt) -> Value {
    let mut shown = receipt::show(&row.jws);
    shown["seq"] = row.seq.into();
    shown["recorded_at"] = row.recorded_at.to_string().into();
    shown["disk_serial"] = row.disk_serial.as_str().into();
    shown["generation"] = row.generation.into();
    shown
}
