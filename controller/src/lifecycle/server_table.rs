//! The legal moves of a server's state: pure, and the only list of them.
//!
//! ```text
//! onboard ─► ready ─► in-use ─► ready        vouched for and inspected · taken · released and wiped
//! onboard, ready ─► maintain ─► ready        by the operator; also what is unwiped, or could not be wiped
//! maintain ─► onboard ─► ready               accepted unwiped, where nobody looked since its last tenant left · inspected
//! in-use ─► onboard ─► ready                 released, where the policy lets it be used unwiped · inspected
//! in-use ─► in-use ─► maintain               set aside by the operator: its instance may be deleted, and the server stays out
//! onboard, ready, maintain ─► offboarding    and, when nothing refers to it any more, gone
//! in-use ─► offboarding                      only by the operator's word that it is off and unplugged
//! ```

use super::maintain;
use crate::store::record::{ManageState, Server};

/// What happens to a server.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ServerEvent {
    /// Its registration, its owner or what is known of it changed.
    Settled,
    /// An instance was placed on it.
    Taken,
    /// Its instance is terminated, and the operator's policy lets it be used with what was written still there.
    Released,
    /// What was written on it is erased.
    Wiped,
    /// It could not be erased.
    WipeFailed,
    /// The operator lets it be used as it is, this once.
    UnwipedAccepted,
    /// It may be used as it is, and was inspected since its last tenant left.
    Accepted,
    /// The operator takes it out.
    TakenOut,
    /// The operator puts it back.
    PutBack,
    /// The operator retires it.
    Retired,
    /// The operator's word: it is off and unplugged for good.
    Removed,
}

/// The server's next state; none when the move is not legal.
pub(super) fn next(server: &Server, event: ServerEvent) -> Option<ManageState> {
    use ManageState::{InUse, Maintain, Offboarding, Onboard, Ready};
    use ServerEvent as E;
    let usable = if is_vouched_for(server) && server.inspected_at.is_some() { Ready } else { Onboard };
    match (server.manage_state, event) {
        // What its inspection saw counts when that has ended.
        (Onboard, E::Settled) if server.task.is_some() => Some(Onboard),
        (Onboard, E::Settled) if usable == Ready && server.unwiped => Some(Maintain),
        (Onboard | Ready, E::Settled) => Some(usable),
        (state @ (InUse | Maintain | Offboarding), E::Settled) => Some(state),
        // Work on the server itself keeps instances away.
        (Ready, E::Taken) if server.task.is_none() => Some(InUse),
        // What the operator set aside while it was in use goes to nobody.
        (InUse, E::Wiped) => Some(if maintain::is_set_aside(server) { Maintain } else { usable }),
        (InUse, E::Released) => Some(if maintain::is_set_aside(server) { Maintain } else { Onboard }),
        (Maintain, E::UnwipedAccepted) if server.task.is_none() => Some(usable),
        (Onboard, E::Accepted) => Some(usable),
        // What the operator took out he puts back himself.
        (state @ (Maintain | Offboarding), E::Wiped) => Some(state),
        (InUse | Maintain, E::WipeFailed) => Some(Maintain),
        (Offboarding, E::WipeFailed) => Some(Offboarding),
        (Onboard | Ready | Maintain | Offboarding, E::TakenOut) => Some(Maintain),
        // Its instance stays on it.
        (InUse, E::TakenOut) => Some(InUse),
        (InUse, E::PutBack) if maintain::is_set_aside(server) => Some(InUse),
        (Maintain, E::PutBack) if !server.unwiped && server.task.is_none() => Some(usable),
        (Onboard | Ready | Maintain | Offboarding, E::Retired) => Some(Offboarding),
        (Onboard | Ready | InUse | Maintain | Offboarding, E::Removed) => Some(Offboarding),
        (Onboard | Ready, E::Wiped | E::WipeFailed)
        | (Onboard | Ready | InUse | Maintain | Offboarding, E::Taken | E::UnwipedAccepted)
        | (Onboard | Ready | Maintain | Offboarding, E::Released)
        | (Ready | InUse | Maintain | Offboarding, E::Accepted)
        | (InUse, E::Retired)
        | (Onboard | Ready | InUse | Maintain | Offboarding, E::PutBack) => None,
    }
}

/// What becomes of a server that is found not to be fit: one that is about to be ready is not; whatever else it was, it stays.
pub(super) fn kept_out(server: &Server) -> ServerEvent {
    match server.manage_state {
        ManageState::Onboard | ManageState::Ready => ServerEvent::TakenOut,
        ManageState::InUse | ManageState::Maintain | ManageState::Offboarding => ServerEvent::Settled,
    }
}

/// Whether the operator registered the server for the very agent whose claim was accepted.
pub(crate) fn is_vouched_for(server: &Server) -> bool {
    server.registered_agent.is_some() && server.registered_agent == server.owner
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{
        clock::Timestamp,
        store::record::{Cause, Task, TaskKind, Waiting},
    };
    use ManageState::{InUse, Maintain, Offboarding, Onboard, Ready};
    use billet_proto::{AgentId, ServerId};
    use uuid::Uuid;

    const EVENTS: [ServerEvent; 11] = [
        ServerEvent::Settled,
        ServerEvent::Taken,
        ServerEvent::Released,
        ServerEvent::Wiped,
        ServerEvent::WipeFailed,
        ServerEvent::UnwipedAccepted,
        ServerEvent::Accepted,
        ServerEvent::TakenOut,
        ServerEvent::PutBack,
        ServerEvent::Retired,
        ServerEvent::Removed,
    ];

    fn server(state: ManageState, [vouched, inspected, unwiped, busy, aside]: [bool; 5]) -> Server {
        let agent = AgentId::new(Uuid::from_u128(7));
        let task = Task {
            kind: TaskKind::PowerOn,
            generation: 1,
            step: String::new(),
            waiting_for: String::new(),
            waiting: Waiting::default(),
            began_at: Timestamp(0),
            progress: None,
            disks: vec![],
            is_told: false,
        };
        Server {
            manage_state: state,
            registered_agent: Some(agent),
            owner: vouched.then_some(agent),
            inspected_at: inspected.then_some(Timestamp(1)),
            unwiped,
            task: busy.then_some(task),
            error: aside.then(|| Cause { cause: maintain::CAUSE.into(), message: "a fan".into() }),
            ..Server::unheard_of(ServerId::new(Uuid::from_u128(1)), Timestamp(0))
        }
    }

    fn moves([vouched, inspected, unwiped, busy, aside]: [bool; 5]) -> Vec<(ManageState, ServerEvent, ManageState)> {
        use ServerEvent as E;
        let usable = if vouched && inspected { Ready } else { Onboard };
        let (released, wiped) = if aside { (Maintain, Maintain) } else { (Onboard, usable) };
        let settled = match usable {
            _ if busy => Onboard,
            Ready if unwiped => Maintain,
            usable => usable,
        };
        let mut moves = vec![
            (Onboard, E::Settled, settled),
            (Ready, E::Settled, usable),
            (InUse, E::Settled, InUse),
            (Maintain, E::Settled, Maintain),
            (Offboarding, E::Settled, Offboarding),
            (Onboard, E::Accepted, usable),
            (InUse, E::Released, released),
            (InUse, E::Wiped, wiped),
            (Maintain, E::Wiped, Maintain),
            (Offboarding, E::Wiped, Offboarding),
            (InUse, E::WipeFailed, Maintain),
            (Maintain, E::WipeFailed, Maintain),
            (Offboarding, E::WipeFailed, Offboarding),
            (Onboard, E::TakenOut, Maintain),
            (Ready, E::TakenOut, Maintain),
            (InUse, E::TakenOut, InUse),
            (Maintain, E::TakenOut, Maintain),
            (Offboarding, E::TakenOut, Maintain),
            (Onboard, E::Retired, Offboarding),
            (Ready, E::Retired, Offboarding),
            (Maintain, E::Retired, Offboarding),
            (Offboarding, E::Retired, Offboarding),
        ];
        moves.extend(ManageState::ALL.map(|state| (state, E::Removed, Offboarding)));
        if aside {
            moves.push((InUse, E::PutBack, InUse));
        }
        if !busy {
            moves.extend([(Ready, E::Taken, InUse), (Maintain, E::UnwipedAccepted, usable)]);
        }
        if !unwiped && !busy {
            moves.push((Maintain, E::PutBack, usable));
        }
        moves
    }

    #[test]
    fn every_move_is_one_of_these() {
        for bits in 0..32_u8 {
            let conditions = [0, 1, 2, 3, 4].map(|bit| bits >> bit & 1 == 1);
            let legal = moves(conditions);
            for manage_state in [Onboard, Ready, InUse, Maintain, Offboarding] {
                for event in EVENTS {
                    let found = legal.iter().find(|(from, what, _)| (*from, *what) == (manage_state, event));
                    let expected = found.map(|(_, _, to)| *to);
                    let moved = next(&server(manage_state, conditions), event);
                    assert_eq!(moved, expected, "{manage_state:?} {event:?} {conditions:?}");
                }
            }
        }
    }
}
