//! Addresses in use, in SQL.

use super::value::{Columns, all, execute};
use crate::store::{Result, record::Reservation};
use billet_proto::{InstanceId, VpcId};
use rusqlite::{Connection, params};
use std::net::Ipv4Addr;

pub(super) fn insert(connection: &Connection, reservation: &Reservation) -> Result<()> {
    execute(
        connection,
        "INSERT INTO reservation (vpc_id, address, subnet_id, instance_id) VALUES (?1, ?2, ?3, ?4)",
        params![
            reservation.vpc_id.to_string(),
            reservation.address.to_string(),
            reservation.subnet_id.to_string(),
            reservation.instance_id.to_string()
        ],
    )?;
    Ok(())
}

pub(super) fn release(connection: &Connection, instance: InstanceId) -> Result<()> {
    execute(connection, "DELETE FROM reservation WHERE instance_id = ?1", [instance.to_string()])?;
    Ok(())
}

/// Ascending as numbers, not as text.
pub(super) fn addresses(connection: &Connection, vpc: VpcId) -> Result<Vec<Ipv4Addr>> {
    let sql = "SELECT address FROM reservation WHERE vpc_id = ?1";
    let mut found = all(connection, sql, [vpc.to_string()], |row| row.parsed::<Ipv4Addr>("address"))?;
    found.sort_unstable();
    Ok(found)
}
