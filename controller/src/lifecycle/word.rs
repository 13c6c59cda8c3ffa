//! The controller's word: whether a generation may still hand its server over. It moves nothing.

use super::table::{Phase, Standing};
use crate::store::{Result, Transaction};
use billet_proto::{AgentId, ServerId, link::WordRequest};

/// Granted, or why not.
pub(super) fn speak(
    tx: &mut dyn Transaction,
    agent: AgentId,
    asked: &WordRequest,
) -> Result<std::result::Result<(), String>> {
    let Ok(server_id) = asked.server_id.parse::<ServerId>() else {
        return Ok(Err("the server id is malformed".into()));
    };
    let Some(server) = tx.server(server_id)?.filter(|server| server.owner == Some(agent)) else {
        return Ok(Err("this agent does not own the server".into()));
    };
    if server.generation != asked.generation {
        let (newest, asked) = (server.generation, asked.generation);
        return Ok(Err(format!("generation {asked} is over, the newest is {newest}")));
    }
    let standing = tx.instance_on(server_id)?.filter(|i| i.generation == asked.generation).map(|i| i.standing());
    Ok(match standing {
        Some(Standing { operation, phase })
            if phase.has_order() && phase != Phase::Cancelling && operation.steps().contains(&Phase::HandOver) =>
        {
            Ok(())
        }
        Some(Standing { operation, phase }) => Err(format!("the instance is {} ({})", phase.word(), operation.word())),
        None => Err(format!("the server is {}", Phase::Terminated.word())),
    })
}
