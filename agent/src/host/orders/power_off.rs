//! Powering a server off: the end of every release. Done means that the BMC said "off" and the ports are detached.

use super::Job;
use crate::{
    bmc::{check_identity, ensure_off},
    host::failure::Failure,
    network::{Network, Port},
};
use billet_proto::link::{PowerOff, Step};

const STEP: Step = Step::PowerOff;

/// Does the work; may be done again.
pub(in crate::host) async fn run(job: &Job, order: &PowerOff) -> Result<(), Failure> {
    job.within(STEP, work(job, order)).await
}

async fn work(job: &Job, order: &PowerOff) -> Result<(), Failure> {
    let tools = &job.tools;
    let id = job.server_id();
    // Nothing of an older order may go on: no boot, no ramdisk.
    tools.boots.close(id);
    tools.ramdisks.close(id);
    job.reporter.started(STEP, "the BMC to say that the server is off");
    let bmc_failed = |error| Failure::bmc(STEP, &error);
    let _proof =
        check_identity(&tools.bmc, tools.server.uuid, tools.server.serial.as_deref()).await.map_err(bmc_failed)?;
    // A little less than the step has, so that the BMC's own reason is the one that is told.
    let time = job.deadlines.of(STEP).mul_f32(0.9);
    ensure_off(&tools.bmc, time).await.map_err(bmc_failed)?;
    job.reporter.started(STEP, "the network to detach its ports");
    for nic in &order.nics {
        let mac =
            nic.mac.parse().map_err(|_| Failure::new(STEP, "order_malformed", format!("nics: mac {}", nic.mac)))?;
        let vpc = nic.vpc_id.parse();
        let vpc_id = vpc.map_err(|_| Failure::new(STEP, "order_malformed", format!("nics: vpc_id {}", nic.vpc_id)))?;
        let port = Port { server_id: id, mac };
        let detached = tools.provider.detach(port, Network::Vpc { vpc_id }).await;
        detached.map_err(|error| Failure::network(STEP, &error))?;
    }
    Ok(())
}
