//! The controller's word: whether a generation may still hand its server over. It moves nothing.

use super::table::{Phase, Standing};
use crate::store::{Result, Transaction};
use billet_proto::{AgentId, ServerId, link::WordRequest};

/// Why it is not given.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Withheld {
    /// In words.
    pub(crate) reason: String,
    /// The work of this very generation ended without success, and nothing newer was ordered: nobody has the server.
    pub(crate) over: bool,
}

impl Withheld {
    fn not_over(reason: String) -> Self {
        Self { reason, over: false }
    }
}

/// Granted, or why not.
pub(super) fn speak(
    tx: &mut dyn Transaction,
    agent: AgentId,
    asked: &WordRequest,
) -> Result<std::result::Result<(), Withheld>> {
    let Ok(server_id) = asked.server_id.parse::<ServerId>() else {
        return Ok(Err(Withheld::not_over("the server id is malformed".into())));
    };
    let Some(server) = tx.server(server_id)?.filter(|server| server.owner == Some(agent)) else {
        return Ok(Err(Withheld::not_over("this agent does not own the server".into())));
    };
    if server.generation != asked.generation {
        let (newest, asked) = (server.generation, asked.generation);
        return Ok(Err(Withheld::not_over(format!("generation {asked} is over, the newest is {newest}"))));
    }
    let instance = tx.instance_on(server_id)?.filter(|i| i.generation == asked.generation);
    let has_failed = instance.as_ref().is_some_and(|instance| instance.error.is_some());
    Ok(match instance.map(|instance| instance.standing()) {
        Some(Standing { operation, phase })
            if phase.has_order() && phase != Phase::Cancelling && operation.steps().contains(&Phase::HandOver) =>
        {
            Ok(())
        }
        Some(Standing { operation, phase }) => Err(Withheld {
            reason: format!("the instance is {} ({})", phase.word(), operation.word()),
            // Where it ended well the server is as it should be, whatever its agent thinks.
            over: has_failed && !phase.has_order() && operation.steps().contains(&Phase::HandOver),
        }),
        None => Err(Withheld::not_over(format!("the server is {}", Phase::Terminated.word()))),
    })
}
