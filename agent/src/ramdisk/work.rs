//! The whole of the ramdisk's work: enlisting, and then what the order says; one file for each kind of work.

mod erase;
mod install;
mod put_back;
mod reconfigure;
mod wipe;

use super::{agent::Agent, heartbeat::Heartbeat, identity, inventory, network, steps::StepError};
use crate::{causes::chain, dial};
use anyhow::{Context, bail};
use billet_proto::{
    link::{Disk, Failed, Finished, Inspect, Started, Step},
    ramdisk::{DiskHint, EnlistReply, PutBack, enlist_reply::Task, ramdisk_report::What},
};
use std::path::Path;

/// Enlists and does what the order says. An error was told to the agent, where it could be reached.
pub(super) async fn run() -> anyhow::Result<()> {
    let identity = identity::take()?;
    network::bring_up(&identity.nic).await?;
    let disks = crate::disk::settled_disks(Path::new("/sys")).await?;
    let inventory = inventory::read(disks.clone());
    let (agent, reply) = Agent::enlist(&identity, &dial::over_tcp(), inventory, identity::uptime()).await?;
    drop(identity);
    tracing::info!(
        generation = reply.generation,
        "enlisted {:.1} s after the kernel started",
        identity::uptime().as_secs_f32()
    );
    let EnlistReply { task: Some(task), disk, .. } = reply else {
        bail!("the agent's answer has no order that this version knows");
    };
    let _heartbeat = Heartbeat::spawn(agent.clone());
    let mut work = Work { agent, disks, step: Step::Inspect };
    let hint = disk.unwrap_or_default();
    let done = work.run(&task, &hint).await;
    if let Err(error) = &done {
        let failed = Failed { cause: error.cause().into(), message: chain(error) };
        tracing::error!(step = ?work.step, cause = failed.cause, "{}", failed.message);
        work.agent.report(work.step, What::Failed(failed)).await.context("tell the agent what failed")?;
    }
    Ok(done?)
}

/// An order in progress.
struct Work {
    agent: Agent,
    /// Those that are there.
    disks: Vec<Disk>,
    /// The present step.
    step: Step,
}

impl Work {
    async fn run(&mut self, task: &Task, hint: &DiskHint) -> Result<(), StepError> {
        match task {
            Task::Install(order) => self.install(order, hint).await,
            Task::Reconfigure(order) => self.reconfigure(order, hint).await,
            Task::Inspect(order) => self.inspect(order).await,
            Task::Wipe(order) => self.wipe(order).await,
        }
    }

    /// What is to be seen was told at enlisting; what is put back is told as it is then.
    async fn inspect(&mut self, order: &Inspect) -> Result<(), StepError> {
        self.begin(Step::Inspect, "the ramdisk to look at the machine").await?;
        let detail = format!("{} disks; nothing was written", self.disks.len());
        if order.baseline.is_none() {
            return self.end(&detail).await;
        }
        let boot_variables = self.put_back(order.baseline.as_ref()).await?;
        self.end(&detail).await?;
        Ok(self.agent.report(Step::Inspect, What::PutBack(PutBack { boot_variables })).await?)
    }

    async fn begin(&mut self, next: Step, waiting_for: &str) -> Result<(), StepError> {
        self.step = next;
        let started = Started { waiting_for: waiting_for.into(), ..Started::default() };
        Ok(self.agent.report(next, What::Started(started)).await?)
    }

    async fn end(&self, detail: &str) -> Result<(), StepError> {
        Ok(self.agent.report(self.step, What::Finished(Finished { detail: detail.into() })).await?)
    }
}
