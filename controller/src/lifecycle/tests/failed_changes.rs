//! Changes of address that failed: what they may have attached and configured is there until an order undid it.

use super::{
    KEY,
    operations::{newest, project, running, tell_all},
    started,
    world::World,
};
use crate::{
    api::ports::LifecycleApi,
    request::ModifyIp,
    store::{
        StoreError,
        access::Quota,
        record::{Subnet, Vpc},
    },
};
use billet_proto::{
    InstanceId, SubnetId, VpcId,
    link::{Done, Failed, NicConfig, Step, order::Work, report::What},
};
use serde_json::json;

const HASH: &str = "$6$saltsaltsalt$another";
const REINSTALLED: [Step; 7] =
    [Step::Power, Step::Boot, Step::Inspect, Step::Write, Step::Configure, Step::HandOver, Step::Verify];
const CHANGED: [Step; 6] = [Step::Power, Step::Boot, Step::Inspect, Step::Configure, Step::HandOver, Step::Verify];

/// Another network of the project: its VPC and its subnet.
async fn other_network(world: &World) -> (VpcId, SubnetId) {
    let (vpc_id, id, created_at) = (VpcId::new(world.edge.id()), SubnetId::new(world.edge.id()), world.edge.now());
    let (project_id, cidr) = (project(), "10.30.0.0/24".parse().unwrap());
    let insert = world.store.run(move |tx| {
        tx.insert_vpc(&Vpc { id: vpc_id, project_id: project_id.clone(), name: "w".into(), cidr, created_at })?;
        tx.insert_subnet(&Subnet {
            id,
            project_id,
            vpc_id,
            name: "t".into(),
            cidr,
            gateway: "10.30.0.1".parse().unwrap(),
            dns: vec![],
            reserved: vec![],
            created_at,
        })?;
        Ok::<_, StoreError>(())
    });
    insert.await.unwrap();
    (vpc_id, id)
}

/// Asks for addresses in one network, a NIC each.
async fn modify(world: &World, id: InstanceId, (vpc, subnet): (VpcId, SubnetId), addresses: &[&str]) {
    let nics: Vec<_> =
        addresses.iter().map(|address| json!({ "subnet_id": subnet.to_string(), "ip_address": address })).collect();
    let body = json!({ "vpc_id": vpc.to_string(), "nics": nics });
    let request = ModifyIp::parse(body.to_string().as_bytes()).unwrap();
    LifecycleApi::modify_ip(&world.lifecycle, project(), id, request).await.unwrap();
}

/// The order in progress came to `step`, and fails there.
async fn fails(world: &World, steps: &[Step]) {
    let generation = newest(world).generation;
    for step in steps {
        world.report(generation, *step, started()).await;
    }
    let failed = Failed { cause: "host_key_not_seen".into(), message: "as the test says".into() };
    world.report(generation, *steps.last().unwrap(), What::Failed(failed)).await;
}

async fn addresses(world: &World, vpc: VpcId) -> Vec<String> {
    let reserved = world.store.read(move |tx| tx.reserved_addresses(vpc)).await.unwrap();
    reserved.iter().map(ToString::to_string).collect()
}

/// The ports that the newest order detaches: MAC and VPC.
fn detached(world: &World) -> Vec<(String, VpcId)> {
    let nics = match newest(world).work {
        Some(Work::Install(order)) => order.old_nics,
        Some(Work::Reconfigure(order)) => order.old_nics,
        Some(Work::PowerOff(order)) => order.nics,
        work => panic!("{work:?}"),
    };
    nics.into_iter().map(|NicConfig { mac, vpc_id, .. }| (mac, vpc_id.parse().unwrap())).collect()
}

fn port(number: u8, vpc: VpcId) -> (String, VpcId) {
    (format!("52:54:00:00:00:{number:02x}"), vpc)
}

#[tokio::test]
async fn a_reinstallation_detaches_what_a_change_that_failed_may_have_attached_and_frees_its_addresses_only_then() {
    let world = World::new().await;
    let (own, other) = ((world.vpc, world.subnet), other_network(&world).await);
    let id = running(&world).await;
    modify(&world, id, other, &["10.30.0.7", "10.30.0.8"]).await;
    fails(&world, &CHANGED).await;
    LifecycleApi::reinstall(&world.lifecycle, project(), (vec![id], None), HASH.into()).await.unwrap();
    assert_eq!(detached(&world), [port(1, own.0), port(1, other.0), port(2, other.0)]);
    let generation = newest(&world).generation;
    world.report(generation, Step::Power, started()).await;
    assert_eq!(addresses(&world, other.0).await, ["10.30.0.7", "10.30.0.8"], "a system may run there");
    world.report(generation, Step::Boot, started()).await;
    assert_eq!(addresses(&world, other.0).await.len(), 2, "firmware may pass over the network and start it again");
    world.report(generation, Step::Inspect, started()).await;
    assert!(addresses(&world, other.0).await.is_empty());
    tell_all(&world, generation, &REINSTALLED, KEY).await;
    let instance = world.instance(id).await;
    assert_eq!((instance.vpc_id, instance.network_change), (own.0, None));
    assert_eq!(addresses(&world, own.0).await, ["10.20.0.2"]);
}

#[tokio::test]
async fn a_deletion_detaches_every_network_that_changes_which_failed_came_to() {
    let world = World::new().await;
    let (own, other) = ((world.vpc, world.subnet), other_network(&world).await);
    let id = running(&world).await;
    modify(&world, id, own, &["10.20.0.77", "10.20.0.78"]).await;
    fails(&world, &CHANGED).await;
    // Another VPC, and fewer NICs; the BMC is silent.
    modify(&world, id, other, &["10.30.0.7"]).await;
    assert_eq!(detached(&world), [port(1, own.0), port(1, other.0), port(1, own.0), port(2, own.0)]);
    fails(&world, &[Step::Power]).await;
    LifecycleApi::reinstall(&world.lifecycle, project(), (vec![id], None), HASH.into()).await.unwrap();
    fails(&world, &[Step::Power]).await;
    world.lifecycle.delete(None, id).await.unwrap();
    assert_eq!(detached(&world), [port(1, own.0), port(1, other.0), port(1, own.0), port(2, own.0)]);
    assert_eq!(addresses(&world, own.0).await, ["10.20.0.2", "10.20.0.77", "10.20.0.78"]);
    assert_eq!(addresses(&world, other.0).await, ["10.30.0.7"]);
    world.report(newest(&world).generation, Step::PowerOff, What::Done(Done::default())).await;
    assert!(addresses(&world, own.0).await.is_empty() && addresses(&world, other.0).await.is_empty());
}

#[tokio::test]
async fn another_change_keeps_the_addresses_of_the_last_until_a_ramdisk_enlists_and_may_ask_for_them_again() {
    let world = World::new().await;
    let own = (world.vpc, world.subnet);
    let id = running(&world).await;
    modify(&world, id, own, &["10.20.0.77"]).await;
    fails(&world, &CHANGED).await;
    // No more addresses than it has are wanted: they are its own already.
    let quota = Quota { instances: 1, addresses: 2, images: 1, vpcs: 1, subnets: 1 };
    world.store.run(move |tx| tx.set_quota(None, &quota)).await.unwrap();
    modify(&world, id, own, &["10.20.0.77"]).await;
    fails(&world, &[Step::Power]).await;
    assert_eq!(addresses(&world, own.0).await, ["10.20.0.2", "10.20.0.77"]);
    world.store.run(move |tx| tx.set_quota(None, &Quota { addresses: 3, ..quota })).await.unwrap();
    modify(&world, id, own, &["10.20.0.78"]).await;
    world.report(newest(&world).generation, Step::Power, started()).await;
    assert_eq!(addresses(&world, own.0).await, ["10.20.0.2", "10.20.0.77", "10.20.0.78"]);
    world.report(newest(&world).generation, Step::Boot, started()).await;
    world.report(newest(&world).generation, Step::Inspect, started()).await;
    assert_eq!(addresses(&world, own.0).await, ["10.20.0.2", "10.20.0.78"]);
    tell_all(&world, newest(&world).generation, &CHANGED, KEY).await;
    assert_eq!(addresses(&world, own.0).await, ["10.20.0.78"]);
}

#[tokio::test]
async fn no_more_than_nine_changes_are_kept_and_the_same_one_is_kept_once() {
    let world = World::new().await;
    let own = (world.vpc, world.subnet);
    let id = running(&world).await;
    for address in [20, 21, 20, 21, 22, 23, 24, 25, 26, 27, 28] {
        modify(&world, id, own, &[&format!("10.20.0.{address}")]).await;
        fails(&world, &[Step::Power]).await;
    }
    let request =
        ModifyIp::parse(json!({ "nics": [{ "subnet_id": own.1.to_string() }] }).to_string().as_bytes()).unwrap();
    let refused = LifecycleApi::modify_ip(&world.lifecycle, project(), id, request).await.unwrap_err().to_string();
    assert!(refused.contains("reinstalled"), "{refused}");
    assert_eq!(addresses(&world, own.0).await.len(), 1 + 9);
    world.lifecycle.retry(id).await.unwrap();
    tell_all(&world, newest(&world).generation, &CHANGED, KEY).await;
    assert_eq!(addresses(&world, own.0).await, ["10.20.0.28"]);
}

#[tokio::test]
async fn a_change_that_is_given_up_leaves_nothing_of_those_before_it() {
    let world = World::new().await;
    let own = (world.vpc, world.subnet);
    let id = running(&world).await;
    modify(&world, id, own, &["10.20.0.77", "10.20.0.79"]).await;
    fails(&world, &CHANGED).await;
    modify(&world, id, own, &["10.20.0.78"]).await;
    world.lifecycle.cancel(id).await.unwrap();
    assert_eq!(detached(&world), [port(1, own.0), port(1, own.0), port(1, own.0), port(2, own.0)]);
    world.report(newest(&world).generation, Step::PowerOff, What::Done(Done::default())).await;
    assert_eq!(addresses(&world, own.0).await, ["10.20.0.2", "10.20.0.78"], "the last one can be tried again");
}
