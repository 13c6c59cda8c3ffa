//! Why a BMC could not do what was asked.

use super::{BootOverride, Peer, PowerState, ResetType, quirks::keeps_only_the_boot_device};
use std::time::Duration;

/// The account is the right one, and may not do this.
pub(super) const LACKS_PRIVILEGE: &str = "the account's privilege is not enough (code 0xd4)";

/// What a caller can do about an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Retry {
    /// Try again, not before this time.
    After(Duration),
    /// Only after an operator changed something.
    NeedsOperator,
    /// The same call will fail again.
    Never,
}

/// Why a BMC could not do what was asked. Names the address and the account, never the password.
#[derive(Debug, thiserror::Error)]
pub enum BmcError {
    /// No answer in time, or no way there.
    #[error("reach {peer}: no answer to {doing}")]
    Unreachable {
        /// Which BMC.
        peer: Peer,
        /// What was asked.
        doing: &'static str,
        /// What the network said, if anything.
        #[source]
        source: Option<std::io::Error>,
    },
    /// The account, its password or its privilege is not the right one.
    #[error("log in to {peer}: {reason}")]
    AuthFailed {
        /// Which BMC.
        peer: Peer,
        /// In which way.
        reason: &'static str,
    },
    /// This is the BMC of another machine.
    #[error("use {peer}: it is in the machine with {what} {told}, not {expected}")]
    WrongMachine {
        /// Which BMC.
        peer: Peer,
        /// `UUID` or `serial number`.
        what: &'static str,
        /// As configured.
        expected: String,
        /// As the BMC says.
        told: String,
    },
    /// The BMC said no.
    #[error("{doing} at {peer}: {reason} (code {code:#04x})")]
    Refused {
        /// Which BMC.
        peer: Peer,
        /// What was asked.
        doing: &'static str,
        /// IPMI completion code or RMCP+ status code.
        code: u8,
        /// Its meaning.
        reason: &'static str,
    },
    /// A restart of a machine that is off.
    #[error("do {action:?} at {peer}: the machine is off")]
    MachineOff {
        /// Which BMC.
        peer: Peer,
        /// What was asked.
        action: ResetType,
    },
    /// The BMC took the action and the machine did not follow.
    #[error("bring the machine of {peer} to {wanted:?}: not seen within {waited_s} s")]
    NotReached {
        /// Which BMC.
        peer: Peer,
        /// The state asked for.
        wanted: PowerState,
        /// How long it was waited.
        waited_s: u64,
    },
    /// The BMC took an override and reads back another.
    #[error("set the boot override at {peer}: wanted {wanted:?}, it reads back {read:?}{}", hint(.read))]
    OverrideNotKept {
        /// Which BMC.
        peer: Peer,
        /// As asked.
        wanted: BootOverride,
        /// As read.
        read: BootOverride,
    },
    /// The answer to an action that must not be done twice was lost.
    #[error("know whether {peer} did {action:?}: its answer was lost")]
    Uncertain {
        /// Which BMC.
        peer: Peer,
        /// What was asked.
        action: ResetType,
    },
    /// Its password or its key cannot be read: nothing was asked.
    #[error("log in to {peer}: its password or its key cannot be read")]
    PasswordUnreadable {
        /// Which BMC.
        peer: Peer,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// A password that is to be changed, or was, cannot be kept on disk as it should be.
    #[error("keep the password of {peer}")]
    PasswordNotKept {
        /// Which BMC.
        peer: Peer,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// What came back is not what the protocol says.
    #[error("understand {peer}: {reason}")]
    Protocol {
        /// Which BMC.
        peer: Peer,
        /// In which way.
        reason: &'static str,
    },
}

impl BmcError {
    /// What a caller can do about it.
    #[must_use]
    pub fn retry(&self) -> Retry {
        match self {
            Self::Unreachable { .. } | Self::NotReached { .. } => Retry::After(Duration::from_secs(10)),
            Self::Uncertain { .. } | Self::OverrideNotKept { .. } => Retry::After(Duration::from_secs(5)),
            Self::Refused { code, .. } if busy(*code) => Retry::After(Duration::from_secs(5)),
            Self::AuthFailed { .. }
            | Self::WrongMachine { .. }
            | Self::Refused { .. }
            | Self::PasswordUnreadable { .. }
            | Self::PasswordNotKept { .. }
            | Self::Protocol { .. } => Retry::NeedsOperator,
            Self::MachineOff { .. } => Retry::Never,
        }
    }

    /// One word for programs.
    #[must_use]
    pub fn cause(&self) -> &'static str {
        match self {
            Self::Unreachable { .. } | Self::Uncertain { .. } => "bmc_unreachable",
            Self::AuthFailed { .. } => "bmc_auth_failed",
            Self::WrongMachine { .. } => "bmc_wrong_machine",
            Self::Refused { .. } | Self::MachineOff { .. } | Self::NotReached { .. } | Self::OverrideNotKept { .. } => {
                "bmc_refused"
            }
            Self::PasswordUnreadable { .. } => "bmc_password_unreadable",
            Self::PasswordNotKept { .. } => "agent_state",
            Self::Protocol { .. } => "bmc_protocol",
        }
    }

    /// Whether the BMC did not let us in.
    #[must_use]
    pub fn is_login_refused(&self) -> bool {
        matches!(self, Self::AuthFailed { reason, .. } if *reason != LACKS_PRIVILEGE)
    }
}

/// What an operator may do about a half-kept override.
fn hint(read: &BootOverride) -> &'static str {
    if keeps_only_the_boot_device(read) {
        "; where this BMC is known to lose the flags only when it is read, say so: bmc.quirks = [\"keeps-only-the-boot-device\"]"
    } else {
        ""
    }
}

/// Codes that pass by themselves: no session free (RMCP+ 01h, 0Bh), busy, timeout, out of space, updating, starting,
/// wrong state (IPMI v2.0 tables 5-2 and 13-15).
fn busy(code: u8) -> bool {
    matches!(code, 0x01 | 0x0b | 0xc0 | 0xc3 | 0xc4 | 0xce | 0xd0 | 0xd1 | 0xd2 | 0xd5)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn peer() -> Peer {
        Peer { address: "192.0.2.1:623".parse().unwrap(), user: "oper".into() }
    }

    #[test]
    fn a_busy_bmc_is_worth_another_try_and_a_refusal_is_not() {
        let refused = |code| BmcError::Refused { peer: peer(), doing: "read the power state", code, reason: "x" };
        // Busy, and as a session is opened: no room for one (IPMI v2.0 table 13-15).
        for passing in [0xc0, 0x01, 0x0b] {
            assert!(matches!(refused(passing).retry(), Retry::After(_)), "{passing:#04x}");
        }
        assert_eq!(refused(0xc1).retry(), Retry::NeedsOperator);
        assert_eq!(refused(0xc1).cause(), "bmc_refused");
    }

    #[test]
    fn the_text_names_the_address_and_the_account() {
        let error = BmcError::Unreachable { peer: peer(), doing: "read the power state", source: None };
        assert_eq!(error.to_string(), "reach BMC 192.0.2.1:623 as oper: no answer to read the power state");
    }
}
