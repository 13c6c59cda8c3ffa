//! Addresses that projects hold, in SQL: rows of the same table as instances' addresses.

use super::value::{Columns, Row, all, execute, first, met_one, time};
use crate::store::{Result, record::PrivateIp};
use billet_proto::{PrivateIpId, ProjectId, SubnetId};
use rusqlite::{Connection, params};

pub(super) fn insert(connection: &Connection, held: &PrivateIp) -> Result<()> {
    execute(
        connection,
        "INSERT INTO reservation
         (address, number, vpc_id, subnet_id, instance_id, held_id, held_by, held_since)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
        params![
            held.address.to_string(),
            held.address.to_bits(),
            held.vpc_id.to_string(),
            held.subnet_id.to_string(),
            held.instance_id.map(|id| id.to_string()),
            held.id.to_string(),
            held.project_id.as_str(),
            time(held.created_at),
        ],
    )?;
    Ok(())
}

pub(super) fn by_id(connection: &Connection, id: PrivateIpId) -> Result<Option<PrivateIp>> {
    first(connection, "SELECT * FROM reservation WHERE held_id = ?1", [id.to_string()], read)
}

pub(super) fn page(
    connection: &Connection,
    project: &ProjectId,
    subnet: Option<SubnetId>,
    marker: Option<PrivateIpId>,
    limit: u32,
) -> Result<Vec<PrivateIp>> {
    all(
        connection,
        "SELECT * FROM reservation WHERE held_by = ?1 AND (?2 IS NULL OR subnet_id = ?2) AND held_id > ?3
         ORDER BY held_id LIMIT ?4",
        params![
            project.as_str(),
            subnet.map(|id| id.to_string()),
            marker.map(|id| id.to_string()).unwrap_or_default(),
            limit
        ],
        read,
    )
}

pub(super) fn delete(connection: &Connection, id: PrivateIpId) -> Result<()> {
    met_one(execute(connection, "DELETE FROM reservation WHERE held_id = ?1", [id.to_string()])?)
}

fn read(row: &Row<'_>) -> Result<PrivateIp> {
    Ok(PrivateIp {
        id: row.parsed("held_id")?,
        project_id: row.parsed("held_by")?,
        vpc_id: row.parsed("vpc_id")?,
        subnet_id: row.parsed("subnet_id")?,
        address: row.parsed("address")?,
        instance_id: row.optional("instance_id")?,
        created_at: row.time("held_since")?,
    })
}
