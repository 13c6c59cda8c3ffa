//! The one table of legal moves of an instance: where it stands is what is being done (the [`Operation`]) and how far
//! that came (the [`Phase`]).
//!
//! ```text
//! install, reinstall, switch-install      power ─► boot ─► inspect ─► write ─► configure ─► hand-over ─► verify ─► running
//! modify-ip                               power ─► boot ─► inspect ──────────► configure ─► hand-over ─► verify ─► running
//! power-on            waiting ─►          power ─► (as modify-ip, where a password waits for its boot) ──────────► running
//! reboot                     power-off ─► power ─► (as power-on) ────────────────────────────────────────────────► running
//! power-off                  power-off ──────────────────────────────────────────────────────────────────────────► stopped
//! uninstall                  power-off ──────────────────────────────────────────────────────────────────────► terminated
//!
//! given up by an operator    any step but those of the last two ─► cancelling ─► failed, or stopped where it is power-on or reboot
//! removed with its server    any phase ──────────────────────────────────────────────────────────────────────► terminated
//! ```
//!
//! A step may be started again, a later one may be started, and the first may be started over. What fails ends `failed`;
//! only a failed power-off is `running` still, and what could not be powered on is `stopped`; what was handed over already
//! and does not answer is on, and so `running`. From `running`, `stopped`
//! and `failed` another operation may be asked for ([`may_begin`]); uninstall from every phase but `terminated`.

use serde::{Deserialize, Serialize};

/// What is being done with an instance, or was done last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Operation {
    /// Created.
    Install,
    /// Its image is written anew.
    Reinstall,
    /// Another image is written.
    SwitchInstall,
    /// It gets other addresses.
    ModifyIp,
    /// Powered on.
    PowerOn,
    /// Powered off.
    PowerOff,
    /// Powered off and on.
    Reboot,
    /// Deleted.
    Uninstall,
}

/// How far an operation came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Accepted; its agent has not begun.
    Waiting,
    /// The agent powers the server off, and detaches its ports where it is being deleted.
    PowerOff,
    /// The agent brings the power up.
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
    /// An operator gave the operation up; the agent powers the server off.
    Cancelling,
    /// Usable.
    Running,
    /// Off; the disk is kept.
    Stopped,
    /// The operation ended with a cause; server and addresses stay reserved.
    Failed,
    /// Gone for good.
    Terminated,
}

/// Where an instance stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Standing {
    /// What is being done, or was done last.
    pub operation: Operation,
    /// How far it came.
    pub phase: Phase,
}

/// What happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Event {
    /// A tenant or operator asked for an operation.
    Asked(Operation),
    /// The agent began that step of the present order.
    StepStarted(Phase),
    /// The present order ended well.
    Done,
    /// The present order ended with a cause, or its deadline passed.
    Failed,
    /// The same, before anybody read back that the server is off: what was to be shut down first may run still.
    LeftOn,
    /// An operator gave the operation up.
    Cancelled,
    /// An operator's word: the server is off and unplugged for good.
    Removed,
}

/// A move that the table does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("move on: {event:?} is not legal in {standing:?}")]
pub struct Illegal {
    /// Where it stood.
    pub standing: Standing,
    /// What came.
    pub event: Event,
}

/// All operations.
pub const OPERATIONS: [Operation; 8] = [
    Operation::Install,
    Operation::Reinstall,
    Operation::SwitchInstall,
    Operation::ModifyIp,
    Operation::PowerOn,
    Operation::PowerOff,
    Operation::Reboot,
    Operation::Uninstall,
];

/// All phases; those of an order in progress first, in their order.
pub const PHASES: [Phase; 14] = [
    Phase::Waiting,
    Phase::PowerOff,
    Phase::Power,
    Phase::Boot,
    Phase::Inspect,
    Phase::Write,
    Phase::Configure,
    Phase::HandOver,
    Phase::Verify,
    Phase::Cancelling,
    Phase::Running,
    Phase::Stopped,
    Phase::Failed,
    Phase::Terminated,
];

/// The next standing.
///
/// # Errors
/// When the move is not legal; nothing moves then.
pub fn next(standing: Standing, event: Event) -> Result<Standing, Illegal> {
    let Standing { operation, phase } = standing;
    let moved = match event {
        Event::Asked(wanted) if may_begin(standing, wanted) => {
            // Asking again for a deletion in progress moves nothing.
            let is_deleted = operation == Operation::Uninstall && phase.has_order() && phase != Phase::Cancelling;
            let goes_on = wanted == Operation::Uninstall && is_deleted;
            Some(Standing { operation: wanted, phase: if goes_on { phase } else { Phase::Waiting } })
        }
        Event::StepStarted(Phase::PowerOff) if phase == Phase::Cancelling => Some(standing),
        Event::StepStarted(step) if may_start(standing, step) => Some(Standing { operation, phase: step }),
        // What was given up has failed, and that was read back.
        Event::Done if phase == Phase::Cancelling => Some(Standing { operation, phase: operation.given_up() }),
        Event::Done if may_end(standing) => Some(Standing { operation, phase: operation.end() }),
        Event::Failed if phase.has_order() => Some(Standing { operation, phase: operation.failure(phase) }),
        Event::LeftOn if phase.has_order() => {
            let reached = if phase == Phase::Power { Phase::PowerOff } else { phase };
            Some(Standing { operation, phase: operation.failure(reached) })
        }
        Event::Cancelled if may_cancel(standing) => Some(Standing { operation, phase: Phase::Cancelling }),
        Event::Removed if phase != Phase::Terminated => {
            Some(Standing { operation: Operation::Uninstall, phase: Phase::Terminated })
        }
        Event::Asked(_)
        | Event::StepStarted(_)
        | Event::Done
        | Event::Failed
        | Event::LeftOn
        | Event::Cancelled
        | Event::Removed => None,
    };
    moved.ok_or(Illegal { standing, event })
}

/// Whether an operation may be asked for where an instance stands.
pub fn may_begin(standing: Standing, wanted: Operation) -> bool {
    use Operation as O;
    let Standing { operation, phase } = standing;
    match wanted {
        O::Install => false,
        O::Uninstall => phase != Phase::Terminated,
        // Also another try of what failed, but not of a deletion.
        O::Reinstall | O::SwitchInstall => match phase {
            Phase::Running | Phase::Stopped => true,
            Phase::Failed => operation != O::Uninstall,
            _ => false,
        },
        O::ModifyIp => match phase {
            Phase::Running | Phase::Stopped => true,
            Phase::Failed => operation == O::ModifyIp,
            _ => false,
        },
        O::PowerOn => phase == Phase::Stopped,
        // What is stopped may have come on since.
        O::PowerOff => matches!(phase, Phase::Running | Phase::Stopped),
        O::Reboot => phase == Phase::Running,
    }
}

/// Whether an operation in progress may be given up: not one that leaves the server off by itself.
pub fn may_cancel(Standing { operation, phase }: Standing) -> bool {
    let leaves_on = !matches!(operation, Operation::PowerOff | Operation::Uninstall);
    phase.has_order() && phase != Phase::Cancelling && leaves_on
}

/// An order goes forward, stays, or starts over; it never enters another order's steps.
fn may_start(Standing { operation, phase }: Standing, step: Phase) -> bool {
    let steps = operation.steps();
    let place = |of: Phase| PHASES.iter().position(|phase| *phase == of);
    phase.has_order()
        && phase != Phase::Cancelling
        && steps.contains(&step)
        && (place(step) >= place(phase) || step == Phase::Power || steps.first() == Some(&step))
}

/// The report of a step's start may be lost; an installation must have come to its last step all the same.
fn may_end(Standing { operation, phase }: Standing) -> bool {
    use Operation as O;
    match operation {
        O::Install | O::Reinstall | O::SwitchInstall | O::ModifyIp => phase == Phase::Verify,
        O::PowerOn => matches!(phase, Phase::Waiting | Phase::Power | Phase::Verify),
        O::Reboot => matches!(phase, Phase::Waiting | Phase::PowerOff | Phase::Power | Phase::Verify),
        O::PowerOff | O::Uninstall => matches!(phase, Phase::Waiting | Phase::PowerOff),
    }
}

impl Operation {
    /// Its steps, in their order.
    pub const fn steps(self) -> &'static [Phase] {
        use Phase::{Boot, Configure, HandOver, Inspect, Power, PowerOff, Verify, Write};
        match self {
            Self::Install | Self::Reinstall | Self::SwitchInstall => {
                &[Power, Boot, Inspect, Write, Configure, HandOver, Verify]
            }
            Self::ModifyIp | Self::PowerOn => &[Power, Boot, Inspect, Configure, HandOver, Verify],
            Self::Reboot => &[PowerOff, Power, Boot, Inspect, Configure, HandOver, Verify],
            Self::PowerOff | Self::Uninstall => &[PowerOff],
        }
    }
    /// Whether it writes an image.
    pub const fn installs(self) -> bool {
        matches!(self, Self::Install | Self::Reinstall | Self::SwitchInstall)
    }
    /// Whether it is one of power alone.
    pub const fn is_power(self) -> bool {
        matches!(self, Self::PowerOn | Self::PowerOff | Self::Reboot)
    }
    const fn end(self) -> Phase {
        match self {
            Self::PowerOff => Phase::Stopped,
            Self::Uninstall => Phase::Terminated,
            _ => Phase::Running,
        }
    }
    /// Where a failure in that phase leads.
    const fn failure(self, phase: Phase) -> Phase {
        match self {
            Self::PowerOff => Phase::Running,
            // The ramdisk left: nobody powers the tenant's system off because it does not answer. And what could not be given up
            // may be on: it can be powered off, which asks.
            Self::PowerOn | Self::Reboot if matches!(phase, Phase::Verify | Phase::Cancelling) => Phase::Running,
            // Nobody read back that it was off.
            Self::Reboot if matches!(phase, Phase::Waiting | Phase::PowerOff) => Phase::Running,
            Self::PowerOn | Self::Reboot => Phase::Stopped,
            _ => Phase::Failed,
        }
    }
    /// Where an operation is that was given up, when the server is off.
    const fn given_up(self) -> Phase {
        match self {
            Self::PowerOn | Self::PowerOff | Self::Reboot => Phase::Stopped,
            _ => Phase::Failed,
        }
    }
    /// Its word in events and the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Install => "install",
            Self::Reinstall => "reinstall",
            Self::SwitchInstall => "switch-install",
            Self::ModifyIp => "modify-ip",
            Self::PowerOn => "power-on",
            Self::PowerOff => "power-off",
            Self::Reboot => "reboot",
            Self::Uninstall => "uninstall",
        }
    }
    /// The operation with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        OPERATIONS.into_iter().find(|operation| operation.word() == word)
    }
}

impl Phase {
    /// Whether an agent has work to do.
    pub const fn has_order(self) -> bool {
        !matches!(self, Self::Running | Self::Stopped | Self::Failed | Self::Terminated)
    }
    /// Whether the ramdisk of the order in progress has enlisted: the server was off, its ports are detached, and what was on its
    /// disk before does not run as it was any more.
    pub const fn is_since_ramdisk(self) -> bool {
        matches!(self, Self::Inspect | Self::Write | Self::Configure | Self::HandOver | Self::Verify)
    }
    /// Its word in events and the database.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::PowerOff => "power-off",
            Self::Power => "power",
            Self::Boot => "boot",
            Self::Inspect => "inspect",
            Self::Write => "write",
            Self::Configure => "configure",
            Self::HandOver => "hand-over",
            Self::Verify => "verify",
            Self::Cancelling => "cancelling",
            Self::Running => "running",
            Self::Stopped => "stopped",
            Self::Failed => "failed",
            Self::Terminated => "terminated",
        }
    }
    /// The phase with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        PHASES.into_iter().find(|phase| phase.word() == word)
    }
}

impl Standing {
    /// The API's `state`: one of the six words of 2026. A reboot is `stopped` in its off half.
    pub const fn state(self) -> &'static str {
        use Operation as O;
        match (self.operation, self.phase) {
            (_, Phase::Terminated) => "terminated",
            (_, Phase::Failed) => "error",
            (O::Uninstall, _) => "shutting-down",
            (_, Phase::Running) => "running",
            (_, Phase::Stopped) => "stopped",
            (O::Install | O::Reinstall | O::SwitchInstall | O::ModifyIp, _) => "pending",
            (O::PowerOff, _) | (O::Reboot, Phase::Waiting | Phase::PowerOff) => "running",
            (O::PowerOn | O::Reboot, _) => "stopped",
        }
    }
    /// The state for a person: a power action in progress is told as one.
    pub const fn told(self) -> &'static str {
        use Operation as O;
        match self.operation {
            _ if matches!(self.phase, Phase::Cancelling) => "being given up",
            O::PowerOn if self.phase.has_order() => "being powered on",
            O::PowerOff if self.phase.has_order() => "being powered off",
            O::Reboot if self.phase.has_order() => "being rebooted",
            _ => self.state(),
        }
    }
    /// The API's `operation_state`; power actions have none of their own, they stand at the server.
    pub const fn operation_state(self) -> &'static str {
        use Operation as O;
        let words = match self.operation {
            O::Install => ["install-processing", "install-failed", "install-succeed"],
            O::Reinstall => ["reinstall-processing", "reinstall-failed", "reinstall-succeed"],
            O::SwitchInstall => ["switch-install-processing", "switch-install-failed", "switch-install-succeed"],
            O::ModifyIp => ["modify-ip-processing", "modify-ip-failed", "modify-ip-succeed"],
            O::PowerOn | O::PowerOff | O::Reboot => ["install-succeed"; 3],
            O::Uninstall => ["uninstall-processing", "uninstall-failed", "uninstall-succeed"],
        };
        match self.phase {
            Phase::Failed => words[1],
            Phase::Running | Phase::Stopped | Phase::Terminated => words[2],
            _ => words[0],
        }
    }
}

#[cfg(test)]
mod tests;
