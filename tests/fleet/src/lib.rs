//! A simulated fleet: servers without hardware behind agents that speak the real gRPC.
//!
//! One process holds all agents. Each joins by a token, shows its certificate, says hello and takes orders as a real one
//! does; behind it a server is a few fields in memory, whose orders take as long, and fail as, [`rules`] say. What a
//! server reports, and in which order, is a real agent's (`agent/src/host/orders`); what the controller makes of it
//! is the controller's own.
//!
//! Non-goals: bytes on a disk, a machine that answers at its address, an agent's own memory over a restart: a fleet that is
//! started again knows of no order, and takes each anew.

mod agent;
pub mod http;
pub mod identity;
mod inventory;
pub mod load;
mod machine;
pub mod plan;
mod reporter;
pub mod rules;
pub mod site;
mod works;

use anyhow::{Context, Result};
use plan::Plan;
use rules::Rules;
use std::{
    path::Path,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

/// Runs every agent of a plan until the process is ended.
///
/// # Errors
/// When the plan, the rules or an identity cannot be read.
pub fn run(plan: &Path) -> Result<()> {
    let plan = Plan::load(plan)?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .max_blocking_threads(4)
        .enable_all()
        .build()
        .context("start the runtime")?;
    runtime.block_on(async {
        let rules = Arc::new(Rules::watch(&plan.rules_file)?);
        // Grows with every start, as an agent's epoch must.
        let epoch = SystemTime::now().duration_since(UNIX_EPOCH).context("read the clock")?.as_millis();
        let epoch = u64::try_from(epoch).context("milliseconds since 1970 fit in 64 bits")?;
        let mut agents = tokio::task::JoinSet::new();
        for agent in &plan.agents {
            let identity = identity::Identity::load(&plan.identities_dir, &agent.name)?;
            let agent = agent::Agent::new(&plan.link, agent, &identity, rules.clone())
                .with_context(|| format!("make agent {}", agent.name))?;
            agents.spawn(agent.run(epoch));
        }
        while agents.join_next().await.is_some() {}
        Ok(())
    })
}
