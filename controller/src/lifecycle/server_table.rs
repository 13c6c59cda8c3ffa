//! The legal moves of a server's state: pure, and the only list of them.

use crate::store::record::{ManageState, Server};

/// What happens to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerEvent {
    /// Its registration or its owner changed.
    Settled,
    /// An instance was placed on it.
    Taken,
    /// Its instance is terminated, and what it wrote is still there.
    Freed {
        /// The operator's policy lets it be used as it is.
        reuse: bool,
    },
    /// The operator lets it be used as it is, this once.
    UnwipedAccepted,
}

/// The server's next state; none when the move is not legal.
pub(super) fn next(server: &Server, event: ServerEvent) -> Option<ManageState> {
    use ManageState::{InUse, Maintain, Offboarding, Onboard, Ready};
    let usable = if is_vouched_for(server) { Ready } else { Onboard };
    match (server.manage_state, event) {
        (Onboard, ServerEvent::Settled) if usable == Ready && server.unwiped => Some(Maintain),
        (Onboard | Ready, ServerEvent::Settled) => Some(usable),
        (state @ (InUse | Maintain | Offboarding), ServerEvent::Settled) => Some(state),
        (Ready, ServerEvent::Taken) => Some(InUse),
        (InUse, ServerEvent::Freed { reuse: true }) | (Maintain, ServerEvent::UnwipedAccepted) => Some(usable),
        (InUse, ServerEvent::Freed { reuse: false }) => Some(Maintain),
        (Onboard | InUse | Maintain | Offboarding, ServerEvent::Taken)
        | (Onboard | Ready | Maintain | Offboarding, ServerEvent::Freed { .. })
        | (Onboard | Ready | InUse | Offboarding, ServerEvent::UnwipedAccepted) => None,
    }
}

/// Whether the operator registered the server for the very agent whose claim was accepted.
pub(crate) fn is_vouched_for(server: &Server) -> bool {
    server.registered_agent.is_some() && server.registered_agent == server.owner
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::Timestamp;
    use billet_proto::{AgentId, ServerId};
    use uuid::Uuid;

    #[test]
    fn every_move_is_one_of_these() {
        use ManageState::{InUse, Maintain, Onboard, Ready};
        use ServerEvent::{Freed, Settled, Taken, UnwipedAccepted};
        let moves = |vouched: bool, unwiped: bool| {
            let usable = if vouched { Ready } else { Onboard };
            vec![
                (Onboard, Settled, if vouched && unwiped { Maintain } else { usable }),
                (Ready, Settled, usable),
                (InUse, Settled, InUse),
                (Maintain, Settled, Maintain),
                (Ready, Taken, InUse),
                (InUse, Freed { reuse: true }, usable),
                (InUse, Freed { reuse: false }, Maintain),
                (Maintain, UnwipedAccepted, usable),
            ]
        };
        for (vouched, unwiped) in [(true, true), (true, false), (false, true), (false, false)] {
            let legal = moves(vouched, unwiped);
            for manage_state in [Onboard, Ready, InUse, Maintain] {
                for event in [Settled, Taken, Freed { reuse: true }, Freed { reuse: false }, UnwipedAccepted] {
                    let agent = AgentId::new(Uuid::from_u128(7));
                    let mut server = Server::unheard_of(ServerId::new(Uuid::from_u128(1)), Timestamp(0));
                    (server.manage_state, server.unwiped) = (manage_state, unwiped);
                    (server.registered_agent, server.owner) = (Some(agent), vouched.then_some(agent));
                    let found = legal.iter().find(|(from, what, _)| (*from, *what) == (manage_state, event));
                    let expected = found.map(|(_, _, to)| *to);
                    assert_eq!(next(&server, event), expected, "{manage_state:?} {event:?} {vouched} {unwiped}");
                }
            }
        }
    }
}
