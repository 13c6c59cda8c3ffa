//! Servers in SQL.

use super::value::{Columns, Unsigned, first, json, met_one, readable, time};
use crate::store::{
    Result, StoreError,
    record::{ManageState, Server},
};
use billet_proto::{ProjectId, ServerId};
use rusqlite::{Connection, Row, ToSql, named_params};

pub(super) fn insert(connection: &Connection, server: &Server) -> Result<()> {
    let sql = "INSERT INTO server
        (id, registered_agent, owner, project_id, uuid, serial, macs, roles, clear_other_bootable_disks, manage_state,
         unwiped, generation, onboard_time)
        VALUES (:id, :registered_agent, :owner, :project_id, :uuid, :serial, :macs, :roles,
         :clear_other_bootable_disks, :manage_state, :unwiped, :generation, :onboard_time)";
    with_columns(server, |columns| connection.execute(sql, columns))?;
    Ok(())
}

pub(super) fn update(connection: &Connection, server: &Server) -> Result<()> {
    let sql = "UPDATE server SET
        registered_agent = :registered_agent, owner = :owner, project_id = :project_id, uuid = :uuid, serial = :serial,
        macs = :macs, roles = :roles, clear_other_bootable_disks = :clear_other_bootable_disks,
        manage_state = :manage_state, unwiped = :unwiped, generation = :generation, onboard_time = :onboard_time
        WHERE id = :id";
    met_one(with_columns(server, |columns| connection.execute(sql, columns))?)
}

pub(super) fn by_id(connection: &Connection, id: ServerId) -> Result<Option<Server>> {
    first(connection, "SELECT * FROM server WHERE id = ?1", [id.to_string()], read)
}

pub(super) fn all(connection: &Connection) -> Result<Vec<Server>> {
    readable(connection, "SELECT * FROM server ORDER BY id", [], read)
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
        ":roles": json(&server.roles),
        ":clear_other_bootable_disks": server.clear_other_bootable_disks,
        ":manage_state": server.manage_state.as_str(),
        ":unwiped": server.unwiped,
        ":generation": Unsigned(server.generation),
        ":onboard_time": time(server.onboard_time),
    })
}

fn read(row: &Row<'_>) -> Result<Server> {
    let state: String = row.get("manage_state")?;
    Ok(Server {
        id: row.parsed("id")?,
        registered_agent: row.optional("registered_agent")?,
        owner: row.optional("owner")?,
        project_id: row.optional("project_id")?,
        uuid: row.get("uuid")?,
        serial: row.get("serial")?,
        macs: row.json("macs")?,
        roles: row.json("roles")?,
        clear_other_bootable_disks: row.get("clear_other_bootable_disks")?,
        manage_state: ManageState::from_word(&state).ok_or(StoreError::Corrupt("manage_state"))?,
        unwiped: row.get("unwiped")?,
        generation: row.number("generation")?,
        onboard_time: row.time("onboard_time")?,
    })
}
