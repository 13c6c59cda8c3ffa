//! The lowest free address of a subnet, in SQL.
//!
//! Each subnet's row says below which address none is free; the table's trigger moves that down when one is freed, and a
//! search that had to pass many moves it up. So a search passes few rows, however many there are.

use crate::{
    addresses::Pool,
    store::{
        Result, StoreError,
        record::{PlaneSubnet, Subnet},
    },
};
use rusqlite::{Connection, MAIN_DB, Rows};
use std::{collections::HashSet, net::Ipv4Addr};

/// So many rows are passed rather than written about: a write costs more.
const PASSED: u32 = 64;

/// The two kinds of subnets: their table, and the column that names one in a reservation.
struct Kind {
    from: &'static str,
    reserved: &'static str,
    advance: &'static str,
}

const OF_VPC: Kind = Kind {
    from: "SELECT search_from FROM subnet WHERE id = ?1",
    reserved: "SELECT number FROM reservation WHERE subnet_id = ?1 AND number >= ?2 ORDER BY number",
    advance: "UPDATE subnet SET search_from = ?2 WHERE id = ?1",
};

const OF_PLANE: Kind = Kind {
    from: "SELECT search_from FROM parameter_plane_subnet WHERE id = ?1",
    reserved: "SELECT number FROM reservation WHERE plane_subnet_id = ?1 AND number >= ?2 ORDER BY number",
    advance: "UPDATE parameter_plane_subnet SET search_from = ?2 WHERE id = ?1",
};

pub(super) fn in_subnet(
    connection: &Connection,
    subnet: &Subnet,
    except: &HashSet<Ipv4Addr>,
) -> Result<Option<Ipv4Addr>> {
    let pool = Pool { cidr: subnet.cidr, gateway: subnet.gateway, reserved: &subnet.reserved };
    lowest(connection, &OF_VPC, &subnet.id.to_string(), &pool, except)
}

pub(super) fn on_plane(
    connection: &Connection,
    subnet: &PlaneSubnet,
    except: &HashSet<Ipv4Addr>,
) -> Result<Option<Ipv4Addr>> {
    // A rail without a gateway: the network's own address is nobody's anyhow.
    let gateway = subnet.gateway.unwrap_or(subnet.cidr.network());
    let pool = Pool { cidr: subnet.cidr, gateway, reserved: &subnet.reserved };
    lowest(connection, &OF_PLANE, &subnet.id.to_string(), &pool, except)
}

fn lowest(
    connection: &Connection,
    kind: &Kind,
    id: &str,
    pool: &Pool<'_>,
    except: &HashSet<Ipv4Addr>,
) -> Result<Option<Ipv4Addr>> {
    let begin: u32 = connection.prepare_cached(kind.from)?.query_row([id], |row| row.get(0))?;
    let begin = begin.max(pool.cidr.network().to_bits());
    let search = |from: Ipv4Addr, except: &HashSet<Ipv4Addr>| {
        let mut statement = connection.prepare_cached(kind.reserved)?;
        let rows = statement.query(rusqlite::params![id, from.to_bits()])?;
        pool.lowest_free(from, Reserved(rows), except)
    };
    let free = search(begin.into(), &HashSet::new())?;
    let reached = free.unwrap_or_else(|| pool.cidr.broadcast());
    // Who only looks leaves it to who writes.
    if reached.to_bits().saturating_sub(begin) > PASSED && !connection.is_readonly(MAIN_DB)? {
        connection.prepare_cached(kind.advance)?.execute(rusqlite::params![id, reached.to_bits()])?;
    }
    match free {
        Some(free) if except.contains(&free) => search(free, except),
        free => Ok(free),
    }
}

/// Reads a row when it is asked for one.
struct Reserved<'a>(Rows<'a>);

impl Iterator for Reserved<'_> {
    type Item = Result<Ipv4Addr>;

    fn next(&mut self) -> Option<Self::Item> {
        let number = self.0.next().and_then(|row| row.map(|row| row.get::<_, u32>(0)).transpose());
        number.map_err(StoreError::from).map(|number| number.map(Ipv4Addr::from_bits)).transpose()
    }
}
