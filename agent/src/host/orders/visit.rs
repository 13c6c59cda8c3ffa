//! A ramdisk's visit: it boots, does something that leaves no system to hand over to, and the server is off again.

use super::{
    Job,
    boot::{self, AtWork, Serves, Session},
};
use crate::{
    bmc::PowerState,
    host::{
        failure::Failure,
        ramdisks::Call,
        state::{Produced, Stage},
    },
};
use billet_proto::{
    link::Step,
    ramdisk::{enlist_reply::Task, ramdisk_report::What},
};
use std::time::Duration;
use tonic::Status;

/// What a visit ends with: the ramdisk's last word.
pub(super) type Ends = fn(&Job, Step, What) -> Option<Produced>;

/// Has the ramdisk do `task` from `stage` on, until `ends` finds its last word; then powers off, reads that back, and takes
/// the port off the provisioning network.
pub(super) async fn run(job: &Job, task: Task, last: Step, ends: Ends, stage: Stage) -> Result<Produced, Failure> {
    let plan = boot::Plan::new(job, Vec::new())?;
    let visited = async {
        let produced = match stage {
            Stage::Visited(produced) => produced,
            stage => {
                let visit = |token, _| Visit { job, session: Session::new(job, token), ends };
                boot::again::run(job, &plan, &task, AtWork::of(stage), visit).await?
            }
        };
        // What the ramdisk did is done: powering off has its own time, which the controller waits beyond the last step's.
        let time = job.deadlines.of(Step::PowerOff);
        let late = |_| Failure::deadline(last, time.as_secs(), &job.reporter.waiting_for());
        tokio::time::timeout(time, leave(job, &plan, (last, time))).await.map_err(late)??;
        Ok(produced)
    };
    match visited.await {
        Ok(produced) => Ok(produced),
        Err(mut failure) => {
            boot::abandon::run(job, &plan, &mut failure).await;
            Err(failure)
        }
    }
}

async fn leave(job: &Job, plan: &boot::Plan, (step, time): (Step, Duration)) -> Result<(), Failure> {
    job.tools.boots.close(job.server_id());
    job.tools.ramdisks.close(job.server_id());
    let tries = |waiting_for| job.tries_within(step, waiting_for, time);
    job.reporter.started(step, "the BMC to say that the server is off");
    job.identify_in(tries("the BMC to say which machine it is in")).await?;
    // A little less, so that the BMC's own reason is the one that is told.
    job.bring(step, PowerState::Off, time.mul_f32(0.9)).await?;
    let waiting_for = "the network to detach the port that it booted from";
    job.reporter.started(step, waiting_for);
    plan.off_provisioning(job, tries(waiting_for)).await
}

struct Visit<'a> {
    job: &'a Job,
    session: Session<'a>,
    ends: Ends,
}

impl Serves for Visit<'_> {
    type End = Produced;

    async fn take(&mut self, call: Call) -> Result<Option<Produced>, Failure> {
        match call {
            Call::Enlist { inventory, token, session, answer, .. } => {
                let answered = self.session.enlist_again(*inventory, token, session);
                let _ = answer.send(answered);
            }
            Call::Report { report, answer } => {
                let told = self.session.report(report, None);
                let end = told.map(|told| told.and_then(|(step, what)| (self.ends)(self.job, step, what)));
                // What it did is on disk before it hears that it may stop.
                let kept = match &end {
                    Ok(Some(produced)) => self.job.save(self.job.reporter.step(), Stage::Visited(produced.clone())),
                    Ok(None) | Err(_) => Ok(()),
                };
                let _ = answer.send(kept.clone().map_err(|failure| Status::unavailable(failure.message)));
                kept?;
                return end;
            }
            call @ (Call::HandOver { .. } | Call::Leave { .. }) => call.refuse("there is nothing to hand over to"),
        }
        Ok(None)
    }
}
