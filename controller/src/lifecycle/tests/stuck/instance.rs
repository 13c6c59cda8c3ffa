//! Instances that are brought to where an operation stands, and end badly there.

use super::super::{
    asked::asked,
    started,
    world::{HASH, World},
};
use crate::{
    api::ports::LifecycleApi,
    lifecycle::{
        rules::phase_of,
        table::{Phase, Standing},
    },
};
use billet_proto::{
    InstanceId,
    link::{Failed, Step, report::What},
};

fn step_of(phase: Phase) -> Option<Step> {
    (0..).map_while(|number| Step::try_from(number).ok()).find(|step| phase_of(*step) == Some(phase))
}

/// A world whose instance stands there.
pub(super) async fn brought_to(standing: Standing) -> (World, InstanceId) {
    let world = World::new().await;
    let Standing { operation, phase } = standing;
    // With a password that waits, a power action has all its steps.
    let id = asked(&world, operation, operation.is_power().then_some(HASH)).await;
    if phase == Phase::Cancelling {
        world.lifecycle.cancel(id).await.unwrap();
    } else if let Some(step) = step_of(phase) {
        world.report(world.instance(id).await.generation, step, started()).await;
    }
    assert_eq!(world.instance(id).await.standing(), standing);
    (world, id)
}

/// Its agent tells that it failed, or nothing until its deadline.
pub(super) async fn fail(world: &World, id: InstanceId, is_told: bool) {
    let instance = world.instance(id).await;
    if is_told {
        let first = instance.operation.steps()[0];
        let step = if instance.phase == Phase::Cancelling { Some(Step::PowerOff) } else { step_of(instance.phase) };
        let step = step.or(step_of(first)).unwrap();
        let failed = Failed { cause: "bmc_unreachable".into(), message: "it does not answer".into() };
        world.report(instance.generation, step, What::Failed(failed)).await;
    } else {
        world.clock.set(instance.deadline.unwrap());
        world.lifecycle.expire().await.unwrap();
    }
    let instance = world.instance(id).await;
    assert!(!instance.phase.has_order() && instance.error.is_some(), "{instance:?}");
}
