//! Lists of servers in SQL: only the rows of the page are read whole.

use super::{
    server,
    value::{Columns, Row, all, first},
};
use crate::store::{
    Result, ServersWanted, StoreError,
    record::{ListedServer, ManageState, ServerCount},
};
use billet_proto::{ProjectId, ServerId};
use rusqlite::{Connection, ToSql, named_params};

/// What belongs to a server, beside its own columns.
const BESIDE: &str =
    "(SELECT name FROM agent WHERE agent.id = coalesce(server.owner, server.registered_agent)) AS agent_name,
    CASE WHEN owner IS NULL AND registered_agent IS NOT NULL
        THEN (SELECT max(at) FROM server_event WHERE server_id = server.id AND kind IN ('registered', 'claim-lost'))
    END AS unclaimed_since,
    (SELECT id || ' ' || project_id FROM instance WHERE server_id = server.id AND phase <> 'terminated') AS occupant";

/// The ids that a project sees. Both halves come in the order of ids from an index, so that a page costs no more than
/// its own length. `more` narrows both: the first by `server`'s columns, the second by `instance`'s.
fn seen_by_project(own: &str, occupied: &str) -> String {
    format!(
        "SELECT id FROM server WHERE project_id = :project {own}
         UNION
         SELECT server_id FROM instance WHERE project_id = :project AND phase <> 'terminated' {occupied}"
    )
}

pub(super) fn page(connection: &Connection, wanted: &ServersWanted) -> Result<(Vec<ListedServer>, u64)> {
    // No id is smaller than the empty text.
    let after = wanted.marker.map(|id| id.to_string()).unwrap_or_default();
    let state = wanted.state.map(ManageState::as_str);
    let project = wanted.project.as_ref().map(ProjectId::as_str);
    let (in_state, on_one_in_state) = match state {
        Some(_) => {
            ("AND manage_state = :state", "AND (SELECT manage_state FROM server WHERE server.id = server_id) = :state")
        }
        None => ("", ""),
    };
    let (ids, total) = match project {
        Some(_) => {
            let ids = seen_by_project(
                &format!("AND id > :after {in_state}"),
                &format!("AND server_id > :after {on_one_in_state}"),
            );
            // Every instance is on a server of its own, and most projects have no servers themselves.
            let occupied = match state {
                Some(_) => format!(
                    "(SELECT count(*) FROM instance INDEXED BY instance_occupies
                      WHERE project_id = :project AND phase <> 'terminated' {on_one_in_state})"
                ),
                None => "coalesce((SELECT count FROM live_instances WHERE project_id = :project), 0)".to_owned(),
            };
            // In order, both halves are merged as they come from their indexes; out of it, each id is looked up among all.
            let total = format!(
                "SELECT CASE WHEN EXISTS (SELECT 1 FROM server WHERE project_id = :project)
                    THEN (SELECT count(*) FROM server WHERE project_id = :project {in_state}) + (SELECT count(*) FROM
                        (SELECT server_id FROM instance INDEXED BY instance_occupies
                         WHERE project_id = :project AND phase <> 'terminated' {on_one_in_state}
                         EXCEPT SELECT id FROM server WHERE project_id = :project ORDER BY 1))
                    ELSE {occupied}
                 END AS total"
            );
            (format!("{ids} ORDER BY 1 LIMIT :limit"), total)
        }
        None => (
            format!("SELECT id FROM server WHERE id > :after {in_state} ORDER BY id LIMIT :limit"),
            format!("SELECT count(*) AS total FROM server WHERE true {in_state}"),
        ),
    };
    let mut narrowed: Vec<(&str, &dyn ToSql)> = Vec::new();
    if let Some(state) = &state {
        narrowed.push((":state", state));
    }
    if let Some(project) = &project {
        narrowed.push((":project", project));
    }
    let total = first(connection, &total, narrowed.as_slice(), |row| row.number("total"))?;
    narrowed.push((":after", &after));
    narrowed.push((":limit", &wanted.limit));
    let sql = format!("SELECT *, {BESIDE} FROM server WHERE id IN ({ids}) ORDER BY id");
    Ok((all(connection, &sql, narrowed.as_slice(), read)?, total.unwrap_or_default()))
}

pub(super) fn one(connection: &Connection, id: ServerId) -> Result<Option<ListedServer>> {
    let sql = format!("SELECT *, {BESIDE} FROM server WHERE id = ?1");
    first(connection, &sql, [id.to_string()], read)
}

pub(super) fn counts(connection: &Connection, project: Option<&ProjectId>) -> Result<Vec<ServerCount>> {
    const ALIKE: &str =
        "SELECT manage_state, power_on, json_extract(location, '$.dc') AS dc, count(*) AS count FROM server";
    const GROUPS: &str = "GROUP BY manage_state, power_on, json_extract(location, '$.dc')";
    match project {
        None => all(connection, &format!("{ALIKE} {GROUPS}"), [], read_count),
        Some(project) => {
            let ids = seen_by_project("", "");
            let sql = format!("{ALIKE} WHERE id IN ({ids}) {GROUPS}");
            all(connection, &sql, named_params! { ":project": project.as_str() }, read_count)
        }
    }
}

fn read(row: &Row<'_>) -> Result<ListedServer> {
    let ids = |text: String| {
        let (instance, project) = text.split_once(' ')?;
        Some((instance.parse().ok()?, project.parse().ok()?))
    };
    let (server, agent) = (server::read(row)?, row.get("agent_name")?);
    let unclaimed_since = row.optional_time("unclaimed_since")?;
    let occupant: Option<String> = row.get("occupant")?;
    let instance = occupant.map(|text| ids(text).ok_or(StoreError::Corrupt("an instance's ids"))).transpose()?;
    Ok(ListedServer { server, agent, unclaimed_since, instance })
}

fn read_count(row: &Row<'_>) -> Result<ServerCount> {
    let state: String = row.get("manage_state")?;
    Ok(ServerCount {
        state: ManageState::from_word(&state).ok_or(StoreError::Corrupt("manage_state"))?,
        power_on: row.get("power_on")?,
        dc: row.get::<_, Option<String>>("dc")?.unwrap_or_default(),
        count: row.number("count")?,
    })
}
