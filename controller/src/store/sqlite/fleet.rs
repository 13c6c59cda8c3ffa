//! Questions about many servers at once, in SQL: each reads what it answers and little else, so that ten thousand servers
//! cost no more than ten. The index `server_standing` has every column that the counts and choices look at.

use super::{
    instance,
    server::read,
    value::{Columns, Unsigned, all, first, readable, time},
};
use crate::{
    clock::Timestamp,
    store::{
        Machine, Result, StoreError, Tally,
        record::{FormerMachine, Instance, ManageState, Marks, Server},
    },
};
use billet_proto::{AgentId, ProjectId};
use rusqlite::{Connection, params};

/// Rows are numbered from 1 by SQLite; a number whose row is gone draws nobody.
pub(super) fn drawn(connection: &Connection, draw: u64) -> Result<Option<Server>> {
    let sql = "SELECT coalesce(max(rowid), 0) AS last FROM server";
    let last = first(connection, sql, [], |row| row.number("last"))?.unwrap_or_default();
    let Some(offset) = draw.checked_rem(last) else { return Ok(None) };
    first(connection, "SELECT * FROM server WHERE rowid = ?1", [Unsigned(offset + 1)], read)
}

pub(super) fn in_state(connection: &Connection, state: ManageState) -> Result<Vec<Server>> {
    readable(connection, "SELECT * FROM server WHERE manage_state = ?1 ORDER BY id", [state.as_str()], read)
}

pub(super) fn of_owner(connection: &Connection, agent: AgentId) -> Result<Vec<Server>> {
    readable(connection, "SELECT * FROM server WHERE owner = ?1 ORDER BY id", [agent.to_string()], read)
}

pub(super) fn registered_for(connection: &Connection, agent: AgentId) -> Result<Vec<Server>> {
    readable(connection, "SELECT * FROM server WHERE registered_agent = ?1 ORDER BY id", [agent.to_string()], read)
}

pub(super) fn tally(connection: &Connection, project: &ProjectId) -> Result<Vec<Tally>> {
    let sql = "SELECT manage_state, owner IS NOT NULL AND owner IS registered_agent AS vouched,
        task_deadline IS NOT NULL AS busy, count(*) AS total
        FROM server INDEXED BY server_standing WHERE project_id IS NULL OR project_id = ?1 GROUP BY 1, 2, 3";
    all(connection, sql, [project.as_str()], |row| {
        let state: String = row.get("manage_state")?;
        Ok(Tally {
            state: ManageState::from_word(&state).ok_or(StoreError::Corrupt("manage_state"))?,
            vouched: row.get("vouched")?,
            busy: row.get("busy")?,
            servers: row.number("total")?,
        })
    })
}

pub(super) fn machines(connection: &Connection) -> Result<Vec<Machine>> {
    // What is no JSON makes a row unreadable, and not the statement. CASE stops at what is true; OR would read on.
    let sql = "SELECT id, uuid, serial, macs, former_machines, is_held FROM (SELECT *, CASE WHEN owner IS NOT NULL
            OR manage_state = 'in-use' OR unwiped OR error_cause IS 'baseline_differs' THEN 1
            WHEN json_valid(last_wipe) THEN last_wipe ->> 'policy' IS 'metadata' ELSE 0 END AS is_held FROM server)
        WHERE is_held OR former_machines <> '[]'";
    let found = readable(connection, sql, [], |row| {
        let id = row.parsed("id")?;
        let present = Marks { uuid: row.get("uuid")?, serial: row.get("serial")?, macs: row.json("macs")? };
        let former: Vec<FormerMachine> = row.json("former_machines")?;
        let held = row.get::<_, bool>("is_held")?.then_some(Machine { id, marks: present, is_former: false });
        let former = former.into_iter().map(|former| Machine { id, marks: former.marks, is_former: true });
        Ok(held.into_iter().chain(former).collect::<Vec<_>>())
    })?;
    Ok(found.into_iter().flatten().collect())
}

pub(super) fn unfinished_of(connection: &Connection, agent: AgentId) -> Result<(Vec<Server>, Vec<Instance>)> {
    let agent = agent.to_string();
    let servers = "SELECT * FROM server WHERE owner = ?1 AND task_deadline IS NOT NULL ORDER BY id";
    let instances = "SELECT instance.* FROM instance JOIN server ON server.id = instance.server_id
        WHERE server.owner = ?1 AND instance.deadline IS NOT NULL ORDER BY instance.id";
    Ok((readable(connection, servers, [&agent], read)?, readable(connection, instances, [&agent], instance::read)?))
}

pub(super) fn overdue(connection: &Connection, now: Timestamp) -> Result<(Vec<Server>, Vec<Instance>)> {
    // Named, because SQLite would rather read whole tables in the order of ids than sort the few that are found.
    let servers = "SELECT * FROM server INDEXED BY server_unfinished WHERE task_deadline <= ?1 ORDER BY id";
    let instances = "SELECT * FROM instance INDEXED BY instance_unfinished WHERE deadline <= ?1 ORDER BY id";
    Ok((
        readable(connection, servers, [time(now)], read)?,
        readable(connection, instances, [time(now)], instance::read)?,
    ))
}

/// A row that does not read back has none that anybody could keep.
pub(super) fn next_deadline(connection: &Connection, after: Timestamp) -> Result<Option<Timestamp>> {
    let sql = "SELECT min(at) AS at FROM (SELECT min(deadline) AS at FROM instance WHERE deadline > ?1
        UNION ALL SELECT min(task_deadline) FROM server WHERE task_deadline > ?1)";
    Ok(first(connection, sql, [time(after)], |row| row.optional_time("at"))?.flatten())
}

/// At most `limit` of each.
pub(super) fn untaken(connection: &Connection, now: Timestamp, limit: u32) -> Result<(Vec<Server>, Vec<Instance>)> {
    let servers =
        "SELECT * FROM server INDEXED BY server_untaken WHERE task_resend_at <= ?1 ORDER BY task_resend_at LIMIT ?2";
    let instances =
        "SELECT * FROM instance INDEXED BY instance_untaken WHERE resend_at <= ?1 ORDER BY resend_at LIMIT ?2";
    Ok((
        readable(connection, servers, params![time(now), limit], read)?,
        readable(connection, instances, params![time(now), limit], instance::read)?,
    ))
}

/// A row that cannot be read, and so is never moved on, does not hold the others up.
pub(super) fn next_resend(connection: &Connection, now: Timestamp) -> Result<Option<Timestamp>> {
    let sql = "SELECT min(at) AS at FROM (SELECT min(resend_at) AS at FROM instance WHERE resend_at > ?1
        UNION ALL SELECT min(task_resend_at) FROM server WHERE task_resend_at > ?1)";
    Ok(first(connection, sql, [time(now)], |row| row.optional_time("at"))?.flatten())
}
