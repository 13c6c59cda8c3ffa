//! A ramdisk's visit: it boots, does something that leaves no system to hand over to, and the server is off again.

use super::{
    Job,
    boot::{self, Serves, Session},
};
use crate::{
    bmc::ensure_off,
    host::{failure::Failure, ramdisks::Call},
};
use billet_proto::{
    link::Step,
    ramdisk::{enlist_reply::Task, ramdisk_report::What},
};
use std::time::Duration;

/// What a visit ends with: the ramdisk's last word.
pub(super) type Ends<T> = fn(Step, What) -> Option<T>;

/// Boots the ramdisk to do `task`, until `ends` finds its last word; then powers off, reads that back, and takes the port
/// off the provisioning network. Nothing of it needs to be kept over a restart of the agent: a visit begins again.
pub(super) async fn run<T: Send>(job: &Job, task: Task, last: Step, ends: Ends<T>) -> Result<T, Failure> {
    let plan = boot::Plan::new(job, Vec::new())?;
    let visited = async {
        let mut calls = boot::on(job, &plan, task).await?;
        let token = boot::enlist(job, &mut calls).await?;
        let mut visit = Visit { session: Session::new(job, Some(token)), ends };
        let end = boot::serve(job, calls, &mut visit).await?;
        // What the ramdisk did is done: powering off has its own time, which the controller waits beyond the last step's.
        let time = job.deadlines.of(Step::PowerOff);
        let late = |_| Failure::deadline(last, time.as_secs(), &job.reporter.waiting_for());
        tokio::time::timeout(time, leave(job, &plan, (last, time))).await.map_err(late)??;
        Ok(end)
    };
    match visited.await {
        Ok(end) => Ok(end),
        Err(mut failure) => {
            boot::abandon::run(job, &plan, &mut failure).await;
            Err(failure)
        }
    }
}

async fn leave(job: &Job, plan: &boot::Plan, (step, time): (Step, Duration)) -> Result<(), Failure> {
    job.tools.boots.close(job.server_id());
    job.tools.ramdisks.close(job.server_id());
    job.reporter.started(step, "the BMC to say that the server is off");
    job.identify(step).await?;
    // A little less, so that the BMC's own reason is the one that is told.
    ensure_off(&job.bmc(), time.mul_f32(0.9)).await.map_err(|error| Failure::bmc(step, &error))?;
    job.reporter.started(step, "the network to detach the port that it booted from");
    plan.off_provisioning(job, step).await
}

struct Visit<'a, T> {
    session: Session<'a>,
    ends: Ends<T>,
}

impl<T: Send> Serves for Visit<'_, T> {
    type End = T;

    async fn take(&mut self, call: Call) -> Result<Option<T>, Failure> {
        match call {
            Call::Enlist { inventory, token, session, answer, .. } => {
                let answered = self.session.enlist_again(&inventory, token, session);
                let _ = answer.send(answered);
            }
            Call::Report { report, answer } => {
                let told = self.session.report(report, None);
                let _ = answer.send(Ok(()));
                return Ok(told?.and_then(|(step, what)| (self.ends)(step, what)));
            }
            call @ (Call::HandOver { .. } | Call::Leave { .. }) => call.refuse("there is nothing to hand over to"),
        }
        Ok(None)
    }
}
