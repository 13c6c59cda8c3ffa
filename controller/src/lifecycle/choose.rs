//! Which server an instance gets, out of many: [`placement`] decides over few candidates, and here is who they are.

use super::refusal::Refusal;
use crate::{
    clock::{Edge, below},
    placement,
    store::{
        Transaction,
        record::{ManageState, Server},
    },
};
use billet_proto::{ProjectId, ServerId};

/// Draws before the whole list of ready servers is read. Where nine of ten are taken, one in a thousand calls reads it, and
/// the list is short; where more are, the list is shorter still.
const DRAWS: usize = 64;

/// The server wanted, or any idle one that the project may use, each equally likely. Changes nothing.
///
/// # Errors
/// As [`placement::place`].
pub(super) fn server(
    tx: &mut dyn Transaction,
    edge: &Edge,
    project: &ProjectId,
    wanted: Option<ServerId>,
    nics_needed: usize,
) -> Result<Server, Refusal> {
    let random = |bound| below(&*edge.entropy, bound);
    if let Some(id) = wanted {
        let known: Vec<Server> = tx.server(id)?.into_iter().collect();
        placement::place(&known, project, wanted, nics_needed, random)?;
        return known.into_iter().next().ok_or_else(|| Refusal::ServersNotFound(vec![id]));
    }
    // Drawing until one fits is as fair as drawing from those that fit, and reads one row for each draw.
    for _ in 0..DRAWS {
        let drawn = tx.server_drawn(random(u64::MAX))?;
        if let Some(server) = drawn.filter(|server| placement::fits(server, project, nics_needed)) {
            return Ok(server);
        }
    }
    let ready = tx.servers_in(ManageState::Ready)?;
    match placement::place(&ready, project, None, nics_needed, random) {
        Ok(chosen) => {
            let server = ready.into_iter().find(|server| server.id == chosen);
            server.ok_or_else(|| Refusal::ServersNotFound(vec![chosen]))
        }
        Err(_) => Err(placement::none_ready(&tx.server_tally(project)?)),
    }
}
