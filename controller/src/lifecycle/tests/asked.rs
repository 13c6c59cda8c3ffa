//! Each operation of the table, asked for where it may be.

use super::{
    operations::{project, running},
    world::{HASH, World},
};
use crate::{
    api::ports::LifecycleApi,
    lifecycle::{PowerAction, table::Operation},
    request::ModifyIp,
    store::{StoreError, Transaction, record::Image},
};
use billet_proto::{
    ImageId, InstanceId,
    link::{Done, Step, report::What},
};
use serde_json::json;

/// Where a change of address leads.
pub(super) const NEW_ADDRESS: &str = "10.20.0.77";

/// Asks for it, and answers the instance, which is a new one; `password`: one that waits for a boot by then.
pub(super) async fn asked(world: &World, operation: Operation, password: Option<&str>) -> InstanceId {
    if operation == Operation::Install {
        return world.create().await.unwrap();
    }
    let id = running(world).await;
    if operation == Operation::PowerOn {
        power(world, PowerAction::Off).await;
        let generation = world.server().await.generation;
        world.report(generation, Step::PowerOff, What::Done(Done::default())).await;
    }
    if let Some(hash) = password {
        LifecycleApi::change_password(&world.lifecycle, project(), vec![id], hash.into()).await.unwrap();
    }
    ask(world, id, operation).await;
    id
}

async fn ask(world: &World, id: InstanceId, operation: Operation) {
    match operation {
        Operation::Install => panic!("it is there"),
        Operation::Reinstall => reinstall(world, id, None).await,
        Operation::SwitchInstall => reinstall(world, id, Some(another_image(world).await)).await,
        Operation::ModifyIp => {
            let nics = json!({ "nics": [{ "subnet_id": world.subnet.to_string(), "ip_address": NEW_ADDRESS }] });
            let request = ModifyIp::parse(nics.to_string().as_bytes()).unwrap();
            LifecycleApi::modify_ip(&world.lifecycle, project(), id, request).await.unwrap();
        }
        Operation::PowerOn => power(world, PowerAction::On).await,
        Operation::PowerOff => power(world, PowerAction::Off).await,
        Operation::Reboot => power(world, PowerAction::Reboot).await,
        Operation::Uninstall => world.lifecycle.delete(None, id).await.unwrap(),
    }
}

async fn reinstall(world: &World, id: InstanceId, image: Option<ImageId>) {
    LifecycleApi::reinstall(&world.lifecycle, project(), (vec![id], image), HASH.into()).await.unwrap();
}

async fn another_image(world: &World) -> ImageId {
    let (known, id) = (world.image, ImageId::new(world.edge.id()));
    let import = move |tx: &mut dyn Transaction| {
        let image = tx.image(known)?.ok_or(StoreError::Stale)?;
        tx.insert_image(&Image { id, name: "another".into(), ..image })
    };
    world.store.run(import).await.unwrap();
    id
}

/// Powers the world's server, with what is on it.
pub(super) async fn power(world: &World, action: PowerAction) {
    world.lifecycle.power_servers(None, vec![world.server_id()], action).await.unwrap();
}
