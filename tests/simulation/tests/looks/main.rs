//! What is looked at from outside is seen where it is wrong.

mod scene;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use billet_agent::{
    bmc::ResetType,
    network::{Action, Move, Network as Segment},
};
use billet_controller::{
    clock::Timestamp,
    lifecycle::table::{Operation, Phase},
    store::record::{Cause, ManageState, Server, ServerEvent, Task, TaskKind, Waiting},
};
use billet_proto::{AgentId, ServerId};
use billet_simulation::{
    controller::Site,
    journal::Journal,
    ledger::Ledger,
    machine::{Disk, State},
    promise::{Promise, Subject},
    random::Random,
    secrets::{
        HASH, METADATA, PASSWORD, USER_DATA, USER_DATA_BASE64, USER_DATA_BYTES, first_hash, look_into_logs,
        look_into_records,
    },
    spell::Spell,
    time::Timeline,
};
use scene::{LATER, Scene, image, instance};
use uuid::Uuid;

/// What is said of what was done to a world in which all is well.
type Case = (&'static str, fn(&mut Scene));

/// Each is seen, and nothing else is said.
fn are_seen(cases: &[Case]) {
    for (expected, doctor) in cases {
        let mut scene = Scene::new();
        assert!(scene.ledger.violations().is_empty(), "{:?}", scene.ledger.violations());
        doctor(&mut scene);
        scene.look(LATER);
        assert_eq!(scene.ledger.violations(), [*expected]);
    }
}

#[test]
fn what_is_missing_twice_or_older_is_seen() {
    are_seen(&[
        ("1 of 2 servers are there", |scene| drop(scene.now.servers.pop())),
        ("i2 was accepted and is not there", |scene| scene.ledger.accept(instance(2))),
        ("i2 and i1 have one server", |scene| {
            let mut other = scene.now.instances[0].clone();
            (other.id, other.phase, other.name) = (instance(2), Phase::Failed, "vm-2".into());
            scene.now.instances.push(other);
        }),
        ("vm-1 was created twice: i1 and i2", |scene| {
            let mut other = scene.now.instances[0].clone();
            (other.id, other.phase) = (instance(2), Phase::Terminated);
            scene.now.instances.push(other);
        }),
        ("the generation of SIM0001 went back", |scene| scene.now.servers[0].generation -= 1),
    ]);
}

/// A call that was answered well when the newest generation was 7.
fn promised(scene: &Scene, of: Subject) {
    scene.ledger.promise(Promise { what: "a call".into(), of, generation: 7 });
}

#[test]
fn a_call_that_was_accepted_and_of_which_nothing_is_known_is_seen() {
    const LOST: &str = "a call: it was accepted, and nothing is known of it";
    are_seen(&[
        (LOST, |scene| promised(scene, Subject::Instance(instance(1)))),
        (LOST, |scene| promised(scene, Subject::PowerOn(instance(2)))),
        (LOST, |scene| promised(scene, Subject::Password(instance(1)))),
        (LOST, |scene| promised(scene, Subject::Server(scene.now.servers[1].id))),
        (LOST, |scene| {
            promised(scene, Subject::Registered(scene.now.servers[1].id, AgentId::new(Uuid::from_u128(1))));
        }),
        (LOST, |scene| promised(scene, Subject::TakenOut(scene.now.servers[1].id))),
    ]);
}

fn task() -> Task {
    Task {
        kind: TaskKind::PowerOff,
        generation: 7,
        step: String::new(),
        waiting_for: "its agent".into(),
        waiting: Waiting::default(),
        began_at: Timestamp(0),
        progress: None,
        disks: vec![],
        is_told: false,
    }
}

fn cause(cause: &str, message: &str) -> Option<Cause> {
    Some(Cause { cause: cause.into(), message: message.into() })
}

#[test]
fn what_is_in_progress_or_failed_and_says_nothing_is_seen() {
    const INSTANCE: &str = "i1 does not say what it waits for, or until when";
    const SERVER: &str = "SIM0002 does not say what it waits for, or until when";
    are_seen(&[
        (INSTANCE, |scene| {
            let instance = &mut scene.now.instances[0];
            (instance.phase, instance.deadline) = (Phase::Power, Some(Timestamp(1)));
        }),
        (INSTANCE, |scene| {
            let instance = &mut scene.now.instances[0];
            (instance.phase, instance.waiting_for) = (Phase::Power, "the BMC".into());
        }),
        (SERVER, |scene| scene.now.servers[1].task = Some(task())),
        (SERVER, |scene| scene.now.servers[1].task_deadline = Some(Timestamp(1))),
        (SERVER, |scene| {
            let server = &mut scene.now.servers[1];
            server.task = Some(Task { waiting_for: String::new(), ..task() });
            server.task_deadline = Some(Timestamp(1));
        }),
        ("i1 does not say why it failed", |scene| scene.now.instances[0].error = cause("", "why")),
        ("i1 does not say why it failed", |scene| scene.now.instances[0].error = cause("why", "")),
        ("SIM0002 does not say why it failed", |scene| scene.now.servers[1].error = cause("", "why")),
        ("SIM0002 does not say why it failed", |scene| scene.now.servers[1].error = cause("why", "")),
    ]);
}

#[test]
fn who_answers_where_he_must_not_is_seen() {
    are_seen(&[
        ("i2 and i1 answer at one address", |scene| {
            scene.run(2, 1);
            let address = scene.now.instances[0].nics[0].address;
            scene.now.instances[1].nics[0].address = address;
            scene.system(1, |system| system.address = address);
        }),
        ("m0: i1 runs on its network after it was terminated", |scene| {
            scene.now.instances[0].phase = Phase::Terminated;
        }),
        ("m0: i1 runs on its network after it was terminated", |scene| scene.now.instances.clear()),
        ("m0: its port is on a tenant's network and where it boots", |scene| {
            let mut body = scene.body(0);
            let (server_id, mac) = (body.id, body.mac);
            let (action, network) = (Action::Attach, Segment::Provisioning);
            body.plug(&Move { action, server_id, mac, network, vlan: None });
        }),
    ]);
}

#[test]
fn what_runs_and_is_not_what_was_ordered_is_seen() {
    are_seen(&[
        ("i1 is running and m0 has \"zeros\"", |scene| scene.body(0).disk = Disk::Blank),
        ("i1 is running and m0 has \"half an image\"", |scene| scene.body(0).disk = Disk::Half(instance(1))),
        ("i1 is running and m0 has \"no configuration\"", |scene| scene.body(0).disk = Disk::Image(instance(1))),
        ("i1 is running and has no port on its network", |scene| scene.body(0).segments.clear()),
        ("i1 is running and has another's system", |scene| {
            // One that answers would be seen on its network, too.
            scene.body(0).state = State::Off;
            scene.system(0, |system| system.instance = instance(2));
        }),
        ("i1 is running and has another image", |scene| scene.system(0, |system| system.image = image(2))),
        ("i1 is running and has another address", |scene| {
            scene.system(0, |system| system.address = [10, 20, 0, 9].into());
        }),
        ("i1 is running and has another host key", |scene| scene.system(0, |system| system.host_key.clear())),
        ("i1 is running and has another password", |scene| scene.system(0, |system| system.password_hash.clear())),
        ("i1 is running and has another host name", |scene| scene.system(0, |system| system.hostname.clear())),
        ("i1 is running and has never proved it", |scene| scene.system(0, |system| system.is_proven = false)),
    ]);
}

/// The first instance is at another operation since it was looked at last.
fn began(scene: &mut Scene, operation: Operation, phase: Phase) {
    let instance = &mut scene.now.instances[0];
    (instance.operation, instance.phase, instance.generation) = (operation, phase, 8);
    (instance.waiting_for, instance.deadline) = ("its agent".into(), Some(Timestamp(1)));
}

#[test]
fn what_was_to_be_off_and_is_on_is_seen() {
    are_seen(&[
        ("i1 is stopped and m0 was not off", |scene| began(scene, Operation::PowerOff, Phase::Stopped)),
        ("i1 is terminated and m0 was not off", |scene| {
            began(scene, Operation::Uninstall, Phase::Terminated);
            // One that answers would be seen on its network, too.
            scene.body(0).state = State::Starting(0);
        }),
        ("i1 is to go and came to its network", |scene| {
            began(scene, Operation::Uninstall, Phase::PowerOff);
            scene.body(0).attached_at = 2 * LATER;
        }),
        ("m1: its BMC was told On, and there is no order", |scene| scene.body(1).told.push(ResetType::On)),
        ("m0: its BMC was told ForceOff, and there is no order", |scene| scene.body(0).told.push(ResetType::ForceOff)),
    ]);
}

#[test]
fn what_is_ready_and_not_as_it_must_be_is_seen() {
    are_seen(&[
        ("m1 is ready and was not erased", |scene| scene.body(1).disk = Disk::Half(instance(1))),
        ("m1 is ready and not off", |scene| scene.body(1).state = State::Stuck),
        ("m1 is ready and not off", |scene| {
            scene.ledger.light(scene.now.servers[1].id);
            scene.now.servers[1].operation_state = "power-off-succeed".into();
            scene.body(1).state = State::Stuck;
        }),
        ("m1 is ready and not off", |scene| {
            scene.ledger.light(scene.now.servers[1].id);
            scene.now.servers[1].manage_state = ManageState::InUse;
            scene.look(LATER / 2);
            scene.now.servers[1].manage_state = ManageState::Ready;
            scene.body(1).state = State::Stuck;
        }),
        ("m1 is ready and on the network where it boots", |scene| {
            scene.body(1).segments.push(Segment::Provisioning);
        }),
        ("m1 is ready and on a tenant's network", |scene| {
            let vpc_id = scene.now.instances[0].vpc_id;
            scene.body(1).segments.push(Segment::Vpc { vpc_id });
        }),
    ]);
}

#[test]
fn what_the_operator_powered_on_may_be_on_and_ready() {
    let mut scene = Scene::new();
    scene.ledger.light(scene.now.servers[1].id);
    scene.body(1).state = State::Stuck;
    scene.look(LATER);
    assert_eq!(scene.ledger.violations(), [""; 0]);
}

#[test]
fn what_the_operator_took_out_and_is_given_away_is_seen() {
    are_seen(&[
        ("SIM0002 is ready, and the operator took it out", |scene| {
            scene.ledger.take_out(scene.now.servers[1].id);
        }),
        ("i2 was placed on SIM0002, which the operator took out", |scene| {
            scene.ledger.take_out(scene.now.servers[1].id);
            scene.now.servers[1].manage_state = ManageState::Maintain;
            scene.look(LATER / 2);
            scene.run(2, 1);
        }),
    ]);
}

#[test]
fn what_is_done_to_a_disk_that_nobody_asked_for_is_seen() {
    are_seen(&[
        ("m0: i1 was written over while it was in use, and nobody asked for it", |scene| {
            let mut body = scene.body(0);
            // It is tried, and nothing becomes of it.
            body.broken = Spell::until(u64::MAX);
            assert!(!body.begin_write(instance(1)));
        }),
        ("m0: i2 was written where i1 had not been wiped", |scene| {
            let mut body = scene.body(0);
            body.broken = Spell::until(u64::MAX);
            assert!(!body.begin_write(instance(2)));
        }),
        ("m0: i1 was wiped, and nobody released it", |scene| {
            let mut body = scene.body(0);
            body.broken = Spell::until(u64::MAX);
            assert!(!body.begin_wipe());
        }),
    ]);
}

#[test]
fn a_secret_in_a_record_is_seen() {
    are_seen(&[
        ("a password's hash stands in an error", |scene| scene.now.instances[0].error = cause("why", HASH)),
        ("a password's hash stands in what is waited for", |scene| {
            scene.now.instances[0].waiting_for = format!("a disk for {HASH}x");
        }),
        ("metadata stands in what a server waits for", |scene| {
            let server = &mut scene.now.servers[1];
            server.task = Some(Task { waiting_for: format!("the disk of {METADATA}"), ..task() });
            server.task_deadline = Some(Timestamp(1));
        }),
        ("a password's hash stands in a server's error", |scene| scene.now.servers[1].error = cause("why", HASH)),
    ]);
}

#[test]
fn a_secret_in_a_log_is_seen() {
    let ledger = Ledger::default();
    let looking = look_into_logs(&ledger);
    assert!(looking.is_some(), "nobody else takes what this thread logs");
    tracing::warn!("the password is {PASSWORD}");
    drop(looking);
    assert_eq!(ledger.violations(), ["a password stands in a log"]);
}

#[test]
fn a_secret_in_a_servers_event_is_seen() {
    let dir = tempfile::tempdir().unwrap();
    let journal = Journal::new(Timeline::default(), false);
    let site = Site::new(dir.path(), Random::new(1, "controller"), journal).unwrap();
    let id = ServerId::new(Uuid::from_u128(1));
    let event = ServerEvent {
        seq: 0,
        server_id: id,
        at: Timestamp(0),
        level: "info".into(),
        kind: "note".into(),
        message: PASSWORD.into(),
    };
    site.write(move |tx| {
        tx.insert_server(&Server::unheard_of(id, Timestamp(0)))?;
        tx.insert_server_event(&event).map(drop)
    })
    .unwrap();
    let ledger = Ledger::default();
    look_into_records(&site, &[], &ledger).unwrap();
    assert_eq!(ledger.violations(), ["a password stands in a server's event"]);
}

#[test]
fn a_secret_is_seen_in_the_middle_of_a_text() {
    let ledger = Ledger::default();
    ledger.keep_secret("a boot's token", "0123abcd".into());
    ledger.look_for_secrets("an older text", "89ab is made");
    ledger.keep_secret("a ramdisk's session", "89ab".into());
    let texts = [
        format!("the password {PASSWORD} is"),
        format!("<{HASH}x>"),
        format!("{{\"role\":\"{METADATA}\"}}"),
        format!("given: {USER_DATA:?}"),
        "token=0123abcd.".into(),
        "session: 0089abcd".into(),
        "none".into(),
    ];
    for (number, text) in texts.iter().enumerate() {
        ledger.look_for_secrets(&format!("text {number}"), text);
    }
    let seen = [
        "a ramdisk's session stands in an older text",
        "a password stands in text 0",
        "a password's hash stands in text 1",
        "metadata stands in text 2",
        "user data stands in text 3",
        "a boot's token stands in text 4",
        "a ramdisk's session stands in text 5",
    ];
    assert_eq!(ledger.violations(), seen);
}

#[test]
fn all_that_were_created_together_have_one_password() {
    assert_eq!(first_hash("vm-12"), format!("{HASH}vm-12-0"));
    assert_eq!(first_hash("set-12-0003"), first_hash("set-12"));
    assert_ne!(first_hash("set-12-0003"), first_hash("set-1"));
}

#[test]
fn user_data_is_known_in_each_of_its_forms() {
    assert_eq!(STANDARD.encode(USER_DATA), USER_DATA_BASE64);
    assert_eq!(format!("{:?}", USER_DATA.as_bytes()), format!("[{USER_DATA_BYTES}]"));
}
