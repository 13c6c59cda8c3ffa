//! Powering a server off: the end of every release. Done means that the BMC said "off" and the ports are detached.

use super::{Job, boot};
use crate::{
    bmc::PowerState,
    host::{failure::Failure, state::Produced},
    network::{Network, Port},
};
use billet_proto::{
    link::{PowerOff, Step},
    planted::{self, Bug},
};

const STEP: Step = Step::PowerOff;

/// Does the work; may be done again.
pub(super) async fn run(job: &Job, order: &PowerOff) -> Result<Produced, Failure> {
    job.within(STEP, work(job, order)).await?;
    Ok(Produced::after(STEP))
}

async fn work(job: &Job, order: &PowerOff) -> Result<(), Failure> {
    let tools = &job.tools;
    let id = job.server_id();
    // Nothing of an older order may go on: no boot, no ramdisk.
    tools.boots.close(id);
    tools.ramdisks.close(id);
    job.reporter.started(STEP, "the BMC to say which machine it is in");
    job.identify(STEP).await?;
    // A little less than the step has, so that the BMC's own reason is the one that is told.
    job.bring(STEP, PowerState::Off, job.deadlines.of(STEP).mul_f32(0.9)).await?;
    let waiting_for = "the network to detach its ports";
    job.reporter.started(STEP, waiting_for);
    // An order that was cut off may have left the server where it boots: nobody else would take it off there.
    if let Some((mac, _)) = tools.server.boot_nic() {
        job.detach(job.tries(STEP, waiting_for), Port { server_id: id, mac }, Network::Provisioning).await?;
    }
    if planted::is(Bug::PortsNotDetached) {
        return Ok(());
    }
    for (port, vpc_id) in boot::ports(job, STEP, &order.nics)? {
        job.detach(job.tries(STEP, waiting_for), port, Network::Vpc { vpc_id }).await?;
    }
    Ok(())
}
