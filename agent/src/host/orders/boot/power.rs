//! Power on, into a network boot of ours.

use super::Plan;
use crate::{
    bmc::{BootOverride, BootTarget, OverrideProof, PowerState, set_and_verify_override},
    boot::Boot,
    host::{
        certificate,
        failure::Failure,
        orders::Job,
        ramdisks::{Call, Offer},
    },
};
use billet_proto::{
    identity::{BootIdentity, ProvisioningNic},
    link::Step,
    ramdisk::enlist_reply::Task,
};
use rand::TryRngCore;
use tokio::sync::mpsc;

const STEP: Step = Step::Power;

/// Brings the server up within the step's time; answers the calls of the ramdisk that will enlist, to do `task`.
pub(super) async fn on(job: &Job, plan: &Plan, task: Task) -> Result<mpsc::Receiver<Call>, Failure> {
    job.within(STEP, work(job, plan, job.offer(task))).await
}

async fn work(job: &Job, plan: &Plan, offer: Offer) -> Result<mpsc::Receiver<Call>, Failure> {
    let server = &job.tools.server;
    let bmc = job.bmc();
    let time = job.deadlines.of(STEP).mul_f32(0.45);
    job.reporter.started(STEP, "the BMC to say which machine it is in");
    job.identify(STEP).await?;
    job.bring(STEP, PowerState::Off, time).await?;
    job.reporter.started(STEP, "the network to attach its ports for booting");
    plan.to_provisioning(job).await?;
    let calls = open(job, plan, offer)?;
    job.reporter.started(STEP, "the BMC to take the order to boot from the network");
    let wanted = BootOverride::once(BootTarget::Pxe, Some(server.firmware.into()));
    let mut tries = job.tries(STEP, "the BMC to take the order to boot from the network");
    let proof = loop {
        match set_and_verify_override(&bmc, &wanted, &server.bmc.quirks).await {
            Ok(proof) => break proof,
            Err(error) => tries.again(&error).await?,
        }
    };
    if proof == OverrideProof::DeviceOnly {
        job.reporter.note("boot-override", "the BMC reads back the boot device and none of its flags");
    }
    job.identify(STEP).await?;
    job.bring(STEP, PowerState::On, time).await?;
    job.reporter.finished(STEP, "the server is on, to boot from the network");
    Ok(calls)
}

/// Opens this boot: from now on its NIC is answered, once with this identity.
fn open(job: &Job, plan: &Plan, offer: Offer) -> Result<mpsc::Receiver<Call>, Failure> {
    let tools = &job.tools;
    let mut secret = [0; 32];
    let random = rand::rngs::OsRng.try_fill_bytes(&mut secret);
    random.map_err(|error| Failure::new(STEP, "agent_randomness", error.to_string()))?;
    let token = hex::encode(secret);
    let calls = tools.ramdisks.expect(job.server_id(), job.generation, &token, offer);
    let (port, address) = plan.boot;
    let identity = BootIdentity {
        server_id: job.server_id(),
        boot_token: token,
        agent: tools.config.provisioning.grpc_address().to_string(),
        agent_name: certificate::NAME.into(),
        ca_pem: tools.boot_ca.to_string(),
        // Set when it is served.
        unix_time_ms: 0,
        nic: ProvisioningNic { mac: port.mac, address, prefix_length: tools.config.provisioning.prefix_length },
    };
    tools.boots.open(Boot::new(job.server_id(), port.mac, address, identity));
    Ok(calls)
}
