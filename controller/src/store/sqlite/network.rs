//! VPCs and subnets in SQL.

use super::value::{Columns, Row, Unsigned, all, execute, first, json, met_one, time};
use crate::{
    clock::Timestamp,
    store::{
        Result,
        record::{Subnet, Vpc},
    },
};
use billet_proto::{ProjectId, SubnetId, VpcId};
use rusqlite::{Connection, params};
use std::net::Ipv4Addr;

pub(super) fn insert_vpc(connection: &Connection, vpc: &Vpc) -> Result<()> {
    execute(
        connection,
        "INSERT INTO vpc (id, project_id, name, cidr, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![vpc.id.to_string(), vpc.project_id.as_str(), vpc.name, vpc.cidr.to_string(), time(vpc.created_at)],
    )?;
    Ok(())
}

pub(super) fn vpc(connection: &Connection, id: VpcId) -> Result<Option<Vpc>> {
    first(connection, "SELECT * FROM vpc WHERE id = ?1 AND deleted_at IS NULL", [id.to_string()], read_vpc)
}

pub(super) fn vpcs(
    connection: &Connection,
    project: &ProjectId,
    marker: Option<VpcId>,
    limit: u32,
) -> Result<Vec<Vpc>> {
    all(
        connection,
        "SELECT * FROM vpc WHERE project_id = ?1 AND id > ?2 AND deleted_at IS NULL ORDER BY id LIMIT ?3",
        params![project.as_str(), marker.map(|id| id.to_string()).unwrap_or_default(), limit],
        read_vpc,
    )
}

pub(super) fn update_vpc(connection: &Connection, vpc: &Vpc) -> Result<()> {
    let sql = "UPDATE vpc SET name = ?2, cidr = ?3 WHERE id = ?1 AND deleted_at IS NULL";
    met_one(execute(connection, sql, [vpc.id.to_string(), vpc.name.clone(), vpc.cidr.to_string()])?)
}

pub(super) fn instances_in(connection: &Connection, vpc: VpcId) -> Result<u64> {
    let sql = "SELECT count(*) FROM instance WHERE vpc_id = ?1 AND phase <> 'terminated'";
    Ok(connection.query_row(sql, [vpc.to_string()], |row| row.get::<_, Unsigned>(0))?.0)
}

pub(super) fn delete_vpc(connection: &Connection, id: VpcId, now: Timestamp) -> Result<()> {
    let sql = "UPDATE vpc SET deleted_at = ?2 WHERE id = ?1 AND deleted_at IS NULL";
    met_one(execute(connection, sql, params![id.to_string(), time(now)])?)
}

/// Removes the rows that were kept only for instances on record.
pub(super) fn purge(connection: &Connection) -> Result<()> {
    let sql = "DELETE FROM vpc WHERE deleted_at IS NOT NULL
               AND NOT EXISTS (SELECT 1 FROM instance WHERE instance.vpc_id = vpc.id)";
    execute(connection, sql, [])?;
    Ok(())
}

pub(super) fn insert_subnet(connection: &Connection, subnet: &Subnet) -> Result<()> {
    execute(
        connection,
        "INSERT INTO subnet (id, project_id, vpc_id, name, cidr, gateway, dns, reserved, created_at, number)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)",
        params![
            subnet.id.to_string(),
            subnet.project_id.as_str(),
            subnet.vpc_id.to_string(),
            subnet.name,
            subnet.cidr.to_string(),
            subnet.gateway.to_string(),
            json(&subnet.dns),
            json(&subnet.reserved),
            time(subnet.created_at),
            subnet.cidr.network().to_bits(),
        ],
    )?;
    Ok(())
}

pub(super) fn subnet(connection: &Connection, id: SubnetId) -> Result<Option<Subnet>> {
    first(connection, "SELECT * FROM subnet WHERE id = ?1", [id.to_string()], read_subnet)
}

pub(super) fn subnets(
    connection: &Connection,
    project: &ProjectId,
    vpc: Option<VpcId>,
    marker: Option<SubnetId>,
    limit: u32,
) -> Result<Vec<Subnet>> {
    all(
        connection,
        "SELECT * FROM subnet WHERE project_id = ?1 AND (?2 IS NULL OR vpc_id = ?2) AND id > ?3 ORDER BY id LIMIT ?4",
        params![
            project.as_str(),
            vpc.map(|id| id.to_string()),
            marker.map(|id| id.to_string()).unwrap_or_default(),
            limit
        ],
        read_subnet,
    )
}

pub(super) fn subnet_up_to(connection: &Connection, vpc: VpcId, address: Ipv4Addr) -> Result<Option<Subnet>> {
    let sql = "SELECT * FROM subnet WHERE vpc_id = ?1 AND number <= ?2 ORDER BY number DESC LIMIT 1";
    first(connection, sql, params![vpc.to_string(), address.to_bits()], read_subnet)
}

pub(super) fn subnets_in(connection: &Connection, vpc: VpcId) -> Result<u64> {
    let sql = "SELECT count(*) FROM subnet WHERE vpc_id = ?1";
    Ok(connection.query_row(sql, [vpc.to_string()], |row| row.get::<_, Unsigned>(0))?.0)
}

pub(super) fn update_subnet(connection: &Connection, subnet: &Subnet) -> Result<()> {
    let sql = "UPDATE subnet SET name = ?2, dns = ?3 WHERE id = ?1";
    met_one(execute(connection, sql, [subnet.id.to_string(), subnet.name.clone(), json(&subnet.dns)])?)
}

pub(super) fn delete_subnet(connection: &Connection, id: SubnetId) -> Result<()> {
    met_one(execute(connection, "DELETE FROM subnet WHERE id = ?1", [id.to_string()])?)
}

fn read_vpc(row: &Row<'_>) -> Result<Vpc> {
    Ok(Vpc {
        id: row.parsed("id")?,
        project_id: row.parsed("project_id")?,
        name: row.get("name")?,
        cidr: row.parsed("cidr")?,
        created_at: row.time("created_at")?,
    })
}

fn read_subnet(row: &Row<'_>) -> Result<Subnet> {
    Ok(Subnet {
        id: row.parsed("id")?,
        project_id: row.parsed("project_id")?,
        vpc_id: row.parsed("vpc_id")?,
        name: row.get("name")?,
        cidr: row.parsed("cidr")?,
        gateway: row.parsed("gateway")?,
        dns: row.json("dns")?,
        reserved: row.json("reserved")?,
        created_at: row.time("created_at")?,
    })
}
