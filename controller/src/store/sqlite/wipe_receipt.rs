//! Receipts of erased disks in SQL.

use super::{
    PURGE_ROWS,
    value::{Columns, Row, Unsigned, all, execute, time},
};
use crate::{
    clock::Timestamp,
    store::{Result, StoreError, record::WipeReceipt},
};
use billet_proto::ServerId;
use rusqlite::{Connection, named_params, params};

pub(super) fn insert(connection: &Connection, receipt: &WipeReceipt) -> Result<u64> {
    execute(
        connection,
        "INSERT INTO wipe_receipt (server_id, generation, disk_serial, recorded_at, jws)
         VALUES (:server_id, :generation, :disk_serial, :recorded_at, :jws)",
        named_params! {
            ":server_id": receipt.server_id.to_string(),
            ":generation": Unsigned(receipt.generation),
            ":disk_serial": receipt.disk_serial,
            ":recorded_at": time(receipt.recorded_at),
            ":jws": receipt.jws,
        },
    )?;
    u64::try_from(connection.last_insert_rowid()).map_err(|_| StoreError::Corrupt("seq"))
}

pub(super) fn page(
    connection: &Connection,
    server: ServerId,
    before: Option<u64>,
    limit: u32,
) -> Result<Vec<WipeReceipt>> {
    all(
        connection,
        "SELECT * FROM wipe_receipt WHERE server_id = ?1 AND (?2 IS NULL OR seq < ?2) ORDER BY seq DESC LIMIT ?3",
        params![server.to_string(), before.map(Unsigned), limit],
        read,
    )
}

pub(super) fn purge(connection: &Connection, before: Timestamp) -> Result<u64> {
    let sql = "DELETE FROM wipe_receipt
        WHERE seq IN (SELECT seq FROM wipe_receipt WHERE recorded_at < ?1 ORDER BY recorded_at LIMIT ?2)";
    Ok(execute(connection, sql, params![time(before), PURGE_ROWS])? as u64)
}

fn read(row: &Row<'_>) -> Result<WipeReceipt> {
    Ok(WipeReceipt {
        seq: row.number("seq")?,
        server_id: row.parsed("server_id")?,
        generation: row.number("generation")?,
        disk_serial: row.get("disk_serial")?,
        recorded_at: row.time("recorded_at")?,
        jws: row.get("jws")?,
    })
}
