//! Free addresses, held addresses, and what goes with a network.

use super::sample::{bare_instance, furnished, id, instance, reservation, subnet, vpc, within};
use crate::{
    clock::Timestamp,
    lifecycle::table::Phase,
    store::{
        StoreError,
        record::{AddressUse, Instance, PlaneReservation, PlaneSubnet, PrivateIp, Reservation, Subnet},
        sqlite::SqliteStore,
    },
};
use billet_proto::{PrivateIpId, SubnetId};
use std::{collections::HashSet, net::Ipv4Addr};

fn ip(text: &str) -> Ipv4Addr {
    text.parse().unwrap()
}

fn free(store: &mut SqliteStore, subnet: &Subnet, except: &[&str]) -> Option<Ipv4Addr> {
    let except: HashSet<_> = except.iter().map(|text| ip(text)).collect();
    within(store, |tx| tx.free_address(subnet, &except)).unwrap()
}

fn held(n: u128, address: &str) -> PrivateIp {
    PrivateIp {
        id: PrivateIpId::new(id(n)),
        project_id: "lab".parse().unwrap(),
        vpc_id: vpc(1).id,
        subnet_id: subnet(1).id,
        address: ip(address),
        instance_id: None,
        created_at: Timestamp(11),
    }
}

/// As many as a subnet of 254 holds, less the gateway and the two that are reserved.
fn fill(store: &mut SqliteStore, instance_number: u128, count: usize) -> Vec<Ipv4Addr> {
    (0..count)
        .map(|_| {
            let address = free(store, &subnet(1), &[]).unwrap();
            let row = Reservation { address, ..reservation(1, "0.0.0.0", instance_number) };
            within(store, |tx| tx.reserve(&row)).unwrap();
            address
        })
        .collect()
}

#[test]
fn the_lowest_free_address_is_found_again_after_it_was_freed_and_when_none_is_left() {
    let mut store = furnished();
    within(&mut store, |tx| {
        tx.insert_instance(&instance(1, 1))?;
        tx.insert_instance(&instance(2, 2))
    })
    .unwrap();
    assert_eq!(free(&mut store, &subnet(1), &[]), Some(ip("10.0.1.4")), "after gateway and reserved ones");
    assert_eq!(free(&mut store, &subnet(1), &["10.0.1.4", "10.0.1.6"]), Some(ip("10.0.1.5")));
    let of_one = fill(&mut store, 1, 100);
    let of_two = fill(&mut store, 2, 151);
    assert_eq!((of_one[99], of_two[150]), (ip("10.0.1.103"), ip("10.0.1.254")));
    assert_eq!(free(&mut store, &subnet(1), &[]), None);
    within(&mut store, |tx| tx.release(instance(2, 2).id)).unwrap();
    assert_eq!(free(&mut store, &subnet(1), &[]), Some(ip("10.0.1.104")));
    within(&mut store, |tx| tx.release(instance(1, 1).id)).unwrap();
    assert_eq!(free(&mut store, &subnet(1), &[]), Some(ip("10.0.1.4")));
}

/// A search from the beginning would read ten million rows in all here, and take minutes.
#[test]
fn ten_thousand_addresses_of_a_large_network_are_given_one_after_the_other() {
    let mut store = furnished();
    let wide = Subnet {
        id: SubnetId::new(id(9)),
        cidr: "10.0.0.0/8".parse().unwrap(),
        gateway: ip("10.0.0.1"),
        reserved: vec![],
        ..subnet(1)
    };
    let last = within(&mut store, |tx| {
        tx.insert_instance(&instance(1, 1))?;
        tx.insert_subnet(&wide)?;
        let mut last = None;
        for _ in 0..10_000 {
            let address = tx.free_address(&wide, &HashSet::new())?.unwrap();
            tx.reserve(&Reservation { subnet_id: wide.id, address, ..reservation(1, "0.0.0.0", 1) })?;
            last = Some(address);
        }
        Ok(last)
    })
    .unwrap();
    assert_eq!(last, Some(ip("10.0.39.17")));
    let from: u32 = store
        .connection
        .query_row("SELECT search_from FROM subnet WHERE id = ?1", [wide.id.to_string()], |row| row.get(0))
        .unwrap();
    assert!(Ipv4Addr::from(from) > ip("10.0.38.0"), "a search begins near the first free address: {from}");
}

#[test]
fn of_a_vpcs_subnets_the_one_that_can_hold_an_address_is_found_by_number_and_not_by_text() {
    let mut store = furnished();
    let at = |n: u128, cidr: &str| Subnet { id: SubnetId::new(id(n)), cidr: cidr.parse().unwrap(), ..subnet(1) };
    within(&mut store, |tx| {
        tx.delete_subnet(subnet(1).id)?;
        for (n, cidr) in [(7, "10.0.9.0/24"), (8, "10.0.10.0/24"), (9, "10.0.200.0/28")] {
            tx.insert_subnet(&at(n, cidr))?;
        }
        for (address, found) in [
            ("10.0.8.255", None),
            ("10.0.9.0", Some("10.0.9.0/24")),
            ("10.0.10.7", Some("10.0.10.0/24")),
            ("10.0.100.0", Some("10.0.10.0/24")),
            ("255.255.255.255", Some("10.0.200.0/28")),
        ] {
            let subnet = tx.subnet_up_to(vpc(1).id, ip(address))?;
            assert_eq!(subnet.map(|subnet| subnet.cidr.to_string()).as_deref(), found, "{address}");
        }
        assert_eq!(tx.subnets_in_vpc(vpc(1).id)?, 3);
        Ok(())
    })
    .unwrap();
    let sql = "EXPLAIN QUERY PLAN SELECT * FROM subnet WHERE vpc_id = 'v' AND number <= 7 ORDER BY number DESC LIMIT 1";
    let plan: String = store.connection.query_row(sql, [], |row| row.get("detail")).unwrap();
    assert!(plan.contains("subnet_by_number (vpc_id=? AND number<?)"), "{plan}");
}

#[test]
fn a_held_address_reads_back_and_an_instance_may_have_it_once() {
    let mut store = furnished();
    within(&mut store, |tx| {
        tx.insert_instance(&instance(1, 1))?;
        tx.insert_instance(&instance(2, 2))?;
        tx.hold(&held(5, "10.0.1.9"))?;
        tx.hold(&held(6, "10.0.1.10"))
    })
    .unwrap();
    assert!(matches!(within(&mut store, |tx| tx.hold(&held(7, "10.0.1.9"))), Err(StoreError::Taken("address"))));
    let lab = "lab".parse().unwrap();
    within(&mut store, |tx| {
        assert_eq!(tx.private_ip(held(5, "10.0.1.9").id)?, Some(held(5, "10.0.1.9")));
        assert_eq!(tx.private_ips(&lab, None, None, 9)?.len(), 2);
        assert_eq!(tx.private_ips(&lab, Some(subnet(2).id), None, 9)?, []);
        assert_eq!(tx.private_ips(&lab, None, Some(held(5, "10.0.1.9").id), 9)?, [held(6, "10.0.1.10")]);
        assert_eq!(tx.private_ips(&"other".parse().unwrap(), None, None, 9)?, []);
        assert_eq!(tx.address_use(vpc(1).id, ip("10.0.1.11"))?, None);
        let used = tx.address_use(vpc(1).id, ip("10.0.1.9"))?;
        assert!(used.is_some_and(|used| used.is_at_hand()));
        tx.reserve(&reservation(1, "10.0.1.9", 1))
    })
    .unwrap();
    let second = within(&mut store, |tx| tx.reserve(&reservation(1, "10.0.1.9", 2)));
    assert!(matches!(second, Err(StoreError::Taken("address"))));
    within(&mut store, |tx| {
        let expected = AddressUse { held: Some(held(5, "10.0.1.9").id), instance_id: Some(instance(1, 1).id) };
        assert_eq!(tx.address_use(vpc(1).id, ip("10.0.1.9"))?, Some(expected));
        tx.release(instance(1, 1).id)?;
        assert_eq!(tx.private_ip(held(5, "10.0.1.9").id)?, Some(held(5, "10.0.1.9")));
        tx.delete_private_ip(held(5, "10.0.1.9").id)?;
        assert_eq!(tx.addresses_in_use(subnet(1).id)?, 1);
        Ok(())
    })
    .unwrap();
    let again = within(&mut store, |tx| tx.delete_private_ip(held(5, "10.0.1.9").id));
    assert!(matches!(again, Err(StoreError::Stale)));
}

#[test]
fn a_subnet_with_an_address_in_use_is_not_deleted_by_the_database_either() {
    let mut store = furnished();
    within(&mut store, |tx| tx.hold(&held(5, "10.0.1.9"))).unwrap();
    assert!(matches!(within(&mut store, |tx| tx.delete_subnet(subnet(1).id)), Err(StoreError::Database(_))));
    within(&mut store, |tx| tx.delete_private_ip(held(5, "10.0.1.9").id)).unwrap();
    within(&mut store, |tx| tx.delete_subnet(subnet(1).id)).unwrap();
}

#[test]
fn a_deleted_vpc_is_gone_at_once_and_its_row_with_the_last_instance_on_record() {
    let mut store = furnished();
    let ended = Instance { phase: Phase::Terminated, terminated_at: Some(Timestamp(50)), ..bare_instance(1, 1) };
    within(&mut store, |tx| {
        tx.insert_instance(&ended)?;
        tx.insert_instance(&bare_instance(2, 2))?;
        assert_eq!(tx.instances_in_vpc(vpc(1).id)?, 1, "ended ones do not count");
        tx.delete_vpc(vpc(1).id, Timestamp(60))?;
        tx.delete_subnet(subnet(2).id)?;
        tx.delete_vpc(vpc(2).id, Timestamp(60))?;
        assert_eq!((tx.vpc(vpc(1).id)?, tx.vpcs(&"lab".parse().unwrap(), None, 9)?), (None, vec![]));
        assert!(matches!(tx.update_vpc(&vpc(1)), Err(StoreError::Stale)));
        Ok(())
    })
    .unwrap();
    let rows = |store: &mut SqliteStore| -> u32 {
        store.connection.query_row("SELECT count(*) FROM vpc", [], |row| row.get(0)).unwrap()
    };
    within(&mut store, |tx| tx.purge(Timestamp(50))).unwrap();
    assert_eq!(rows(&mut store), 1, "the one that nothing names is gone");
    assert_eq!(within(&mut store, |tx| tx.instance(ended.id)).unwrap(), Some(ended));
}

fn plane(n: u128, rail: u32, cidr: &str) -> PlaneSubnet {
    PlaneSubnet {
        id: SubnetId::new(id(n)),
        rail,
        cidr: cidr.parse().unwrap(),
        gateway: None,
        mtu: 9000,
        reserved: vec![ip("10.7.0.2")],
        created_at: Timestamp(12),
    }
}

#[test]
fn the_parameter_plane_has_one_subnet_for_a_rail_and_one_owner_for_an_address() {
    let mut store = furnished();
    let rail = plane(20, 7, "10.7.0.0/24");
    let with_gateway = PlaneSubnet { gateway: Some(ip("10.3.0.1")), ..plane(21, 3, "10.3.0.0/24") };
    within(&mut store, |tx| {
        tx.insert_instance(&instance(1, 1))?;
        tx.insert_instance(&instance(2, 2))?;
        tx.insert_plane_subnet(&rail)?;
        tx.insert_plane_subnet(&with_gateway)
    })
    .unwrap();
    assert_eq!(within(&mut store, |tx| tx.plane_subnets()).unwrap(), [with_gateway.clone(), rail.clone()]);
    let again = within(&mut store, |tx| tx.insert_plane_subnet(&plane(22, 7, "10.8.0.0/24")));
    assert!(matches!(again, Err(StoreError::Taken("rail"))), "{again:?}");
    let reserve = |store: &mut SqliteStore, subnet: &PlaneSubnet, address: &str, n: u128| {
        let row = PlaneReservation { subnet_id: subnet.id, address: ip(address), instance_id: instance(n, 1).id };
        within(store, |tx| tx.reserve_on_plane(&row))
    };
    reserve(&mut store, &rail, "10.7.0.1", 1).unwrap();
    for subnet in [&rail, &with_gateway] {
        let taken = reserve(&mut store, subnet, "10.7.0.1", 2);
        assert!(matches!(taken, Err(StoreError::Taken("parameter-plane address"))), "{taken:?}");
    }
    within(&mut store, |tx| {
        tx.reserve(&Reservation { address: ip("10.7.0.1"), ..reservation(1, "10.7.0.1", 1) })?;
        assert_eq!(tx.free_plane_address(&rail, &HashSet::new())?, Some(ip("10.7.0.3")));
        assert_eq!(tx.free_plane_address(&rail, &HashSet::from([ip("10.7.0.3")]))?, Some(ip("10.7.0.4")));
        assert_eq!(tx.free_plane_address(&with_gateway, &HashSet::new())?, Some(ip("10.3.0.2")));
        assert_eq!(tx.plane_addresses_in_use(rail.id)?, 1);
        Ok(())
    })
    .unwrap();
    assert!(matches!(within(&mut store, |tx| tx.delete_plane_subnet(rail.id)), Err(StoreError::Database(_))));
    within(&mut store, |tx| tx.release(instance(1, 1).id)).unwrap();
    within(&mut store, |tx| tx.delete_plane_subnet(rail.id)).unwrap();
}

#[test]
fn held_addresses_count_once_and_those_of_the_parameter_plane_not_at_all() {
    let mut store = furnished();
    let lab = "lab".parse().unwrap();
    within(&mut store, |tx| {
        tx.insert_instance(&instance(1, 1))?;
        tx.hold(&held(5, "10.0.1.9"))?;
        tx.hold(&held(6, "10.0.1.10"))?;
        tx.reserve(&reservation(1, "10.0.1.9", 1))?;
        tx.reserve(&reservation(1, "10.0.1.11", 1))?;
        let rail = plane(20, 7, "10.7.0.0/24");
        tx.insert_plane_subnet(&rail)?;
        let instance_id = instance(1, 1).id;
        tx.reserve_on_plane(&PlaneReservation { subnet_id: rail.id, address: ip("10.7.0.9"), instance_id })?;
        assert_eq!(tx.usage(&lab)?.addresses, 3);
        Ok(())
    })
    .unwrap();
}
