//! One server's worker: takes its orders, keeps the newest, and answers those that come again.

use super::{
    orders::{self, Deadlines, Job, Tools},
    reporter::Reporter,
    state::{Outcome, Record, Stage},
};
use billet_proto::link::{Order, order::Work};
use tokio::{sync::mpsc, task::JoinHandle};

/// An order in progress.
struct Running {
    generation: u64,
    reporter: Reporter,
    task: JoinHandle<()>,
}

/// Takes orders until the daemon drops the sender. The newest wins; what an older one does is dropped where it stands.
pub(super) async fn run(tools: Tools, mut orders: mpsc::Receiver<Order>) {
    let mut running: Option<Running> = None;
    while let Some(order) = orders.recv().await {
        take(&tools, order, &mut running).await;
    }
    if let Some(running) = running {
        running.task.abort();
    }
}

async fn take(tools: &Tools, order: Order, running: &mut Option<Running>) {
    let server = tools.server.id;
    let generation = order.generation;
    let known = match tools.records.load(server) {
        Ok(known) => known,
        Err(error) => {
            // Acting without knowing what was done before could do it twice.
            tracing::error!(%server, %error, "an order is not taken");
            let reporter = Reporter::new(tools.link.clone(), server, generation);
            let message = crate::causes::chain(&error);
            let step = billet_proto::link::Step::Power.into();
            reporter.ended(&Outcome::Failed { step, cause: "agent_state".into(), message });
            return;
        }
    };
    if let Some(newest) = known.as_ref().map(|record| record.generation).filter(|newest| *newest > generation) {
        tracing::warn!(%server, generation, newest, "an older order is refused");
        return;
    }
    if let Some(current) = running.as_ref().filter(|r| r.generation == generation && !r.task.is_finished()) {
        current.reporter.tell_again();
        return;
    }
    let reporter = Reporter::new(tools.link.clone(), server, generation);
    let stage = match known {
        Some(Record { generation: same, stage }) if same == generation => stage,
        _ => {
            stop(tools, running).await;
            if let Err(error) = tools.records.save(server, &Record { generation, stage: Stage::Begun }) {
                let source = crate::causes::chain(&error);
                tracing::error!(%server, source, "an order is not taken; the controller sends it again");
                tools.link.begin_anew();
                return;
            }
            Stage::Begun
        }
    };
    if let Stage::Ended(outcome) = &stage {
        reporter.ended(outcome);
        return;
    }
    tracing::info!(%server, generation, "an order begins");
    let deadlines = Deadlines::of_order(&order);
    let job = Job { tools: tools.clone(), generation, deadlines, reporter: reporter.clone() };
    let task = tokio::spawn(work(job, wired(tools, order.work), stage));
    *running = Some(Running { generation, reporter, task });
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

/// Ends an older order where it stands; whatever it had open is closed.
async fn stop(tools: &Tools, running: &mut Option<Running>) {
    if let Some(old) = running.take() {
        old.task.abort();
        // It is dropped at its next wait; nothing of it runs after this.
        let _ = old.task.await;
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
            let super::failure::Failure { step, cause, message } = &failure;
            tracing::error!(%server, generation = job.generation, ?step, cause, message, "an order failed");
            Outcome::from(&failure)
        }
    };
    let record = Record { generation: job.generation, stage: Stage::Ended(outcome.clone()) };
    if let Err(error) = job.tools.records.save(server, &record) {
        // Told all the same: after a restart the order would be found where it stood, and end the same way.
        tracing::error!(%server, %error, "how an order ended is not on disk");
    }
    job.reporter.ended(&outcome);
}
