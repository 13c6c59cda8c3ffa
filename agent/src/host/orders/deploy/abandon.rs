//! After a failure: the server is powered off and taken off the provisioning network, so that nothing runs there that no
//! order stands for, neither half of a new system nor what was on the disk before.

use super::{plan::Plan, word};
use crate::{
    bmc::{check_identity, ensure_off},
    host::{
        failure::{Failure, chain},
        orders::Job,
    },
    network::Network,
};
use billet_proto::link::{Install, Step};
use std::time::Duration;

/// Less than the controller waits beyond the agent's own deadlines: it hears the cause in time.
const DEADLINE: Duration = Duration::from_secs(15);

/// Does what can be done within 15 s, and says in the failure how it went. From `verify` on the disk's system is the
/// tenant's, on the tenant's network: it stays as it is. Where the BMC itself refused, it is not asked again: a second
/// wrong password may lock the account. Where the controller refused its word, a newer order has the server.
pub(in crate::host) async fn run(job: &Job, order: &Install, failure: &mut Failure) {
    let asked_in_vain = failure.step == Step::Power && failure.cause.starts_with("bmc_");
    if failure.step == Step::Verify || failure.cause == word::REFUSED || asked_in_vain {
        return;
    }
    let Ok(plan) = Plan::new(job, order) else { return };
    job.tools.boots.close(job.server_id());
    job.tools.ramdisks.close(job.server_id());
    let outcome = match tokio::time::timeout(DEADLINE, off(job, &plan)).await {
        Ok(Ok(())) => "the server was powered off".to_owned(),
        Ok(Err(why)) => format!("the server may be on still: {why}"),
        Err(_) => format!("the server may be on still: it was not off within {} s", DEADLINE.as_secs()),
    };
    failure.message = format!("{}; {outcome}", failure.message);
}

async fn off(job: &Job, plan: &Plan) -> Result<(), String> {
    let (bmc, server) = (&job.tools.bmc, &job.tools.server);
    let proof = check_identity(bmc, server.uuid, server.serial.as_deref()).await;
    let _proof = proof.map_err(|error| chain(&error))?;
    ensure_off(bmc, DEADLINE).await.map_err(|error| chain(&error))?;
    job.tools.provider.detach(plan.boot.0, Network::Provisioning).await.map_err(|error| chain(&error))
}
