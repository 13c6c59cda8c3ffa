//! The one table of legal moves.
//!
//! ```text
//! waiting ─► power ─► boot ─► inspect ─► write ─► configure ─► hand-over ─► verify ─► running
//!    │         ▲▼ a later step, or back to power for another try                        │
//!    ├─────────┴─► failed ◄───────────────── releasing ◄────────────────────────────────┤
//!    └─► releasing ─► terminated            (every phase but terminated may be released)
//! ```
//!
//! `failed` remembers whether an installation or a release failed, because the API shows it.

use serde::{Deserialize, Serialize};

/// Where an instance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Accepted; its agent has not begun.
    Waiting,
    /// The agent brings the power up for a network boot.
    Power,
    /// Firmware and ramdisk start.
    Boot,
    /// The ramdisk looks at the machine and chooses the disk.
    Inspect,
    /// The image is written.
    Write,
    /// The installed OS is configured.
    Configure,
    /// Ports are moved and the server is reset.
    HandOver,
    /// The host key is awaited at the address.
    Verify,
    /// Usable.
    Running,
    /// The installation ended with a cause.
    InstallFailed,
    /// Being deleted: power off, ports detached.
    Releasing,
    /// Deleting ended with a cause; server and addresses stay reserved.
    ReleaseFailed,
    /// Gone for good.
    Terminated,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// The agent began that step of the present order.
    StepStarted(Phase),
    /// The present order ended well.
    Done,
    /// The present order ended with a cause, or its deadline passed.
    Failed,
    /// A tenant or operator asked for deletion.
    DeleteAsked,
}

/// A move that the table does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("move on: {event:?} is not legal in {phase:?}")]
pub struct Illegal {
    /// Where it stood.
    pub phase: Phase,
    /// What came.
    pub event: Event,
}

/// The installing phases in their order.
pub const INSTALLING: [Phase; 8] = [
    Phase::Waiting,
    Phase::Power,
    Phase::Boot,
    Phase::Inspect,
    Phase::Write,
    Phase::Configure,
    Phase::HandOver,
    Phase::Verify,
];

/// All phases.
pub const ALL: [Phase; 13] = [
    Phase::Waiting,
    Phase::Power,
    Phase::Boot,
    Phase::Inspect,
    Phase::Write,
    Phase::Configure,
    Phase::HandOver,
    Phase::Verify,
    Phase::Running,
    Phase::InstallFailed,
    Phase::Releasing,
    Phase::ReleaseFailed,
    Phase::Terminated,
];

/// The next phase.
///
/// # Errors
/// When the move is not legal; nothing moves then.
pub fn next(phase: Phase, event: Event) -> Result<Phase, Illegal> {
    match (phase, event) {
        (Phase::Terminated, _) => Err(Illegal { phase, event }),
        (_, Event::DeleteAsked) => Ok(Phase::Releasing),
        (_, Event::StepStarted(step)) if may_start(phase, step) => Ok(step),
        (Phase::Verify, Event::Done) => Ok(Phase::Running),
        (Phase::Releasing, Event::Done) => Ok(Phase::Terminated),
        (Phase::Releasing, Event::Failed) => Ok(Phase::ReleaseFailed),
        (_, Event::Failed) if phase.is_installing() => Ok(Phase::InstallFailed),
        _ => Err(Illegal { phase, event }),
    }
}

/// An order goes forward, stays, or starts over with power; it never enters another order's steps.
fn may_start(phase: Phase, step: Phase) -> bool {
    match (phase.order(), step.order()) {
        (Some(here), Some(there)) => step != Phase::Waiting && (there >= here || step == Phase::Power),
        _ => phase == Phase::Releasing && step == Phase::Releasing,
    }
}

impl Phase {
    fn order(self) -> Option<usize> {
        INSTALLING.iter().position(|phase| *phase == self)
    }
    /// Whether an installation is in progress.
    pub fn is_installing(self) -> bool {
        self.order().is_some()
    }
    /// Whether an agent has work to do.
    pub fn has_order(self) -> bool {
        self.is_installing() || self == Self::Releasing
    }
    /// The API's `state`: one of the six words of 2026.
    pub fn state(self) -> &'static str {
        match self {
            Self::Running => "running",
            Self::InstallFailed | Self::ReleaseFailed => "error",
            Self::Releasing => "shutting-down",
            Self::Terminated => "terminated",
            Self::Waiting
            | Self::Power
            | Self::Boot
            | Self::Inspect
            | Self::Write
            | Self::Configure
            | Self::HandOver
            | Self::Verify => "pending",
        }
    }
    /// The API's `operation_state`.
    pub fn operation_state(self) -> &'static str {
        match self {
            Self::Running => "install-succeed",
            Self::InstallFailed => "install-failed",
            Self::Releasing => "uninstall-processing",
            Self::ReleaseFailed => "uninstall-failed",
            Self::Terminated => "uninstall-succeed",
            Self::Waiting
            | Self::Power
            | Self::Boot
            | Self::Inspect
            | Self::Write
            | Self::Configure
            | Self::HandOver
            | Self::Verify => "install-processing",
        }
    }
    /// Its word in events and the database.
    pub fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Power => "power",
            Self::Boot => "boot",
            Self::Inspect => "inspect",
            Self::Write => "write",
            Self::Configure => "configure",
            Self::HandOver => "hand-over",
            Self::Verify => "verify",
            Self::Running => "running",
            Self::InstallFailed => "install-failed",
            Self::Releasing => "releasing",
            Self::ReleaseFailed => "release-failed",
            Self::Terminated => "terminated",
        }
    }
    /// The phase with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        ALL.into_iter().find(|phase| phase.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn events() -> Vec<Event> {
        let mut all = vec![Event::Done, Event::Failed, Event::DeleteAsked];
        all.extend(ALL.map(Event::StepStarted));
        all
    }

    /// Every legal pair, written out: the table must be exactly this.
    fn legal(phase: Phase) -> Vec<(Event, Phase)> {
        use Phase::{
            Boot, Configure, HandOver, Inspect, InstallFailed, Power, ReleaseFailed, Releasing, Running, Terminated,
            Verify, Waiting, Write,
        };
        let go = |steps: &[Phase]| -> Vec<(Event, Phase)> {
            let mut moves: Vec<_> = steps.iter().map(|s| (Event::StepStarted(*s), *s)).collect();
            moves.extend([(Event::Failed, InstallFailed), (Event::DeleteAsked, Releasing)]);
            moves
        };
        match phase {
            Waiting | Power => go(&[Power, Boot, Inspect, Write, Configure, HandOver, Verify]),
            Boot => go(&[Power, Boot, Inspect, Write, Configure, HandOver, Verify]),
            Inspect => go(&[Power, Inspect, Write, Configure, HandOver, Verify]),
            Write => go(&[Power, Write, Configure, HandOver, Verify]),
            Configure => go(&[Power, Configure, HandOver, Verify]),
            HandOver => go(&[Power, HandOver, Verify]),
            Verify => {
                let mut moves = go(&[Power, Verify]);
                moves.push((Event::Done, Running));
                moves
            }
            Running | InstallFailed | ReleaseFailed => vec![(Event::DeleteAsked, Releasing)],
            Releasing => vec![
                (Event::DeleteAsked, Releasing),
                (Event::StepStarted(Releasing), Releasing),
                (Event::Done, Terminated),
                (Event::Failed, ReleaseFailed),
            ],
            Terminated => vec![],
        }
    }

    #[test]
    fn the_table_has_exactly_the_legal_moves() {
        for phase in ALL {
            for event in events() {
                let expected = legal(phase).into_iter().find(|(e, _)| *e == event).map(|(_, to)| to);
                assert_eq!(next(phase, event).ok(), expected, "{phase:?} {event:?}");
            }
        }
    }

    #[test]
    fn every_phase_but_terminated_can_end_terminated() {
        for phase in ALL.into_iter().filter(|p| *p != Phase::Terminated) {
            let releasing = next(phase, Event::DeleteAsked).unwrap();
            assert_eq!(next(releasing, Event::Done), Ok(Phase::Terminated));
        }
    }

    #[test]
    fn words_name_their_phase() {
        for phase in ALL {
            assert_eq!(Phase::from_word(phase.word()), Some(phase));
        }
    }

    #[test]
    fn the_drawing_shows_every_phase() {
        let drawing = include_str!("table.rs").split("```").nth(1).unwrap();
        for phase in ALL {
            let word = phase.word().trim_start_matches("install-").trim_start_matches("release-");
            assert!(drawing.contains(word), "{word}");
        }
    }
}
