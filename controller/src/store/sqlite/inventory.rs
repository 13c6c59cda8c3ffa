//! What ramdisks saw, in SQL: apart from the servers' rows, which are short.

use super::value::{Columns, execute, first, json};
use crate::store::Result;
use billet_proto::{ServerId, link::Inventory};
use rusqlite::Connection;

pub(super) fn of_server(connection: &Connection, server: ServerId) -> Result<Option<Inventory>> {
    first(connection, "SELECT seen FROM inventory WHERE server_id = ?1", [server.to_string()], |row| row.json("seen"))
}

pub(super) fn record(connection: &Connection, server: ServerId, seen: &Inventory) -> Result<()> {
    let sql = "INSERT INTO inventory (server_id, seen) VALUES (?1, ?2)
        ON CONFLICT (server_id) DO UPDATE SET seen = excluded.seen";
    execute(connection, sql, [server.to_string(), json(seen)])?;
    Ok(())
}

pub(super) fn forget(connection: &Connection, server: ServerId) -> Result<()> {
    execute(connection, "DELETE FROM inventory WHERE server_id = ?1", [server.to_string()])?;
    Ok(())
}
