//! VPCs and subnets in SQL.

use super::value::{Columns, all, first, json, time};
use crate::store::{
    Result,
    record::{Subnet, Vpc},
};
use billet_proto::{ProjectId, SubnetId, VpcId};
use rusqlite::{Connection, Row, params};

pub(super) fn insert_vpc(connection: &Connection, vpc: &Vpc) -> Result<()> {
    connection.execute(
        "INSERT INTO vpc (id, project_id, name, cidr, created_at) VALUES (?1, ?2, ?3, ?4, ?5)",
        params![vpc.id.to_string(), vpc.project_id.as_str(), vpc.name, vpc.cidr.to_string(), time(vpc.created_at)],
    )?;
    Ok(())
}

pub(super) fn vpc(connection: &Connection, id: VpcId) -> Result<Option<Vpc>> {
    first(connection, "SELECT * FROM vpc WHERE id = ?1", [id.to_string()], read_vpc)
}

pub(super) fn vpcs(connection: &Connection, project: &ProjectId) -> Result<Vec<Vpc>> {
    all(connection, "SELECT * FROM vpc WHERE project_id = ?1 ORDER BY id", [project.as_str()], read_vpc)
}

pub(super) fn insert_subnet(connection: &Connection, subnet: &Subnet) -> Result<()> {
    connection.execute(
        "INSERT INTO subnet (id, project_id, vpc_id, name, cidr, gateway, dns, reserved, created_at)
         VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
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
        ],
    )?;
    Ok(())
}

pub(super) fn subnet(connection: &Connection, id: SubnetId) -> Result<Option<Subnet>> {
    first(connection, "SELECT * FROM subnet WHERE id = ?1", [id.to_string()], read_subnet)
}

pub(super) fn subnets(connection: &Connection, project: &ProjectId) -> Result<Vec<Subnet>> {
    all(connection, "SELECT * FROM subnet WHERE project_id = ?1 ORDER BY id", [project.as_str()], read_subnet)
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
