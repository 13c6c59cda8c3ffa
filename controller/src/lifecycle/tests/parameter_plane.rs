//! NICs of the accelerators' network: addresses at creation, in the order, and after the end.

use super::{
    installed,
    world::{PROJECT, World},
};
use crate::{
    api::ports::LifecycleApi,
    clock::Timestamp,
    lifecycle::refusal::Refusal,
    store::{
        StoreError,
        record::{NicRole, PlaneSubnet},
    },
};
use billet_proto::{
    SubnetId,
    link::{NicRole as Role, Order, Step, order::Work},
};
use serde_json::json;
use std::net::Ipv4Addr;

fn subnet(world: &World, rail: u32, cidr: &str, reserved: Vec<Ipv4Addr>) -> PlaneSubnet {
    PlaneSubnet {
        id: SubnetId::new(world.edge.id()),
        rail,
        cidr: cidr.parse().unwrap(),
        gateway: None,
        mtu: 4200,
        reserved,
        created_at: Timestamp(0),
    }
}

/// A server whose second and third ports are rails 1 and 0; with the subnets of both.
async fn on_two_rails() -> (World, [PlaneSubnet; 2]) {
    let world = World::new().await;
    let mut server = world.server().await;
    server.macs.push("52:54:00:00:00:03".parse().unwrap());
    server.roles = vec![NicRole::Vpc, NicRole::ParameterPlane { rail: 1 }, NicRole::ParameterPlane { rail: 0 }];
    let mut subnets = [subnet(&world, 0, "10.20.0.0/24", vec![]), subnet(&world, 1, "10.99.1.0/24", vec![])];
    subnets[1].gateway = Some("10.99.1.1".parse().unwrap());
    let rows = subnets.clone();
    let written = world.store.run(move |tx| {
        tx.update_server(&server)?;
        rows.iter().try_for_each(|row| tx.insert_plane_subnet(row))
    });
    written.await.map_err(|error: StoreError| error).unwrap();
    (world, subnets)
}

async fn in_use(world: &World, subnets: &[PlaneSubnet; 2]) -> [u64; 2] {
    let [zero, one] = [subnets[0].id, subnets[1].id];
    let counted = world.store.read(move |tx| Ok([tx.plane_addresses_in_use(zero)?, tx.plane_addresses_in_use(one)?]));
    counted.await.unwrap()
}

fn last(world: &World) -> Order {
    world.sent().pop().unwrap().1
}

#[tokio::test]
async fn each_rail_gets_an_address_that_is_in_the_order_and_freed_with_the_instance() {
    let (world, subnets) = on_two_rails().await;
    let id = installed(&world).await;
    let instance = world.instance(id).await;
    let got: Vec<_> =
        instance.nics.iter().map(|nic| (nic.rail, nic.address.to_string(), nic.mac.to_string())).collect();
    // Rail 0's subnet has the addresses of the tenant's: they are two networks.
    let expected = [
        (None, "10.20.0.2", "52:54:00:00:00:01"),
        (Some(0), "10.20.0.1", "52:54:00:00:00:03"),
        (Some(1), "10.99.1.2", "52:54:00:00:00:02"),
    ];
    assert_eq!(got, expected.map(|(rail, address, mac)| (rail, address.to_owned(), mac.to_owned())));
    assert_eq!(in_use(&world, &subnets).await, [1, 1]);

    let Some(Work::Install(install)) = last(&world).work else { panic!("an installation") };
    let told: Vec<_> = install
        .nics
        .iter()
        .map(|nic| (nic.role(), nic.rail, nic.mtu, nic.prefix_length, nic.gateway.as_str(), nic.vpc_id.is_empty()))
        .collect();
    let expected = [
        (Role::Vpc, 0, 0, 24, "10.20.0.1", false),
        (Role::ParameterPlane, 0, 4200, 24, "", true),
        (Role::ParameterPlane, 1, 4200, 24, "10.99.1.1", true),
    ];
    assert_eq!(told, expected);
    assert!(install.nics[1..].iter().all(|nic| nic.dns.is_empty()));

    world.lifecycle.delete(Some(PROJECT.parse().unwrap()), id).await.unwrap();
    let Some(Work::PowerOff(off)) = last(&world).work else { panic!("a release") };
    assert_eq!(off.nics.len(), 1, "the parameter plane's ports are not moved");
    assert_eq!(in_use(&world, &subnets).await, [1, 1], "taken until the server is off");
    world.terminate(id).await;
    assert_eq!(in_use(&world, &subnets).await, [0, 0]);
}

#[tokio::test]
async fn a_receipt_tells_the_networks_of_the_rails_too() {
    let (world, _) = on_two_rails().await;
    let id = installed(&world).await;
    world.report(1, Step::Verify, super::done(super::KEY)).await;
    let said = world.lifecycle.receipt_key().verify(&world.instance(id).await.receipt.unwrap()).unwrap();
    let nics = said["network"].as_array().unwrap();
    let told: Vec<_> = nics.iter().map(|nic| [&nic["rail"], &nic["cidr"], &nic["gateway"], &nic["mtu"]]).collect();
    let expected = [
        [json!(null), json!("10.20.0.0/24"), json!("10.20.0.1"), json!(null)],
        [json!(0), json!("10.20.0.0/24"), json!(null), json!(4200)],
        [json!(1), json!("10.99.1.0/24"), json!("10.99.1.1"), json!(4200)],
    ];
    assert_eq!(told, expected.each_ref().map(|row| row.each_ref()));
}

#[tokio::test]
async fn a_rail_without_a_subnet_or_an_address_is_named_and_nothing_is_changed() {
    let (world, subnets) = on_two_rails().await;
    let why = |refused: Result<_, Refusal>| match refused {
        Err(Refusal::ServersNotReady { ids, why }) if ids == [world.server_id()] => why,
        other => panic!("{other:?}"),
    };
    let gone = subnets[1].id;
    world.store.read(move |tx| tx.delete_plane_subnet(gone)).await.unwrap();
    assert_eq!(why(world.create().await), "rail 1 of the parameter plane has no subnet");
    let all = vec!["10.99.1.1".parse().unwrap(), "10.99.1.2".parse().unwrap()];
    let full = subnet(&world, 1, "10.99.1.0/30", all);
    world.store.read(move |tx| tx.insert_plane_subnet(&full)).await.unwrap();
    assert_eq!(why(world.create().await), "rail 1 of the parameter plane has no free address in 10.99.1.0/30");
    assert_eq!((in_use(&world, &subnets).await, world.reserved().await), ([0, 0], vec![]));
    assert!(world.sent().is_empty());
}
