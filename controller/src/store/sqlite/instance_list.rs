//! Lists of instances by what a caller asks for.

use super::{
    instance::read,
    value::{Columns, all, first},
};
use crate::{
    lifecycle::table::{OPERATIONS, PHASES, Standing},
    store::{InstancesWanted, Result, record::Instance},
};
use rusqlite::{Connection, ToSql, params_from_iter};
use std::fmt::Write;

/// All columns, but nothing in the place of what no list shows: secrets and receipts are the larger part of a row.
const SHORT: &str = "id, version, project_id, name, description, image_id, vpc_id, server_id, nics, phase, waiting_for,
    deadline, generation, NULL AS password_hash, metadata, error_cause, error_message, host_key, proof, boot_trust,
    clear_other_bootable_disks, created_at, updated_at, launched_at, terminated_at, operation, operation_began_at,
    NULL AS network_change, NULL AS next_password_hash, NULL AS user_data, ssh_keys, tags, disk_serial,
    NULL AS wipe_before, NULL AS receipt, waiting";

/// The page, and how many the whole list has.
pub(super) fn page(connection: &Connection, wanted: &InstancesWanted) -> Result<(Vec<Instance>, u64)> {
    let (mut filter, mut params) = filter(wanted);
    let (from, total) = if is_of_all(wanted) {
        // Without statistics SQLite takes an index that does not have all that is asked for.
        (
            "instance INDEXED BY instance_live",
            "SELECT count AS total FROM live_instances WHERE project_id = ?".to_owned(),
        )
    } else {
        ("instance", format!("SELECT count(*) AS total FROM instance WHERE {filter}"))
    };
    let total = first(connection, &total, params_from_iter(&params), |row| row.number("total"))?.unwrap_or_default();
    if let Some(marker) = wanted.marker {
        filter.push_str(" AND id > ?");
        params.push(Box::new(marker.to_string()));
    }
    params.push(Box::new(wanted.limit));
    let rows = format!("SELECT {SHORT} FROM {from} WHERE {filter} ORDER BY id LIMIT ?");
    Ok((all(connection, &rows, params_from_iter(&params), read)?, total))
}

/// Whether nothing but the project narrows the list.
fn is_of_all(wanted: &InstancesWanted) -> bool {
    let InstancesWanted { ids, servers, states, name, tag, .. } = wanted;
    ids.is_empty() && servers.is_empty() && states.is_empty() && name.is_none() && tag.is_none()
}

/// The text holds no value of a caller's: only how many there are of each. `project_id` comes first, and `phase` as it
/// stands in the partial indexes.
fn filter(wanted: &InstancesWanted) -> (String, Vec<Box<dyn ToSql>>) {
    let InstancesWanted { project, ids, servers, states, name, tag, .. } = wanted;
    let mut text = String::from("project_id = ?");
    let mut params: Vec<Box<dyn ToSql>> = vec![Box::new(project.as_str().to_owned())];
    if !ids.is_empty() {
        let _ = write!(text, " AND id IN ({})", marks(ids.len()));
        params.extend(ids.iter().map(|id| Box::new(id.to_string()) as Box<dyn ToSql>));
    }
    if !servers.is_empty() {
        let _ = write!(text, " AND server_id IN ({})", marks(servers.len()));
        params.extend(servers.iter().map(|id| Box::new(id.to_string()) as Box<dyn ToSql>));
    }
    if !states.iter().any(|state| state == "terminated") {
        text.push_str(" AND phase <> 'terminated'");
    }
    if !states.is_empty() {
        // Of our own words: no value of a caller's stands here.
        let standings: Vec<String> = OPERATIONS
            .iter()
            .flat_map(|operation| PHASES.map(|phase| Standing { operation: *operation, phase }))
            .filter(|standing| states.iter().any(|state| state == standing.state()))
            .map(|standing| format!("('{}', '{}')", standing.operation.word(), standing.phase.word()))
            .collect();
        let _ = write!(text, " AND (operation, phase) IN (VALUES {})", standings.join(", "));
    }
    if let Some(name) = name {
        text.push_str(" AND name = ?");
        params.push(Box::new(name.clone()));
    }
    if let Some((key, value)) = tag {
        text.push_str(" AND EXISTS (SELECT 1 FROM json_each(tags) AS tag WHERE tag.value ->> 'key' = ?");
        params.push(Box::new(key.clone()));
        if let Some(value) = value {
            text.push_str(" AND tag.value ->> 'value' = ?");
            params.push(Box::new(value.clone()));
        }
        text.push(')');
    }
    (text, params)
}

fn marks(count: usize) -> String {
    vec!["?"; count].join(", ")
}
