//! A command of the client, as what it asks the life cycle for.

use super::super::{
    operations::project,
    world::{HASH, World, registration},
};
use crate::{
    api::ports::LifecycleApi,
    lifecycle::{PowerAction, refusal::Refusal},
    request::ServerAction,
};

/// Asks for it, of the world's server or the instance that is on it.
pub(super) async fn run(world: &World, command: &str) -> Result<(), Refusal> {
    let words: Vec<&str> = command.split(' ').collect();
    match words[..] {
        ["billet", "instance", verb, "INSTANCE"] => of_instance(world, verb).await,
        ["billet", "server", "onboard", "SERVER", "--agent", "AGENT"] => {
            world.lifecycle.register(world.server_id(), registration("rack0")).await.map(drop)
        }
        // It says what is to be mended; then the agent comes with a configuration that is right.
        ["billet", "server", "show", "SERVER"] => {
            assert!(world.hello(world.agent, 2).await.unwrap().0[0].accepted, "it owns the server now");
            Ok(())
        }
        ["billet", "server", verb @ ("on" | "off" | "reboot"), "SERVER"] => power(world, verb).await,
        ["billet", "server", "retire", "SERVER"] => world.lifecycle.forget_server(world.server_id(), false).await,
        ["billet", "server", "retire", "SERVER", "--accept-unwiped"] => {
            world.lifecycle.forget_server(world.server_id(), true).await
        }
        ["billet", "server", verb, "SERVER", ref options @ ..] => {
            let action = action(verb, options).unwrap_or_else(|| panic!("what does {command} ask for?"));
            world.lifecycle.act_on_server(world.server_id(), action).await.map(drop)
        }
        _ => panic!("what does {command} ask for?"),
    }
}

async fn of_instance(world: &World, verb: &str) -> Result<(), Refusal> {
    let server = world.server_id();
    let id = world.store.read(move |tx| tx.instance_on(server)).await.unwrap().unwrap().id;
    match verb {
        "cancel" => world.lifecycle.cancel(id).await.map(drop),
        "retry" => world.lifecycle.retry(id).await.map(drop),
        "reinstall" => LifecycleApi::reinstall(&world.lifecycle, project(), (vec![id], None), HASH.into()).await,
        "delete" => world.lifecycle.delete(Some(project()), id).await,
        other => panic!("what does {other} ask for?"),
    }
}

async fn power(world: &World, verb: &str) -> Result<(), Refusal> {
    let action = match verb {
        "on" => PowerAction::On,
        "off" => PowerAction::Off,
        _ => PowerAction::Reboot,
    };
    world.lifecycle.power_servers(None, vec![world.server_id()], action).await
}

fn action(verb: &str, options: &[&str]) -> Option<ServerAction> {
    Some(match (verb, options) {
        ("inspect", options) => ServerAction::Inspect {
            allow_reset: options.contains(&"--allow-reset"),
            accept_baseline: options.contains(&"--accept-baseline"),
        },
        ("maintain", ["--reason", reason]) => ServerAction::Maintain { reason: (*reason).to_owned() },
        ("ready", []) => ServerAction::Ready,
        ("wipe", []) => ServerAction::Wipe { policy: None },
        ("accept-unwiped", []) => ServerAction::AcceptUnwiped,
        ("cancel", []) => ServerAction::Cancel,
        ("offboard", []) => ServerAction::Offboard { confirm_off: false },
        ("offboard", ["--confirm-off"]) => ServerAction::Offboard { confirm_off: true },
        _ => return None,
    })
}
