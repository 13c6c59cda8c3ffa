//! The whole of the ramdisk's work, in its order.

use super::{
    agent::Agent,
    identity, inventory, network,
    steps::{StepError, configure, hand_over, inspect, write},
};
use anyhow::{Context, bail};
use billet_proto::{
    link::{Failed, Finished, Install, Started, Step},
    ramdisk::{Configured, DiskHint, EnlistReply, enlist_reply::Task, ramdisk_report::What},
};
use std::path::Path;

/// Enlists and does what the order says. An error was told to the agent, where it could be reached.
pub(super) async fn run() -> anyhow::Result<()> {
    let identity = identity::take()?;
    network::bring_up(&identity.nic).await?;
    let disks = crate::disk::settled_disks(Path::new("/sys")).await?;
    let inventory = inventory::read(disks.clone());
    let (agent, reply) = Agent::enlist(&identity, inventory, identity::uptime()).await?;
    drop(identity);
    tracing::info!(
        generation = reply.generation,
        "enlisted {:.1} s after the kernel started",
        identity::uptime().as_secs_f32()
    );
    let EnlistReply { task: Some(Task::Install(order)), disk: Some(hint), .. } = reply else {
        bail!("the agent's answer has no order that this version knows");
    };
    let mut step = Step::Inspect;
    let done = install(&agent, &order, &disks, &hint, &mut step).await;
    if let Err(error) = &done {
        let failed = Failed { cause: error.cause().into(), message: crate::ramdisk::steps::chain(error) };
        tracing::error!(?step, cause = failed.cause, "{}", failed.message);
        agent.report(step, What::Failed(failed)).await.context("tell the agent what failed")?;
    }
    Ok(done?)
}

async fn install(
    agent: &Agent,
    order: &Install,
    disks: &[billet_proto::link::Disk],
    hint: &DiskHint,
    step: &mut Step,
) -> Result<(), StepError> {
    begin(agent, step, Step::Inspect, "the ramdisk to choose the disk").await?;
    let chosen = inspect::run(order, disks, hint)?;
    end(agent, Step::Inspect, &chosen.detail).await?;

    begin(agent, step, Step::Write, "the image to be written").await?;
    // The disk is held exclusively while it is written, and free again afterwards, to be mounted.
    let written = write::run(agent, order, chosen.target).await?;
    end(agent, Step::Write, &written).await?;

    begin(agent, step, Step::Configure, "the system to be configured").await?;
    let configured = configure::run(order, &chosen.path)?;
    end(agent, Step::Configure, &configured.detail).await?;
    let host_key = configured.host_key;
    agent.report(Step::Configure, What::Configured(Configured { host_key, disk_serial: chosen.serial })).await?;

    begin(agent, step, Step::HandOver, "the agent and the controller to agree").await?;
    hand_over::run(agent).await
}

async fn begin(agent: &Agent, step: &mut Step, next: Step, waiting_for: &str) -> Result<(), StepError> {
    *step = next;
    Ok(agent.report(next, What::Started(Started { waiting_for: waiting_for.into() })).await?)
}

async fn end(agent: &Agent, step: Step, detail: &str) -> Result<(), StepError> {
    Ok(agent.report(step, What::Finished(Finished { detail: detail.into() })).await?)
}
