//! Every record reads back as it was written, and every question finds what it should.

use super::sample::{
    agent, bare_instance, event, furnished, id, image, instance, reservation, server, subnet, vpc, wanted, within,
};
use crate::{
    clock::Timestamp,
    lifecycle::table::Phase,
    store::{
        InstancesWanted, ServerEventsWanted, StoreError,
        record::{Instance, JoinToken, ManageState, NextCertificate, Server, ServerEvent, WipeReceipt},
        sqlite::SqliteStore,
    },
};
use billet_proto::{AgentId, ImageId, InstanceId, ProjectId, ServerId, SubnetId, VpcId, link::Inventory};

fn other_project() -> ProjectId {
    "other".parse().unwrap()
}

#[test]
fn an_instance_reads_back_as_it_was_written() {
    let mut store = furnished();
    for wanted in [instance(1, 1), bare_instance(2, 2)] {
        within(&mut store, |tx| tx.insert_instance(&wanted)).unwrap();
        assert_eq!(within(&mut store, |tx| tx.instance(wanted.id)).unwrap(), Some(wanted));
    }
    assert_eq!(within(&mut store, |tx| tx.instance(InstanceId::new(id(77)))).unwrap(), None);
}

#[test]
fn an_update_writes_every_column_and_counts_the_version() {
    let mut store = furnished();
    within(&mut store, |tx| tx.insert_instance(&bare_instance(1, 1))).unwrap();
    let full = Instance {
        project_id: other_project(),
        name: "new".into(),
        description: String::new(),
        vpc_id: vpc(2).id,
        waiting_for: "nothing".into(),
        generation: 9,
        created_at: Timestamp(60),
        updated_at: Timestamp(70),
        ..instance(1, 3)
    };
    within(&mut store, |tx| tx.update_instance(&full)).unwrap();
    let read = within(&mut store, |tx| tx.instance(full.id)).unwrap().unwrap();
    assert_eq!(read, Instance { version: 1, ..full });
}

#[test]
fn pages_of_instances_follow_each_other_and_count_all() {
    let mut store = furnished();
    for n in 1..=4 {
        let project_id = if n == 2 { other_project() } else { "lab".parse().unwrap() };
        within(&mut store, |tx| tx.insert_instance(&Instance { project_id, ..bare_instance(n, n) })).unwrap();
    }
    let number = |n: u128| InstanceId::new(id(n));
    for (project, marker, limit, expected, total) in [
        ("lab", None, 10, vec![1, 3, 4], 3),
        ("lab", None, 2, vec![1, 3], 3),
        ("lab", Some(3), 2, vec![4], 3),
        ("lab", Some(4), 2, vec![], 3),
        ("other", None, 2, vec![2], 1),
        ("other", None, 0, vec![], 1),
    ] {
        let page = InstancesWanted { marker: marker.map(number), limit, ..wanted(project) };
        let (found, counted) = within(&mut store, |tx| tx.list_instances(&page)).unwrap();
        let found: Vec<_> = found.iter().map(|i| i.id).collect();
        assert_eq!(found, expected.into_iter().map(number).collect::<Vec<_>>(), "{project:?} {marker:?} {limit}");
        assert_eq!(counted, total);
    }
}

#[test]
fn unfinished_are_those_with_a_deadline() {
    let mut store = furnished();
    within(&mut store, |tx| {
        tx.insert_instance(&instance(1, 1))?;
        tx.insert_instance(&bare_instance(2, 2))
    })
    .unwrap();
    let unfinished = within(&mut store, |tx| tx.unfinished_instances()).unwrap();
    assert_eq!(unfinished, [instance(1, 1)]);
}

#[test]
fn the_instance_on_a_server_is_the_one_that_is_not_terminated() {
    let mut store = furnished();
    within(&mut store, |tx| {
        tx.insert_instance(&Instance { phase: Phase::Terminated, ..instance(1, 1) })?;
        tx.insert_instance(&instance(2, 1))
    })
    .unwrap();
    assert_eq!(within(&mut store, |tx| tx.instance_on(server(1).id)).unwrap(), Some(instance(2, 1)));
    assert_eq!(within(&mut store, |tx| tx.instance_on(server(2).id)).unwrap(), None);
}

#[test]
fn reservations_are_listed_by_vpc_and_released_by_instance() {
    let mut store = furnished();
    let lists = |store: &mut _| {
        let list = |tx: &mut dyn crate::store::Transaction, n| tx.reserved_addresses(vpc(n).id);
        within(store, |tx| Ok((list(tx, 1)?, list(tx, 2)?))).unwrap()
    };
    within(&mut store, |tx| {
        tx.insert_instance(&instance(1, 1))?;
        tx.insert_instance(&instance(2, 2))?;
        // As text, .10 would come before .9.
        tx.reserve(&reservation(1, "10.0.1.10", 1))?;
        tx.reserve(&reservation(1, "10.0.1.9", 2))?;
        tx.reserve(&reservation(2, "10.0.1.9", 2))
    })
    .unwrap();
    let [nine, ten] = ["10.0.1.9", "10.0.1.10"].map(|text| text.parse().unwrap());
    assert_eq!(lists(&mut store), (vec![nine, ten], vec![nine]));
    within(&mut store, |tx| tx.release(instance(2, 2).id)).unwrap();
    assert_eq!(lists(&mut store), (vec![ten], vec![]));
}

#[test]
fn events_come_in_order_after_a_number_and_no_more_than_asked() {
    let mut store = furnished();
    within(&mut store, |tx| {
        tx.insert_instance(&instance(1, 1))?;
        tx.insert_instance(&instance(2, 2))?;
        for (n, message) in [(1, "a"), (2, "b"), (1, "c"), (1, "d")] {
            tx.insert_event(&event(n, message))?;
        }
        Ok(())
    })
    .unwrap();
    let mut messages = |after, limit| {
        let events = within(&mut store, |tx| tx.events(instance(1, 1).id, after, limit)).unwrap();
        events.into_iter().map(|e| (e.seq, e.event.message)).collect::<Vec<_>>()
    };
    assert_eq!(messages(0, 10), [(1, "a".into()), (3, "c".into()), (4, "d".into())]);
    assert_eq!(messages(1, 1), [(3, "c".into())]);
    assert_eq!(messages(u64::MAX, 10), []);
    let read = within(&mut store, |tx| tx.events(instance(2, 2).id, 0, 1)).unwrap();
    assert_eq!(read[0].event, event(2, "b"));
}

#[test]
fn a_server_reads_back_as_it_was_written_and_updated() {
    let mut store = furnished();
    assert_eq!(within(&mut store, |tx| tx.server(server(1).id)).unwrap(), Some(server(1)));
    let changed = Server {
        registered_agent: None,
        owner: Some(agent(1).id),
        project_id: None,
        uuid: "u".into(),
        serial: String::new(),
        macs: vec![],
        roles: vec![],
        clear_other_bootable_disks: false,
        manage_state: ManageState::Maintain,
        unwiped: false,
        generation: 4,
        onboard_time: Timestamp(20),
        ..server(2)
    };
    within(&mut store, |tx| tx.update_server(&changed)).unwrap();
    let servers = within(&mut store, |tx| tx.servers()).unwrap();
    assert_eq!(servers.len(), 9);
    assert_eq!(servers[..3], [server(1), changed, server(3)]);
    assert_eq!(within(&mut store, |tx| tx.server(ServerId::new(id(77)))).unwrap(), None);
}

#[test]
fn what_was_seen_of_a_server_is_the_last_of_it_and_goes_with_the_server() {
    let mut store = furnished();
    let server = server(9).id;
    let of = |store: &mut SqliteStore| within(store, |tx| tx.inventory(server)).unwrap();
    assert_eq!(of(&mut store), None);
    for cpus in [4, 8] {
        let seen = Inventory { cpus, ..Inventory::default() };
        within(&mut store, |tx| tx.record_inventory(server, &seen)).unwrap();
        assert_eq!(of(&mut store), Some(seen));
    }
    within(&mut store, |tx| tx.forget_inventory(server)).unwrap();
    assert_eq!(of(&mut store), None);
    within(&mut store, |tx| tx.record_inventory(server, &Inventory::default())).unwrap();
    within(&mut store, |tx| tx.delete_server(server)).unwrap();
    assert_eq!(of(&mut store), None);
}

#[test]
fn an_agent_is_found_by_id_name_and_certificate() {
    let mut store = furnished();
    let mut changed = agent(1);
    changed.epoch = 8;
    changed.certificate_sha256 = [8; 32];
    changed.next = Some(NextCertificate { certificate_sha256: [9; 32], key_sha256: [10; 32], issued_at: Timestamp(4) });
    changed.revoked_at = Some(Timestamp(5));
    within(&mut store, |tx| {
        tx.update_agent(&changed)?;
        tx.insert_agent(&agent(2))?;
        assert_eq!(tx.agent(changed.id)?, Some(changed.clone()));
        assert_eq!(tx.agent_by_name("rack-1")?, Some(changed.clone()));
        assert_eq!(tx.agent_by_certificate(&[8; 32])?, Some(changed.clone()));
        assert_eq!(tx.agent_by_certificate(&[9; 32])?, Some(changed.clone()), "its next one");
        assert_eq!(tx.agent_by_certificate(&[1; 32])?, None);
        assert_eq!(tx.agent_by_name("Rack-1")?, None);
        assert_eq!(tx.agent(AgentId::new(id(77)))?, None);
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_join_token_is_taken_once() {
    let mut store = furnished();
    let token = JoinToken { secret_sha256: [5; 32], agent_name: "rack-9".into(), expires_at: Timestamp(50) };
    within(&mut store, |tx| tx.insert_join_token(&token)).unwrap();
    assert_eq!(within(&mut store, |tx| tx.take_join_token(&[4; 32])).unwrap(), None);
    assert_eq!(within(&mut store, |tx| tx.take_join_token(&[5; 32])).unwrap(), Some(token));
    assert_eq!(within(&mut store, |tx| tx.take_join_token(&[5; 32])).unwrap(), None);
}

#[test]
fn images_and_networks_read_back_as_they_were_written() {
    let mut store = furnished();
    within(&mut store, |tx| {
        assert_eq!(tx.image(image().id)?, Some(image()));
        assert_eq!(tx.images()?, [image()]);
        assert_eq!(tx.image(ImageId::new(id(77)))?, None);
        let lab = "lab".parse().unwrap();
        assert_eq!(tx.vpc(vpc(1).id)?, Some(vpc(1)));
        assert_eq!(tx.vpcs(&lab, None, 9)?, [vpc(1), vpc(2)]);
        assert_eq!(tx.vpcs(&lab, Some(vpc(1).id), 9)?, [vpc(2)]);
        assert_eq!(tx.vpcs(&lab, None, 1)?, [vpc(1)]);
        assert_eq!(tx.vpcs(&other_project(), None, 9)?, []);
        assert_eq!(tx.vpc(VpcId::new(id(77)))?, None);
        assert_eq!(tx.subnet(subnet(1).id)?, Some(subnet(1)));
        assert_eq!(tx.subnets(&lab, None, None, 9)?, [subnet(1), subnet(2)]);
        assert_eq!(tx.subnets(&lab, Some(vpc(2).id), None, 9)?, [subnet(2)]);
        assert_eq!(tx.subnets(&lab, None, Some(subnet(1).id), 9)?, [subnet(2)]);
        assert_eq!(tx.subnets_in_vpc(vpc(1).id)?, 1);
        assert_eq!(tx.subnets(&other_project(), None, None, 9)?, []);
        assert_eq!(tx.subnet(SubnetId::new(id(77)))?, None);
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_purge_takes_only_what_ended_before_with_its_events_and_addresses() {
    let mut store = furnished();
    let ended = |n, at| Instance { phase: Phase::Terminated, terminated_at: Some(Timestamp(at)), ..instance(n, n) };
    let token = |n, at| JoinToken { secret_sha256: [n; 32], agent_name: "x".into(), expires_at: Timestamp(at) };
    within(&mut store, |tx| {
        tx.insert_instance(&ended(1, 99))?;
        tx.insert_instance(&ended(2, 100))?;
        tx.insert_instance(&instance(3, 3))?;
        tx.insert_event(&event(1, "a"))?;
        tx.insert_event(&event(3, "b"))?;
        tx.reserve(&reservation(1, "10.0.1.9", 1))?;
        tx.insert_join_token(&token(1, 99))?;
        tx.insert_join_token(&token(2, 100))
    })
    .unwrap();
    assert_eq!(within(&mut store, |tx| tx.purge(Timestamp(100))).unwrap(), 1);
    within(&mut store, |tx| {
        assert_eq!(tx.instance(ended(2, 100).id)?, Some(ended(2, 100)), "ended at that time, not before");
        let (listed, total) = tx.list_instances(&wanted("lab"))?;
        assert_eq!((listed[0].id, listed.len(), total), (instance(3, 3).id, 1, 1), "the terminated are not listed");
        assert_eq!(tx.events(instance(1, 1).id, 0, 9)?, []);
        assert_eq!(tx.events(instance(3, 3).id, 0, 9)?.len(), 1);
        assert_eq!(tx.reserved_addresses(vpc(1).id)?.len(), 0);
        assert_eq!(tx.take_join_token(&[1; 32])?, None);
        assert!(tx.take_join_token(&[2; 32])?.is_some());
        Ok(())
    })
    .unwrap();
}

#[test]
fn a_purge_of_servers_events_takes_the_oldest_first_and_so_many_at_once() {
    let mut store = furnished();
    let at = |n: u64| ServerEvent {
        seq: 0,
        server_id: server(1).id,
        at: Timestamp(n),
        level: "minor".into(),
        kind: "claimed".into(),
        message: String::new(),
    };
    within(&mut store, |tx| (0..601).rev().try_for_each(|n| tx.insert_server_event(&at(n)).map(drop))).unwrap();
    let purge = |store: &mut _| within(store, |tx| tx.purge_server_events(Timestamp(600))).unwrap();
    assert_eq!(purge(&mut store), 500);
    let wanted =
        ServerEventsWanted { servers: None, from: Timestamp(0), to: Timestamp(1000), level: None, offset: 0, limit: 1 };
    let (newest, left) = within(&mut store, |tx| tx.server_events(&wanted)).unwrap();
    assert_eq!((newest[0].at, left), (Timestamp(600), 101));
    let oldest = ServerEventsWanted { offset: 100, ..wanted };
    assert_eq!(within(&mut store, |tx| tx.server_events(&oldest)).unwrap().0[0].at, Timestamp(500));
    assert_eq!([purge(&mut store), purge(&mut store)], [100, 0], "at that time is not before it");
}

#[test]
fn receipts_of_erased_disks_read_back_newest_first_outlive_their_server_and_end_after_their_time() {
    let mut store = furnished();
    let receipt = |seq: u64, n: u128| WipeReceipt {
        seq,
        server_id: server(n).id,
        generation: u64::MAX >> 1,
        disk_serial: format!("S{seq}"),
        recorded_at: Timestamp(seq * 10),
        jws: "a.b.c".into(),
    };
    let of = |store: &mut SqliteStore, before, limit| {
        let found = within(store, |tx| tx.wipe_receipts(server(1).id, before, limit)).unwrap();
        found.into_iter().map(|receipt| receipt.seq).collect::<Vec<_>>()
    };
    within(&mut store, |tx| {
        for (seq, n) in [(1, 1), (2, 2), (3, 1), (4, 1)] {
            assert_eq!(tx.insert_wipe_receipt(&WipeReceipt { seq: 0, ..receipt(seq, n) })?, seq);
        }
        tx.delete_server(server(1).id)
    })
    .unwrap();
    assert_eq!(
        [of(&mut store, None, 10), of(&mut store, None, 2), of(&mut store, Some(3), 10)],
        [vec![4, 3, 1], vec![4, 3], vec![1]]
    );
    let first = within(&mut store, |tx| tx.wipe_receipts(server(1).id, Some(2), 1)).unwrap();
    assert_eq!(first, [receipt(1, 1)]);
    assert_eq!(within(&mut store, |tx| tx.purge_wipe_receipts(Timestamp(30))).unwrap(), 2);
    assert_eq!(of(&mut store, None, 10), [4, 3], "at that time is not before it");
}

#[test]
fn the_number_of_a_projects_instances_is_kept_whatever_becomes_of_them() {
    let mut store = furnished();
    let check = |store: &mut SqliteStore, expected: u64| {
        let lab: ProjectId = "lab".parse().unwrap();
        let (usage, total) =
            within(store, |tx| Ok((tx.usage(&lab)?.instances, tx.list_instances(&wanted("lab"))?.1))).unwrap();
        assert_eq!((usage, total), (expected, expected));
    };
    check(&mut store, 0);
    for number in 1..=3 {
        within(&mut store, |tx| tx.insert_instance(&bare_instance(number, number))).unwrap();
    }
    check(&mut store, 3);
    let ended = Instance { phase: Phase::Terminated, terminated_at: Some(Timestamp(1)), ..bare_instance(1, 1) };
    within(&mut store, |tx| tx.update_instance(&ended)).unwrap();
    check(&mut store, 2);
    within(&mut store, |tx| tx.purge(Timestamp(5))).unwrap();
    check(&mut store, 2);
    store.connection.execute("DELETE FROM instance", []).unwrap();
    check(&mut store, 0);
}

#[test]
fn the_number_of_a_purged_event_is_never_given_again() {
    let mut store = furnished();
    let gone = Instance { phase: Phase::Terminated, ..instance(1, 1) };
    let last = within(&mut store, |tx| {
        tx.insert_instance(&gone)?;
        tx.insert_event(&event(1, "a"))
    })
    .unwrap();
    within(&mut store, |tx| tx.purge(Timestamp(100))).unwrap();
    let next = within(&mut store, |tx| {
        tx.insert_instance(&instance(2, 2))?;
        tx.insert_event(&event(2, "b"))
    })
    .unwrap();
    assert!(next > last, "{next} after {last}");
}

#[test]
fn a_damaged_row_is_left_out_and_asking_for_it_says_so() {
    let mut store = furnished();
    within(&mut store, |tx| {
        tx.insert_instance(&instance(1, 1))?;
        tx.insert_instance(&instance(2, 2))
    })
    .unwrap();
    let servers = within(&mut store, |tx| tx.servers()).unwrap().len();
    store.connection.execute_batch(
        "UPDATE instance SET nics = '[' WHERE id LIKE '%1'; UPDATE server SET manage_state = 'odd' WHERE id LIKE '%2'",
    )
    .unwrap();
    within(&mut store, |tx| {
        assert_eq!(tx.unfinished_instances()?.len(), 1);
        assert_eq!(tx.servers()?.len(), servers - 1);
        assert!(matches!(tx.instance(instance(1, 1).id), Err(StoreError::Corrupt("nics"))));
        assert!(matches!(tx.server(server(2).id), Err(StoreError::Corrupt("manage_state"))));
        Ok(())
    })
    .unwrap();
}
