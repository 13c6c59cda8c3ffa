//! Addresses in use, in SQL.

use super::value::{Columns, Unsigned, execute, first};
use crate::store::{
    Result, StoreError,
    record::{AddressUse, Reservation},
};
use billet_proto::{InstanceId, SubnetId, VpcId};
use rusqlite::{Connection, params};
use std::net::Ipv4Addr;

/// One that the project holds, and that no instance has, becomes the instance's; any other that is there is taken.
pub(super) fn insert(connection: &Connection, reservation: &Reservation) -> Result<()> {
    let changed = execute(
        connection,
        "INSERT INTO reservation (address, number, vpc_id, subnet_id, instance_id) VALUES (?1, ?2, ?3, ?4, ?5)
         ON CONFLICT (vpc_id, address) WHERE vpc_id IS NOT NULL DO UPDATE SET instance_id = excluded.instance_id
         WHERE held_id IS NOT NULL AND instance_id IS NULL AND subnet_id = excluded.subnet_id",
        params![
            reservation.address.to_string(),
            reservation.address.to_bits(),
            reservation.vpc_id.to_string(),
            reservation.subnet_id.to_string(),
            reservation.instance_id.to_string()
        ],
    )?;
    if changed == 1 { Ok(()) } else { Err(StoreError::Taken("address")) }
}

/// Frees an instance's addresses; those that its project holds stay held.
pub(super) fn release(connection: &Connection, instance: InstanceId) -> Result<()> {
    let instance = instance.to_string();
    execute(connection, "DELETE FROM reservation WHERE instance_id = ?1 AND held_id IS NULL", [&instance])?;
    execute(connection, "UPDATE reservation SET instance_id = NULL WHERE instance_id = ?1", [&instance])?;
    Ok(())
}

/// Ascending as numbers, not as text.
#[cfg(test)]
pub(super) fn addresses(connection: &Connection, vpc: VpcId) -> Result<Vec<Ipv4Addr>> {
    let sql = "SELECT address FROM reservation WHERE vpc_id = ?1 ORDER BY number";
    super::value::all(connection, sql, [vpc.to_string()], |row| row.parsed::<Ipv4Addr>("address"))
}

pub(super) fn of_address(connection: &Connection, vpc: VpcId, address: Ipv4Addr) -> Result<Option<AddressUse>> {
    let sql = "SELECT held_id, instance_id FROM reservation WHERE vpc_id = ?1 AND address = ?2";
    first(connection, sql, [vpc.to_string(), address.to_string()], |row| {
        Ok(AddressUse { held: row.optional("held_id")?, instance_id: row.optional("instance_id")? })
    })
}

pub(super) fn count(connection: &Connection, subnet: SubnetId) -> Result<u64> {
    let sql = "SELECT count(*) FROM reservation WHERE subnet_id = ?1";
    Ok(connection.query_row(sql, [subnet.to_string()], |row| row.get::<_, Unsigned>(0))?.0)
}
