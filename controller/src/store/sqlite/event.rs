//! Timelines in SQL.

use super::value::{Columns, Row, Unsigned, all, execute, time};
use crate::store::{
    Result, StoreError,
    record::{Event, NewEvent},
};
use billet_proto::InstanceId;
use rusqlite::{Connection, params};

pub(super) fn insert(connection: &Connection, event: &NewEvent) -> Result<u64> {
    execute(
        connection,
        "INSERT INTO event (instance_id, at, kind, step, message, done_bytes, total_bytes, bytes_per_second)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            event.instance_id.to_string(),
            time(event.at),
            event.kind,
            event.step,
            event.message,
            event.done_bytes.map(Unsigned),
            event.total_bytes.map(Unsigned),
            event.bytes_per_second.map(Unsigned),
        ],
    )?;
    u64::try_from(connection.last_insert_rowid()).map_err(|_| StoreError::Corrupt("seq"))
}

pub(super) fn after(connection: &Connection, instance: InstanceId, after_seq: u64, limit: u32) -> Result<Vec<Event>> {
    // A client may ask for events after any number, also one that no event can have.
    let after_seq = Unsigned(after_seq.min(i64::MAX.unsigned_abs()));
    let sql = "SELECT * FROM event WHERE instance_id = ?1 AND seq > ?2 ORDER BY seq LIMIT ?3";
    all(connection, sql, params![instance.to_string(), after_seq, limit], read)
}

fn read(row: &Row<'_>) -> Result<Event> {
    Ok(Event {
        seq: row.number("seq")?,
        event: NewEvent {
            instance_id: row.parsed("instance_id")?,
            at: row.time("at")?,
            kind: row.get("kind")?,
            step: row.get("step")?,
            message: row.get("message")?,
            done_bytes: row.optional_number("done_bytes")?,
            total_bytes: row.optional_number("total_bytes")?,
            bytes_per_second: row.optional_number("bytes_per_second")?,
        },
    })
}
