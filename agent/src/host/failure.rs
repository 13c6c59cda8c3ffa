//! Why an order ended without success, in the words of the instance's error.

use crate::{bmc::BmcError, causes::chain, network::NetworkError};
use billet_proto::link::Step;

/// A cause that a person can act on.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Failure {
    /// Where it happened.
    pub(super) step: Step,
    /// One word for programs.
    pub(super) cause: String,
    /// For a person.
    pub(super) message: String,
    /// Something newer has the server: nothing of it is touched any more.
    pub(super) stands_back: bool,
}

impl Failure {
    pub(super) fn new(step: Step, cause: impl Into<String>, message: impl Into<String>) -> Self {
        Self { step, cause: cause.into(), message: message.into(), stands_back: false }
    }

    pub(super) fn bmc(step: Step, error: &BmcError) -> Self {
        Self::new(step, error.cause(), chain(error))
    }

    pub(super) fn network(step: Step, error: &NetworkError) -> Self {
        Self::new(step, "network_hook_failed", chain(error))
    }

    /// The step took longer than it may.
    pub(super) fn deadline(step: Step, seconds: u64, waiting_for: &str) -> Self {
        let word = word(step);
        let message = format!("step {word} did not end within {seconds} s; it was waiting for: {waiting_for}");
        Self::new(step, format!("{}_deadline", word.replace('-', "_")), message)
    }
}

/// A step's word, as the controller's table has it.
pub(super) fn word(step: Step) -> &'static str {
    match step {
        Step::Unspecified => "none",
        Step::Power => "power",
        Step::Boot => "boot",
        Step::Inspect => "inspect",
        Step::Write => "write",
        Step::Configure => "configure",
        Step::HandOver => "hand-over",
        Step::Verify => "verify",
        Step::PowerOff => "power-off",
        Step::Wipe => "wipe",
    }
}
