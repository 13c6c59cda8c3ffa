//! After a failure: the server is powered off and taken off the provisioning network, so that nothing runs there that no
//! order stands for, neither half of a new system nor what was on the disk before.

use super::Plan;
use crate::{
    bmc::PowerState,
    host::{failure::Failure, orders::Job},
};
use billet_proto::link::Step;
use std::time::Duration;

/// Less than the controller waits beyond the agent's own deadlines: it hears the cause in time.
const DEADLINE: Duration = Duration::from_secs(15);

/// Does what can be done within 15 s, and says in the failure how it went. From `verify` on the disk's system is the
/// tenant's, on the tenant's network: it stays as it is. Where the BMC did not let us in, or is another machine's, it
/// is not asked again: a second wrong password may lock the account; then the failure says that the server may be on,
/// unless this order did nothing to it. Whatever else it said, the server may have taken the order to power on, and
/// would run what is on its disk. Where the controller refused its word because a newer order, or another agent, has the server,
/// nothing of it is touched.
pub(in crate::host::orders) async fn run(job: &Job, plan: &Plan, failure: &mut Failure) {
    if failure.step == Step::Verify || failure.stands_back {
        return;
    }
    // It is open before the server is told to power on.
    let had_boot = job.tools.boots.close(job.server_id()) || job.boots_lost() > 0;
    job.tools.ramdisks.close(job.server_id());
    if matches!(failure.cause.as_str(), "bmc_auth_failed" | "bmc_wrong_machine") {
        if failure.step != Step::Power || had_boot {
            failure.message = format!("{}; the server may be on still: its BMC is not asked again", failure.message);
        }
        return;
    }
    let outcome = match tokio::time::timeout(DEADLINE, off(job, plan, failure.step)).await {
        Ok(Ok(())) => "the server was powered off".to_owned(),
        Ok(Err(why)) => format!("the server may be on still: {}", why.message),
        Err(_) => format!("the server may be on still: it was not off within {} s", DEADLINE.as_secs()),
    };
    failure.message = format!("{}; {outcome}", failure.message);
}

async fn off(job: &Job, plan: &Plan, step: Step) -> Result<(), Failure> {
    // The step's own time may be over.
    let tries = |waiting_for| job.tries_within(step, waiting_for, DEADLINE);
    job.identify_in(tries("the BMC to say which machine it is in")).await?;
    job.bring(step, PowerState::Off, DEADLINE).await?;
    plan.off_provisioning(job, tries("the network to detach the port that it booted from")).await
}
