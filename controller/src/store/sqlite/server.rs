//! Servers in SQL.

use super::value::{Columns, Row, Unsigned, execute, first, json, met_one, readable, time};
use crate::store::{
    Result,
    record::{ManageState, Server, WipePolicy},
};
use billet_proto::{ProjectId, ServerId};
use rusqlite::{Connection, ToSql, named_params};

pub(super) fn insert(connection: &Connection, server: &Server) -> Result<()> {
    let sql = "INSERT INTO server
        (id, registered_agent, owner, project_id, uuid, serial, macs, roles, clear_other_bootable_disks, manage_state,
         unwiped, generation, onboard_time, name, location, tags, wipe_policy, power_on, operation_state, error_cause,
         error_message, inspected_at, last_wipe, task, task_deadline, allow_reset,
         hardware, task_resend_at, former_machines)
        VALUES (:id, :registered_agent, :owner, :project_id, :uuid, :serial, :macs, :roles,
         :clear_other_bootable_disks, :manage_state, :unwiped, :generation, :onboard_time, :name, :location, :tags,
         :wipe_policy, :power_on, :operation_state, :error_cause, :error_message, :inspected_at, :last_wipe,
         :task, :task_deadline, :allow_reset, :hardware, :task_resend_at, :former_machines)";
    with_columns(server, |columns| execute(connection, sql, columns))?;
    Ok(())
}

pub(super) fn update(connection: &Connection, server: &Server) -> Result<()> {
    let sql = "UPDATE server SET
        registered_agent = :registered_agent, owner = :owner, project_id = :project_id, uuid = :uuid, serial = :serial,
        macs = :macs, roles = :roles, clear_other_bootable_disks = :clear_other_bootable_disks,
        manage_state = :manage_state, unwiped = :unwiped, generation = :generation, onboard_time = :onboard_time,
        name = :name, location = :location, tags = :tags, wipe_policy = :wipe_policy, power_on = :power_on,
        operation_state = :operation_state, error_cause = :error_cause, error_message = :error_message,
        inspected_at = :inspected_at, last_wipe = :last_wipe, task = :task,
        task_deadline = :task_deadline, allow_reset = :allow_reset, hardware = :hardware,
        task_resend_at = :task_resend_at, former_machines = :former_machines
        WHERE id = :id";
    met_one(with_columns(server, |columns| execute(connection, sql, columns))?)
}

pub(super) fn by_id(connection: &Connection, id: ServerId) -> Result<Option<Server>> {
    first(connection, "SELECT * FROM server WHERE id = ?1", [id.to_string()], read)
}

#[cfg(test)]
pub(super) fn all(connection: &Connection) -> Result<Vec<Server>> {
    readable(connection, "SELECT * FROM server ORDER BY id", [], read)
}

/// Those with a task in progress.
pub(super) fn unfinished(connection: &Connection) -> Result<Vec<Server>> {
    readable(connection, "SELECT * FROM server WHERE task_deadline IS NOT NULL ORDER BY id", [], read)
}

pub(super) fn has_instances_on_record(connection: &Connection, id: ServerId) -> Result<bool> {
    let sql = "SELECT id FROM instance WHERE server_id = ?1 LIMIT 1";
    let found = first(connection, sql, [id.to_string()], |row| Ok(row.get::<_, String>("id")?))?;
    Ok(found.is_some())
}

/// Its events go with it (ON DELETE CASCADE), the receipts of its disks do not; a reference from an instance refuses.
pub(super) fn delete(connection: &Connection, id: ServerId) -> Result<()> {
    execute(connection, "DELETE FROM server WHERE id = ?1", [id.to_string()])?;
    Ok(())
}

/// Hands every column of the row to `run`: insert and update cannot differ in one.
fn with_columns<T>(server: &Server, run: impl FnOnce(&[(&str, &dyn ToSql)]) -> T) -> T {
    run(named_params! {
        ":id": server.id.to_string(),
        ":registered_agent": server.registered_agent.map(|id| id.to_string()),
        ":owner": server.owner.map(|id| id.to_string()),
        ":project_id": server.project_id.as_ref().map(ProjectId::as_str),
        ":uuid": server.uuid,
        ":serial": server.serial,
        ":macs": json(&server.macs),
        ":former_machines": json(&server.former_machines),
        ":roles": json(&server.roles),
        ":clear_other_bootable_disks": server.clear_other_bootable_disks,
        ":manage_state": server.manage_state.as_str(),
        ":unwiped": server.unwiped,
        ":generation": Unsigned(server.generation),
        ":onboard_time": time(server.onboard_time),
        ":name": server.name,
        ":location": json(&server.location),
        ":tags": json(&server.tags),
        ":wipe_policy": server.wipe_policy.as_str(),
        ":power_on": server.power_on,
        ":operation_state": server.operation_state,
        ":error_cause": server.error.as_ref().map(|error| &error.cause),
        ":error_message": server.error.as_ref().map(|error| &error.message),
        ":inspected_at": server.inspected_at.map(time),
        ":last_wipe": server.last_wipe.as_ref().map(json),
        ":task": server.task.as_ref().map(json),
        ":task_deadline": server.task_deadline.map(time),
        ":allow_reset": server.allow_reset,
        ":hardware": json(&server.hardware),
        // Not read back: it is there to be found by.
        ":task_resend_at": server.task.as_ref().and_then(|task| task.waiting.resend_at()).map(time),
    })
}

pub(super) fn read(row: &Row<'_>) -> Result<Server> {
    Ok(Server {
        id: row.parsed("id")?,
        registered_agent: row.optional("registered_agent")?,
        owner: row.optional("owner")?,
        project_id: row.optional("project_id")?,
        uuid: row.get("uuid")?,
        serial: row.get("serial")?,
        macs: row.json("macs")?,
        former_machines: row.json("former_machines")?,
        roles: row.json("roles")?,
        clear_other_bootable_disks: row.get("clear_other_bootable_disks")?,
        manage_state: row.word("manage_state", ManageState::from_word)?,
        unwiped: row.get("unwiped")?,
        generation: row.number("generation")?,
        onboard_time: row.time("onboard_time")?,
        name: row.get("name")?,
        location: row.json("location")?,
        tags: row.json("tags")?,
        wipe_policy: row.word("wipe_policy", WipePolicy::from_word)?,
        power_on: row.get("power_on")?,
        operation_state: row.get("operation_state")?,
        error: row.cause()?,
        hardware: row.optional_json("hardware")?.unwrap_or_default(),
        inspected_at: row.optional_time("inspected_at")?,
        last_wipe: row.optional_json("last_wipe")?,
        task: row.optional_json("task")?,
        task_deadline: row.optional_time("task_deadline")?,
        allow_reset: row.get("allow_reset")?,
    })
}
