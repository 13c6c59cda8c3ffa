//! A ramdisk's boot from its beginning to its end, and where it is lost on the way, another: a new token, the old one and its
//! session void, the machine powered off by its BMC before the new boot is open. So two ramdisks never write at once.

use super::{
    Plan, Serves, enlist,
    enlist::BOOT_VOIDED,
    on, serve,
    watch::{POWER_LOST, RAMDISK_SILENT},
};
use crate::host::{
    backoff::Backoff,
    failure::Failure,
    orders::{Job, soft_off},
    state::{Installed, Stage},
};
use billet_proto::{link::Step, manifest::Digest, ramdisk::enlist_reply::Task};
use std::time::Duration;
use tokio::time::sleep;

/// Boots of one order, at most. A machine that lost three has something that the next one will not cure.
const MAX_BOOTS: u32 = 3;
/// Before the next boot: the least, what is drawn by lot beside it at first, and at most. A rack whose power came back does not
/// start all at once.
const LEAST_PAUSE: Duration = Duration::from_secs(2);
const FIRST_PAUSE: Duration = Duration::from_secs(4);
const LONGEST_PAUSE: Duration = Duration::from_secs(16);

/// Why a boot may be lost and the next one do. Whatever else a ramdisk told is so, and stays an error.
const PASSING: [&str; 5] = [
    POWER_LOST,
    RAMDISK_SILENT,
    // The machine itself started anew; or somebody asked in its place, and has now nothing that is good.
    BOOT_VOIDED,
    // Told by a ramdisk that could reach its agent again, but not for the ten minutes before.
    "agent_away",
    // The network was so slow that each word was too old.
    "hand_over_late",
];

/// A ramdisk of the time before the agent started.
pub(in crate::host::orders) struct AtWork {
    session: Digest,
    token: Option<Digest>,
    installed: Option<Installed>,
}

impl AtWork {
    /// As it stands on disk; none at any other stage.
    pub(in crate::host::orders) fn of(stage: Stage) -> Option<Self> {
        match stage {
            Stage::Ramdisk { session, token, installed } => Some(Self { session, token, installed }),
            Stage::Begun
            | Stage::Taken
            | Stage::Visited(_)
            | Stage::Leaving(_)
            | Stage::Verifying(_)
            | Stage::Ended(_) => None,
        }
    }
}

/// Has `task` done by the ramdisk that is at work, or by one that is booted for it, or by the next. `serving` makes what serves
/// a ramdisk, from its token, as long as that is not used up, and what it installed.
pub(in crate::host::orders) async fn run<S: Serves>(
    job: &Job,
    plan: &Plan,
    task: &Task,
    at_work: Option<AtWork>,
    serving: impl Fn(Option<Digest>, Option<Installed>) -> S + Send + Sync,
) -> Result<S::End, Failure> {
    let mut ended = match at_work {
        Some(at_work) => resumed(job, task, at_work, &serving).await,
        None => {
            if job.boots_lost() > 0 {
                // The agent was started anew between two boots.
                ask_what_is_on(job, task).await?;
            }
            booted(job, plan, task, &serving).await
        }
    };
    let mut backoff = Backoff::new(FIRST_PAUSE, LONGEST_PAUSE);
    while let Err(mut failure) = ended {
        if !PASSING.contains(&failure.cause.as_str()) {
            return Err(failure);
        }
        let lost = job.boots_lost() + 1;
        if lost >= MAX_BOOTS {
            failure.message = format!("{}; it was boot {lost} of at most {MAX_BOOTS}", failure.message);
            return Err(failure);
        }
        // From here on nobody speaks for it, also after a restart of the agent.
        close(job);
        job.lose_boot(lost)?;
        let next = format!("boot {} of at most {MAX_BOOTS}; the one before: {}", lost + 1, failure.message);
        job.reporter.note("boot-lost", &next);
        let pause = LEAST_PAUSE + backoff.pause();
        job.reporter.tries(Step::Power, &next, lost + 1, pause);
        sleep(pause).await;
        job.reporter.tries(Step::Power, &next, lost + 1, Duration::ZERO);
        ask_what_is_on(job, task).await?;
        ended = booted(job, plan, task, &serving).await;
    }
    job.tools.boots.close(job.server_id());
    ended
}

/// After a boot that was lost, what is on may be the system that was installed, and its disk is kept: it is asked to
/// shut down, as at the beginning.
async fn ask_what_is_on(job: &Job, task: &Task) -> Result<(), Failure> {
    if !matches!(task, Task::Reconfigure(_)) {
        return Ok(());
    }
    let patience = job.deadlines.of(Step::Power) / 4;
    job.within(Step::Power, soft_off::run(job, Step::Power, patience)).await
}

async fn booted<S: Serves>(
    job: &Job,
    plan: &Plan,
    task: &Task,
    serving: &(impl Fn(Option<Digest>, Option<Installed>) -> S + Send + Sync),
) -> Result<S::End, Failure> {
    let mut calls = on(job, plan, task.clone()).await?;
    let token = enlist(job, &mut calls).await?;
    serve(job, calls, &mut serving(Some(token), None)).await
}

async fn resumed<S: Serves>(
    job: &Job,
    task: &Task,
    AtWork { session, token, installed }: AtWork,
    serving: &(impl Fn(Option<Digest>, Option<Installed>) -> S + Send + Sync),
) -> Result<S::End, Failure> {
    job.reporter.started(Step::Inspect, "the ramdisk, which was at work before the agent started again");
    let offer = job.offer(task.clone());
    let calls = job.tools.ramdisks.resume(job.server_id(), job.generation, (token, session), offer);
    serve(job, calls, &mut serving(token, installed)).await
}

fn close(job: &Job) {
    job.tools.boots.close(job.server_id());
    job.tools.ramdisks.close(job.server_id());
}
