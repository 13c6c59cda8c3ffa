//! An agent of 0.1.0, which is nothing but the bytes that it sends, with the controller as it is now.

use super::world::World;
use crate::{
    api::ports::LifecycleApi,
    store::record::{ManageState, Server},
};
use billet_proto::link::{AgentMessage, agent_message::Body};
use prost::Message;

/// Frozen; see `proto/tests/golden`.
const SENT: &str = include_str!("../../../../proto/tests/golden/0.1.0/agent.hex");

/// What stands in the file under that name.
fn bytes(name: &str) -> Vec<u8> {
    let line = SENT.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
    hex::decode(line.unwrap_or_else(|| panic!("{name} is not in the file"))).unwrap()
}

/// As the session takes them, one after the other.
async fn sends(world: &World, names: &[&str]) {
    for name in names {
        match AgentMessage::decode(&bytes(name)[..]).unwrap().body {
            Some(Body::Hello(hello)) => {
                let claims = world.lifecycle.hello(world.agent, hello).await.unwrap();
                assert!(claims.iter().all(|claim| claim.accepted), "{claims:?}");
            }
            Some(Body::Report(report)) => world.lifecycle.report(world.agent, vec![report]).await.unwrap(),
            Some(Body::WordRequest(asked)) => {
                assert_eq!(world.lifecycle.word(world.agent, asked).await.unwrap(), Ok(()));
            }
            None => panic!("{name} says nothing"),
        }
    }
}

/// Of the machine that the bytes tell of.
async fn world() -> World {
    let world = World::new().await;
    let uuid = "4c4c4544-0042-4810-8036-b4c04f4d3032".to_owned();
    let server = Server { uuid, ..world.server().await };
    world.store.run(move |tx| tx.update_server(&server)).await.unwrap();
    world
}

#[tokio::test]
async fn an_old_agent_brings_an_instance_to_running() {
    let world = world().await;
    let id = world.create().await.unwrap();
    sends(&world, &["hello", "started-power"]).await;
    let instance = world.instance(id).await;
    assert_eq!(instance.waiting_for, "the BMC to say that the server is on");
    assert_eq!((instance.waiting.attempt, instance.waiting.next_try_at), (0, None), "it says nothing of tries");
    let rest = [
        "power-read-on",
        "finished",
        "started-boot",
        "started-inspect",
        "inspected",
        "started-write",
        "progress",
        "started-configure",
        "host-key",
        "started-hand-over",
        "word-request",
        "started-verify",
        "done-install",
    ];
    sends(&world, &rest).await;
    let instance = world.instance(id).await;
    assert_eq!((instance.standing().state(), instance.proof.as_deref()), ("running", Some("ssh-host-key")));
    assert_eq!(instance.disk_serial.as_deref(), Some("vda-1"));
}

#[tokio::test]
async fn an_old_agents_failure_ends_an_installation_and_its_wipe_frees_the_server() {
    let world = world().await;
    let id = world.create().await.unwrap();
    sends(&world, &["hello", "started-power", "started-boot", "failed"]).await;
    let instance = world.instance(id).await;
    assert_eq!((instance.standing().state(), instance.error.unwrap().cause.as_str()), ("error", "boot_deadline"));

    // The bytes are of generation 1: that of the order which is in progress next.
    let restart = async |world: &World| {
        let server = Server { generation: 0, ..world.server().await };
        world.store.run(move |tx| tx.update_server(&server)).await.unwrap();
    };
    restart(&world).await;
    world.lifecycle.delete(None, id).await.unwrap();
    restart(&world).await;
    sends(&world, &["started-power-off", "power-read-off", "done-power-off"]).await;
    assert_eq!(world.instance(id).await.standing().state(), "terminated");
    sends(&world, &["started-wipe", "done-wipe"]).await;
    let server = world.server().await;
    assert_eq!((server.manage_state, server.unwiped), (ManageState::Ready, false));
}
