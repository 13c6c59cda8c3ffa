//! What servers were like, in SQL.

use super::value::{Columns, Unsigned, execute, first, json, time};
use crate::store::{Result, record::Baseline};
use billet_proto::{ServerId, link};
use rusqlite::{Connection, params};

pub(super) fn of_server(connection: &Connection, server: ServerId) -> Result<Option<Baseline>> {
    let sql = "SELECT recorded_at, facts FROM baseline WHERE server_id = ?1";
    first(connection, sql, [server.to_string()], |row| {
        Ok(Baseline { recorded_at: row.time("recorded_at")?, facts: row.json("facts")? })
    })
}

pub(super) fn record(connection: &Connection, server: ServerId, baseline: &Baseline) -> Result<()> {
    let sql = "INSERT INTO baseline (server_id, recorded_at, facts) VALUES (?1, ?2, ?3)
        ON CONFLICT (server_id) DO UPDATE SET recorded_at = excluded.recorded_at, facts = excluded.facts";
    execute(connection, sql, params![server.to_string(), time(baseline.recorded_at), json(&baseline.facts)])?;
    Ok(())
}

pub(super) fn seen(connection: &Connection, server: ServerId, generation: u64) -> Result<Option<link::Baseline>> {
    let sql = "SELECT facts FROM baseline_seen WHERE server_id = ?1 AND generation = ?2";
    first(connection, sql, params![server.to_string(), Unsigned(generation)], |row| row.json("facts"))
}

pub(super) fn record_seen(
    connection: &Connection,
    server: ServerId,
    generation: u64,
    facts: &link::Baseline,
) -> Result<()> {
    let sql = "INSERT INTO baseline_seen (server_id, generation, facts) VALUES (?1, ?2, ?3)
        ON CONFLICT (server_id) DO UPDATE SET generation = excluded.generation, facts = excluded.facts";
    execute(connection, sql, params![server.to_string(), Unsigned(generation), json(facts)])?;
    Ok(())
}
