//! One server's worker: takes its orders, keeps the newest, and answers those that come again. A server that was lost to another
//! agent is let be.

use super::{
    link::Told,
    orders::{self, Deadlines, Job, Tools},
    reporter::Reporter,
    state::{Outcome, Record, Stage, StateError},
};
use billet_proto::{
    link::{Order, Step, order::Work},
    planted::{self, Bug},
};
use std::sync::{Arc, atomic::AtomicU32};
use tokio::{sync::mpsc, task::JoinHandle};

/// An order in progress.
struct Running {
    generation: u64,
    reporter: Reporter,
    task: JoinHandle<()>,
}

/// Takes orders until the daemon drops the sender. The newest wins; what an older one does is dropped where it stands.
pub(super) async fn run(tools: Tools, mut told: mpsc::Receiver<Told>) {
    let mut running: Option<Running> = None;
    while let Some(told) = told.recv().await {
        match told {
            Told::Order(order) => take(&tools, *order, &mut running).await,
            Told::Lost(why) => lose(&tools, &why, &mut running).await,
        }
    }
}

/// With its worker, an order stops.
impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn take(tools: &Tools, order: Order, running: &mut Option<Running>) {
    let server = tools.server.id;
    let generation = order.generation;
    // How an order ended is known here also where it could not be put on disk.
    let is_known = |r: &&Running| r.generation == generation && (!r.task.is_finished() || r.reporter.has_ended());
    if let Some(current) = running.as_ref().filter(is_known) {
        current.reporter.tell_again();
        return;
    }
    let (known, is_broken) = match tools.records.load(server) {
        Ok(known) => (known, false),
        // What does not read back is of an older order: nothing was done for this one.
        Err(StateError::Broken { fence: Some(fence), .. }) if fence < generation => (None, true),
        Err(error) => return unreadable(tools, generation, &error, running).await,
    };
    let newest = known.as_ref().map(|record| record.generation);
    if let Some(newest) = newest.filter(|newest| *newest > generation && !planted::is(Bug::OlderOrdersTaken)) {
        tracing::warn!(%server, generation, newest, "an older order is refused");
        return;
    }
    let reporter = Reporter::new(tools.link.clone(), server, generation);
    let Record { stage, boots_lost, inventory, .. } = match known.filter(|known| known.generation == generation) {
        Some(known) => known,
        None => {
            stop(tools, running).await;
            let begun = Record::new(generation, Stage::Begun);
            let records = &tools.records;
            let kept =
                if is_broken { records.save_in_place_of_broken(server, &begun) } else { records.save(server, &begun) };
            if let Err(error) = kept {
                return not_taken(tools, generation, &error);
            }
            begun
        }
    };
    let stage = if planted::is(Bug::StartedOver) { Stage::Begun } else { stage };
    if let Stage::Ended(outcome) = &stage {
        reporter.ended(outcome);
        return;
    }
    tracing::info!(%server, generation, "an order begins");
    if planted::is(Bug::SecretTold) {
        tracing::debug!(%server, ?order, "it is");
    }
    let deadlines = Deadlines::of_order(&order);
    reporter.remember(inventory.map(|seen| seen.0));
    let boots_lost = Arc::new(AtomicU32::new(boots_lost));
    let job = Job { tools: tools.clone(), generation, deadlines, reporter: reporter.clone(), boots_lost };
    let task = tokio::spawn(work(job, wired(tools, order.work), stage));
    *running = Some(Running { generation, reporter, task });
}

/// Nothing is done for an order of which it is not known what was done before: it could be done twice. It has failed, and that takes
/// the place of what does not read back, so that the next order is taken, and an older one is not.
async fn unreadable(tools: &Tools, generation: u64, error: &StateError, running: &mut Option<Running>) {
    let server = tools.server.id;
    let fence = match error {
        StateError::Broken { fence, .. } => *fence,
        StateError::Io { .. } => None,
    };
    let newest = fence.max(running.as_ref().map(|running| running.generation));
    if let Some(newest) = newest.filter(|newest| *newest > generation) {
        tracing::warn!(%server, generation, newest, "an older order is refused");
        return;
    }
    stop(tools, running).await;
    let outcome = not_kept(error);
    if let StateError::Broken { .. } = error {
        let record = Record::new(generation, Stage::Ended(outcome.clone()));
        if let Err(error) = tools.records.save_in_place_of_broken(server, &record) {
            tracing::error!(%server, error = crate::causes::chain(&error), "what does not read back stays");
        }
    }
    tracing::error!(%server, generation, %error, "an order is not taken");
    Reporter::new(tools.link.clone(), server, generation).ended(&outcome);
}

/// Nothing is done for an order that cannot be kept: what happened to the server would be unknown after a restart.
fn not_taken(tools: &Tools, generation: u64, error: &StateError) {
    let server = tools.server.id;
    tracing::error!(%server, generation, %error, "an order is not taken");
    Reporter::new(tools.link.clone(), server, generation).ended(&not_kept(error));
}

/// Nobody read back whether the server is off: to fail in any other step would say so.
fn not_kept(error: &StateError) -> Outcome {
    let message = crate::causes::chain(error);
    Outcome::Failed { step: Step::PowerOff.into(), cause: "agent_state".into(), message }
}

/// The order with what the agent alone knows of the ports.
fn wired(tools: &Tools, mut work: Option<Work>) -> Option<Work> {
    match &mut work {
        Some(Work::Install(order)) => tools.server.wire(&mut order.nics),
        Some(Work::Reconfigure(order)) => tools.server.wire(&mut order.nics),
        Some(Work::PowerOff(_) | Work::Power(_) | Work::Inspect(_) | Work::Wipe(_)) | None => {}
    }
    work
}

/// Whoever owns the server now, or will, does what is to be done with it: another hand at its BMC would undo that. How far the
/// order came stays on disk: it goes on where the server comes back with it, and older ones are refused as ever.
async fn lose(tools: &Tools, why: &str, running: &mut Option<Running>) {
    if let Some(Running { generation, .. }) = running.as_ref().filter(|running| !running.task.is_finished()) {
        tracing::warn!(server = %tools.server.id, generation, why, "an order is dropped: the server is not this agent's");
    }
    stop(tools, running).await;
}

/// Ends an older order where it stands; whatever it had open is closed.
async fn stop(tools: &Tools, running: &mut Option<Running>) {
    if let Some(mut old) = running.take() {
        old.task.abort();
        // It is dropped at its next wait; nothing of it runs after this.
        let _ = (&mut old.task).await;
        // BMCs have few sessions, and one of an older order's may be older than the account is.
        tools.bmc.close().await;
    }
    tools.boots.close(tools.server.id);
    tools.ramdisks.close(tools.server.id);
}

async fn work(job: Job, work: Option<Work>, stage: Stage) {
    let server = job.server_id();
    let Some(done) = orders::run(&job, work, stage).await else {
        tracing::error!(%server, "an order of a kind that this version does not know");
        return;
    };
    job.tools.boots.close(server);
    job.tools.ramdisks.close(server);
    job.tools.bmc.close().await;
    let outcome = match done {
        Ok(produced) => {
            tracing::info!(%server, generation = job.generation, "an order is done");
            Outcome::Done(produced)
        }
        Err(failure) => {
            let super::failure::Failure { step, cause, message, .. } = &failure;
            tracing::error!(%server, generation = job.generation, ?step, cause, message, "an order failed");
            Outcome::from(&failure)
        }
    };
    if let Err(failure) = job.save(job.reporter.step(), Stage::Ended(outcome.clone())) {
        // Told all the same: after a restart the order would be found where it stood, and go on by asking.
        tracing::error!(%server, error = failure.message, "how an order ended is not on disk");
    }
    job.reporter.ended(&outcome);
}
