//! Servers' events in SQL.

use super::{
    PURGE_ROWS,
    value::{Columns, Row, all, execute, first, json, time},
};
use crate::{
    clock::Timestamp,
    store::{Result, ServerEventsWanted, StoreError, record::ServerEvent},
};
use billet_proto::ServerId;
use rusqlite::{Connection, named_params, params};

pub(super) fn insert(connection: &Connection, event: &ServerEvent) -> Result<u64> {
    execute(
        connection,
        "INSERT INTO server_event (server_id, at, level, kind, message) VALUES (:server_id, :at, :level, :kind, :message)",
        named_params! {
            ":server_id": event.server_id.to_string(),
            ":at": time(event.at),
            ":level": event.level,
            ":kind": event.kind,
            ":message": event.message,
        },
    )?;
    u64::try_from(connection.last_insert_rowid()).map_err(|_| StoreError::Corrupt("seq"))
}

pub(super) fn wanted(connection: &Connection, wanted: &ServerEventsWanted) -> Result<(Vec<ServerEvent>, u64)> {
    const WHERE: &str = "at >= :from AND at < :to AND (:level IS NULL OR level = :level)
        AND (:servers IS NULL OR server_id IN (SELECT value FROM json_each(:servers)))";
    let ids = |ids: &Vec<ServerId>| json(&ids.iter().map(ToString::to_string).collect::<Vec<_>>());
    let servers = wanted.servers.as_ref().map(ids);
    let (from, to) = (time(wanted.from), time(wanted.to));
    let total = first(
        connection,
        &format!("SELECT count(*) AS total FROM server_event WHERE {WHERE}"),
        named_params! { ":from": from, ":to": to, ":level": wanted.level, ":servers": servers },
        |row| row.number("total"),
    )?;
    let rows = all(
        connection,
        &format!("SELECT * FROM server_event WHERE {WHERE} ORDER BY at DESC, seq DESC LIMIT :limit OFFSET :offset"),
        named_params! {
            ":from": from,
            ":to": to,
            ":level": wanted.level,
            ":servers": servers,
            ":limit": wanted.limit,
            ":offset": wanted.offset,
        },
        read,
    )?;
    Ok((rows, total.unwrap_or_default()))
}

pub(super) fn purge(connection: &Connection, before: Timestamp) -> Result<u64> {
    let sql = "DELETE FROM server_event WHERE seq IN (SELECT seq FROM server_event WHERE at < ?1 ORDER BY at LIMIT ?2)";
    Ok(execute(connection, sql, params![time(before), PURGE_ROWS])? as u64)
}

fn read(row: &Row<'_>) -> Result<ServerEvent> {
    Ok(ServerEvent {
        seq: row.number("seq")?,
        server_id: row.parsed("server_id")?,
        at: row.time("at")?,
        level: row.get("level")?,
        kind: row.get("kind")?,
        message: row.get("message")?,
    })
}
