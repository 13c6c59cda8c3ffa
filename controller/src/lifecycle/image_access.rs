//! Which image an agent may read for a server: the one of the order in progress, and no other.

use super::table::Phase;
use crate::store::{Result, Transaction};
use billet_proto::{AgentId, ImageId, ServerId};

/// The image of the installation in progress; none when there is none of that generation for this agent.
pub(super) fn readable(
    tx: &mut dyn Transaction,
    agent: AgentId,
    server: &str,
    generation: u64,
) -> Result<Option<ImageId>> {
    let Ok(server_id) = server.parse::<ServerId>() else { return Ok(None) };
    if tx.server(server_id)?.is_none_or(|server| server.owner != Some(agent)) {
        return Ok(None);
    }
    let instance = tx.instance_on(server_id)?;
    let instance = instance.filter(|instance| {
        let is_installed = instance.operation.installs() && instance.phase != Phase::Cancelling;
        instance.generation == generation && instance.phase.has_order() && is_installed
    });
    Ok(instance.map(|instance| instance.image_id))
}
