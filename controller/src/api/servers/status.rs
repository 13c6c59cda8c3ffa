//! `GET /physicalservers/status`.

use super::of;
use crate::{
    api::{error::ApiError, router::AppState, schema},
    auth::Caller,
    store::record::ServerCount,
};
use axum::{Extension, Json, extract::State};
use billet_proto::ProjectId;
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;

/// Counts the servers that the caller sees, by health, power and state.
#[utoipa::path(
    get,
    path = "/physicalservers/status",
    operation_id = "ShowServerStatus",
    tag = "Physical servers",
    responses((status = 200, description = "The counters", body = schema::server_parts::ServerCounters)),
)]
pub(in crate::api) async fn show(
    State(state): State<AppState>,
    Extension(project): Extension<ProjectId>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Value>, ApiError> {
    let project = of(&caller, project);
    let counts = state.store.view(move |tx| tx.server_counts(project.as_ref())).await?;
    Ok(Json(shown(&counts)))
}

/// No sensor is read yet: the health of all is unknown.
fn shown(counts: &[ServerCount]) -> Value {
    let all = by_room(counts);
    let none = by_room(&[]);
    let power = |on| counts.iter().filter(|one| one.power_on == on).map(|one| one.count).sum::<u64>();
    let mut states: BTreeMap<&str, u64> = BTreeMap::new();
    for one in counts {
        *states.entry(one.state.as_str()).or_default() += one.count;
    }
    json!({
        "server_status": {
            "total": all,
            "ok": none,
            "warning": none,
            "critical": none,
            "unknown": all,
            "health": none,
            "unHealth": none,
            "isolation": none,
        },
        "server_power_status": { "on": power(Some(true)), "off": power(Some(false)), "unknown": power(None) },
        "server_manage_state": states,
    })
}

fn by_room(counts: &[ServerCount]) -> Value {
    let mut rooms = Map::new();
    let mut total = 0;
    for one in counts {
        total += one.count;
        let known = rooms.get(&one.dc).and_then(Value::as_u64).unwrap_or_default();
        rooms.insert(one.dc.clone(), (known + one.count).into());
    }
    json!({ "count": total, "dc_stats": rooms })
}
