//! The ramdisk's calls, from its enlisting to its end.

use super::{
    enlist::voided,
    right_machine,
    watch::{SILENCE, Watch},
};
use crate::{
    boot::{BootEventKind, Events},
    host::{
        failure::Failure,
        orders::Job,
        ramdisks::Call,
        state::{Installed, Stage},
    },
};
use billet_proto::{
    link::{Inventory, Step},
    manifest::Digest,
    ramdisk::{RamdiskReport, ramdisk_report::What},
};
use tokio::{sync::mpsc, time::timeout};
use tonic::Status;

/// What one kind of order makes of its ramdisk's calls.
pub(in crate::host::orders) trait Serves: Send {
    /// What the ramdisk leaves when it is done.
    type End: Send;

    /// Answers one call; with something when the ramdisk is done.
    fn take(&mut self, call: Call) -> impl Future<Output = Result<Option<Self::End>, Failure>> + Send;
}

/// Serves the ramdisk until it is done, each step within its deadline, or until it is lost.
pub(super) async fn serve<S: Serves>(
    job: &Job,
    mut calls: mpsc::Receiver<Call>,
    work: &mut S,
) -> Result<S::End, Failure> {
    if job.reporter.step() == Step::Boot {
        job.reporter.started(Step::Inspect, "the ramdisk to look at the machine");
    }
    let mut events = job.tools.boots.watch(job.server_id());
    let mut watch = Watch::new();
    loop {
        let step = job.reporter.step();
        let deadline = job.deadlines.of(step);
        let late = |_| Failure::deadline(step, deadline.as_secs(), &job.reporter.waiting_for());
        let left = || deadline.saturating_sub(job.reporter.spent(step));
        let call = tokio::select! {
            biased;
            () = asked_again(&mut events) => return Err(voided(job)),
            call = timeout(left(), calls.recv()) => call,
            lost = watch.lost(job, Some(SILENCE)) => return Err(lost),
        };
        let call = call.map_err(late)?;
        let call = call.ok_or_else(|| Failure::new(step, "superseded", "a newer order took the server's place"))?;
        // The call that begins the last step has that step's time.
        let begins = matches!(call, Call::HandOver { .. }) && step != Step::HandOver;
        let time = if begins { job.deadlines.of(Step::HandOver) } else { left() };
        if let Some(end) = timeout(time, work.take(call)).await.map_err(late)?? {
            return Ok(end);
        }
        // What it said is heard when it was worked on: meanwhile the others waited for us.
        watch.heard();
    }
}

/// Ends when the identity of this boot, which stays open meanwhile, is asked for again.
async fn asked_again(events: &mut Events) {
    while events.next().await != BootEventKind::IdentityAskedAgain {}
}

/// A ramdisk's session, whatever its order is.
pub(in crate::host::orders) struct Session<'a> {
    job: &'a Job,
    /// Digest of the boot token, until its session was used: an answer that was lost may be asked for again.
    token: Option<Digest>,
}

impl<'a> Session<'a> {
    pub(in crate::host::orders) fn new(job: &'a Job, token: Option<Digest>) -> Self {
        Self { job, token }
    }

    /// The answer to the first call was lost: whoever has the token gets another session, while none was used.
    pub(in crate::host::orders) fn enlist_again(
        &self,
        inventory: Inventory,
        token: Digest,
        session: Digest,
    ) -> Result<(), Status> {
        if self.token != Some(token) {
            return Err(Status::permission_denied("the boot token is spent"));
        }
        right_machine(self.job, &inventory).map_err(Status::permission_denied)?;
        self.job.reporter.inspected(inventory);
        let kept = self.job.save(Step::Boot, Stage::Ramdisk { session, token: Some(token), installed: None });
        kept.map_err(|failure| Status::unavailable(failure.message))
    }

    /// Passes a report on; answers what is for its order alone, and that a step is finished. `installed` is what is known
    /// of the system on the disk, and kept with the stage.
    pub(in crate::host::orders) fn report(
        &mut self,
        report: RamdiskReport,
        installed: Option<&Installed>,
    ) -> Result<Option<(Step, What)>, Failure> {
        let reporter = &self.job.reporter;
        let step = report.step();
        if self.token.is_some() {
            // The session is in use, if only for a sign of life: the token that became it is spent for good, also
            // after a restart.
            let session = Digest::of(report.session.as_bytes());
            self.job.save(reporter.step(), Stage::Ramdisk { session, token: None, installed: installed.cloned() })?;
            self.token = None;
        }
        if !matches!(step, Step::Inspect | Step::Write | Step::Configure | Step::HandOver | Step::Wipe) {
            return Ok(None);
        }
        match report.what {
            Some(What::Started(started)) => reporter.started(step, &started.waiting_for),
            Some(What::Progress(progress)) => {
                // After a restart of the agent the first word may be progress.
                if reporter.step() != step {
                    reporter.started(step, &progress.waiting_for);
                }
                reporter.progress(step, progress);
            }
            Some(What::Note(note)) => reporter.note(&note.kind, &note.message),
            Some(What::Failed(failed)) => return Err(Failure::new(step, failed.cause, failed.message)),
            Some(What::Finished(finished)) => {
                reporter.finished(step, &finished.detail);
                return Ok(Some((step, What::Finished(finished))));
            }
            Some(what @ (What::Configured(_) | What::Wiped(_) | What::PutBack(_))) => return Ok(Some((step, what))),
            // A sign of life.
            None => {}
        }
        Ok(None)
    }
}
