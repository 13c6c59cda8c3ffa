//! Records to write, and a store to write them to.

use crate::{
    clock::Timestamp,
    lifecycle::table::{Operation, Phase},
    seal::Sealed,
    store::{
        InstancesWanted, Result, Store, Transaction,
        record::{
            Agent, Cause, FailedNetwork, FormerMachine, Hardware, Image, Instance, InstanceNic, Location, ManageState,
            Marks, NetworkChange, NewEvent, NicRole, Reservation, Server, Subnet, Tag, Task, TaskKind, TaskProgress,
            Vpc, Waiting, Wipe, WipePolicy,
        },
        sqlite::SqliteStore,
    },
};
use billet_proto::link::{Disk, WipedDisk};
use uuid::Uuid;

pub(super) fn id(n: u128) -> Uuid {
    Uuid::from_u128(n)
}

pub(super) fn agent(n: u8) -> Agent {
    Agent {
        id: billet_proto::AgentId::new(id(n.into())),
        name: format!("rack-{n}"),
        certificate_sha256: [n; 32],
        key_sha256: [n + 100; 32],
        join_secret_sha256: [n + 50; 32],
        epoch: 7,
        joined_at: Timestamp(1),
        next: None,
        revoked_at: None,
    }
}

pub(super) fn server(n: u128) -> Server {
    Server {
        id: billet_proto::ServerId::new(id(n)),
        registered_agent: Some(agent(1).id),
        owner: None,
        project_id: Some("lab".parse().unwrap()),
        uuid: "4c4c4544-0000-1010-8000-000000000001".into(),
        serial: "S1".into(),
        macs: vec!["52:54:00:00:00:01".parse().unwrap(), "52:54:00:00:00:02".parse().unwrap()],
        former_machines: vec![FormerMachine {
            marks: Marks {
                uuid: "ab-12".into(),
                serial: "SN0".into(),
                macs: vec!["52:54:00:00:00:0f".parse().unwrap()],
            },
            generation: Some(3),
        }],
        roles: vec![NicRole::Vpc, NicRole::Provisioning, NicRole::ParameterPlane { rail: 3 }],
        clear_other_bootable_disks: true,
        allow_reset: true,
        manage_state: ManageState::InUse,
        unwiped: true,
        generation: 3,
        onboard_time: Timestamp(2),
        name: "r1-u4".into(),
        location: Location { dc: "fra".into(), rack: "1".into(), unit: "4".into() },
        tags: vec![Tag { key: "tier".into(), value: "gold".into() }],
        wipe_policy: WipePolicy::Metadata,
        power_on: Some(true),
        operation_state: "power-on-succeed".into(),
        error: Some(Cause { cause: "wipe_failed".into(), message: "the disk said no".into() }),
        hardware: Hardware { serial: "S2".into(), model: "M".into(), ..Hardware::default() },
        inspected_at: Some(Timestamp(7)),
        last_wipe: Some(Wipe {
            at: Timestamp(8),
            policy: WipePolicy::Full,
            disks: vec![WipedDisk::default()],
            generation: 2,
            began_at: Some(Timestamp(7)),
        }),
        task: Some(Task {
            kind: TaskKind::Inspect { allow_reset: true, accept_baseline: true, accept_unwiped: true },
            generation: 3,
            step: "boot".into(),
            waiting_for: "the ramdisk".into(),
            waiting: Waiting { since: Some(Timestamp(5)), attempt: 1, next_try_at: Some(Timestamp(9)), untaken: true },
            began_at: Timestamp(9),
            progress: Some(TaskProgress { done_bytes: 1, total_bytes: 2, bytes_per_second: 3 }),
            disks: vec![Disk { name: "vda".into(), ..Disk::default() }],
            is_told: true,
        }),
        task_deadline: Some(Timestamp(10)),
    }
}

pub(super) fn image() -> Image {
    Image {
        id: billet_proto::ImageId::new(id(1)),
        project_id: None,
        name: "debian-12".into(),
        os_type: "Linux".into(),
        size_bytes: 2 << 40,
        sha256: "ab".repeat(32),
        manifest_digest: [9; 32],
        created_at: Timestamp(3),
    }
}

pub(super) fn vpc(n: u128) -> Vpc {
    Vpc {
        id: billet_proto::VpcId::new(id(n)),
        project_id: "lab".parse().unwrap(),
        name: "net".into(),
        cidr: "10.0.0.0/16".parse().unwrap(),
        created_at: Timestamp(4),
    }
}

pub(super) fn subnet(vpc_number: u128) -> Subnet {
    Subnet {
        id: billet_proto::SubnetId::new(id(vpc_number)),
        project_id: "lab".parse().unwrap(),
        vpc_id: vpc(vpc_number).id,
        name: "front".into(),
        cidr: "10.0.1.0/24".parse().unwrap(),
        gateway: "10.0.1.1".parse().unwrap(),
        dns: vec!["10.0.0.53".parse().unwrap()],
        reserved: vec!["10.0.1.2".parse().unwrap(), "10.0.1.3".parse().unwrap()],
        created_at: Timestamp(5),
    }
}

/// On server `server_number`, with every optional column filled.
pub(in crate::store::sqlite) fn instance(n: u128, server_number: u128) -> Instance {
    Instance {
        id: billet_proto::InstanceId::new(id(n)),
        version: 0,
        project_id: "lab".parse().unwrap(),
        name: "büro 1".into(),
        description: "it's".into(),
        image_id: image().id,
        vpc_id: vpc(1).id,
        server_id: server(server_number).id,
        nics: vec![InstanceNic {
            subnet_id: subnet(1).id,
            address: "10.0.1.9".parse().unwrap(),
            mac: "52:54:00:00:00:01".parse().unwrap(),
            rail: None,
        }],
        operation: Operation::Reinstall,
        operation_began_at: Timestamp(6),
        network_change: Some(NetworkChange {
            vpc_id: vpc(1).id,
            nics: vec![],
            before: vec![FailedNetwork { vpc_id: vpc(1).id, nics: vec![] }],
        }),
        phase: Phase::Write,
        waiting_for: "the disk".into(),
        waiting: Waiting { since: Some(Timestamp(7)), attempt: 2, next_try_at: Some(Timestamp(98)), untaken: false },
        deadline: Some(Timestamp(99)),
        generation: 4,
        password_hash: Some(Sealed(vec![0, 1, 255])),
        next_password_hash: Some(Sealed(vec![3])),
        metadata: Some(Sealed(vec![])),
        user_data: Some(Sealed(vec![4])),
        ssh_keys: vec!["ssh-ed25519 AAAA".into()],
        tags: vec![Tag { key: "a".into(), value: String::new() }],
        disk_serial: Some("D1".into()),
        wipe_before: Some(Wipe {
            at: Timestamp(1),
            policy: WipePolicy::Metadata,
            disks: vec![],
            generation: 0,
            began_at: None,
        }),
        receipt: Some("signed".into()),
        error: Some(Cause { cause: "bmc_auth_failed".into(), message: "the BMC said no".into() }),
        host_key: Some("ssh-ed25519 AAAA".into()),
        proof: Some("ssh-host-key".into()),
        boot_trust: Some("lan".into()),
        clear_other_bootable_disks: true,
        created_at: Timestamp(6),
        updated_at: Timestamp(7),
        launched_at: Some(Timestamp(8)),
        terminated_at: Some(Timestamp(9)),
    }
}

/// As just accepted: nothing optional is there.
pub(super) fn bare_instance(n: u128, server_number: u128) -> Instance {
    Instance {
        phase: Phase::Waiting,
        deadline: None,
        network_change: None,
        password_hash: None,
        next_password_hash: None,
        metadata: None,
        user_data: None,
        disk_serial: None,
        wipe_before: None,
        receipt: None,
        error: None,
        host_key: None,
        proof: None,
        boot_trust: None,
        launched_at: None,
        terminated_at: None,
        nics: vec![],
        ..instance(n, server_number)
    }
}

/// All of a project that are not terminated.
pub(super) fn wanted(project: &str) -> InstancesWanted {
    InstancesWanted {
        project: project.parse().unwrap(),
        ids: vec![],
        servers: vec![],
        states: vec![],
        name: None,
        tag: None,
        marker: None,
        limit: 10,
    }
}

pub(super) fn reservation(vpc_number: u128, address: &str, instance_number: u128) -> Reservation {
    Reservation {
        vpc_id: vpc(vpc_number).id,
        subnet_id: subnet(vpc_number).id,
        address: address.parse().unwrap(),
        instance_id: instance(instance_number, 1).id,
    }
}

pub(in crate::store::sqlite) fn event(instance_number: u128, message: &str) -> NewEvent {
    NewEvent {
        instance_id: instance(instance_number, 1).id,
        at: Timestamp(10),
        kind: "progress".into(),
        step: "write".into(),
        message: message.into(),
        done_bytes: Some(1),
        total_bytes: Some(2),
        bytes_per_second: None,
    }
}

/// Writes what instances refer to: an agent, servers 1 to 9, an image, two VPCs with a subnet each.
pub(in crate::store::sqlite) fn furnish(store: &mut SqliteStore) {
    within(store, |tx| {
        tx.insert_agent(&agent(1))?;
        for n in 1..=9 {
            tx.insert_server(&server(n))?;
        }
        tx.insert_image(&image())?;
        for n in [1, 2] {
            tx.insert_vpc(&vpc(n))?;
            tx.insert_subnet(&subnet(n))?;
        }
        Ok(())
    })
    .unwrap();
}

pub(super) fn furnished() -> SqliteStore {
    let mut store = SqliteStore::open_in_memory().unwrap();
    furnish(&mut store);
    store
}

/// One transaction, committed when `work` answers `Ok`.
pub(in crate::store::sqlite) fn within<T>(
    store: &mut SqliteStore,
    work: impl FnOnce(&mut dyn Transaction) -> Result<T>,
) -> Result<T> {
    let mut transaction = store.begin()?;
    let value = work(&mut *transaction)?;
    transaction.commit()?;
    Ok(value)
}
