//! The parameter plane's subnets and addresses, in SQL.

use super::value::{Columns, Row, Unsigned, all, execute, json, met_one, time};
use crate::store::{
    Result, StoreError,
    record::{PlaneReservation, PlaneSubnet},
};
use billet_proto::SubnetId;
use rusqlite::{Connection, params};

pub(super) fn insert(connection: &Connection, subnet: &PlaneSubnet) -> Result<()> {
    execute(
        connection,
        "INSERT INTO parameter_plane_subnet (id, rail, cidr, gateway, mtu, reserved, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)",
        params![
            subnet.id.to_string(),
            subnet.rail,
            subnet.cidr.to_string(),
            subnet.gateway.map(|gateway| gateway.to_string()),
            subnet.mtu,
            json(&subnet.reserved),
            time(subnet.created_at),
        ],
    )?;
    Ok(())
}

pub(super) fn by_rail(connection: &Connection) -> Result<Vec<PlaneSubnet>> {
    all(connection, "SELECT * FROM parameter_plane_subnet ORDER BY rail", [], read)
}

pub(super) fn delete(connection: &Connection, id: SubnetId) -> Result<()> {
    met_one(execute(connection, "DELETE FROM parameter_plane_subnet WHERE id = ?1", [id.to_string()])?)
}

pub(super) fn reserve(connection: &Connection, reservation: &PlaneReservation) -> Result<()> {
    execute(
        connection,
        "INSERT INTO reservation (address, number, plane_subnet_id, instance_id) VALUES (?1, ?2, ?3, ?4)",
        params![
            reservation.address.to_string(),
            reservation.address.to_bits(),
            reservation.subnet_id.to_string(),
            reservation.instance_id.to_string(),
        ],
    )?;
    Ok(())
}

pub(super) fn in_use(connection: &Connection, subnet: SubnetId) -> Result<u64> {
    let sql = "SELECT count(*) FROM reservation WHERE plane_subnet_id = ?1";
    Ok(connection.query_row(sql, [subnet.to_string()], |row| row.get::<_, Unsigned>(0))?.0)
}

fn read(row: &Row<'_>) -> Result<PlaneSubnet> {
    let small = |column| u32::try_from(row.number(column)?).map_err(|_| StoreError::Corrupt(column));
    Ok(PlaneSubnet {
        id: row.parsed("id")?,
        rail: small("rail")?,
        cidr: row.parsed("cidr")?,
        gateway: row.optional("gateway")?,
        mtu: small("mtu")?,
        reserved: row.json("reserved")?,
        created_at: row.time("created_at")?,
    })
}
