//! A call, and its answer.

use crate::promise::Subject;
use billet_proto::{InstanceId, ServerId};

/// What was answered.
pub(super) struct Answer {
    pub(super) call: Call,
    pub(super) created: Vec<InstanceId>,
    pub(super) refused: Option<String>,
}

/// What is asked for.
pub(super) struct Call {
    pub(super) what: String,
    /// What follows where it is accepted.
    pub(super) of: Option<(Subject, u64)>,
    /// The password's hash that it brings, and whether no other is there once it ended well.
    pub(super) password: Option<(InstanceId, String, bool)>,
    /// The name of what it is to create.
    pub(super) creation: Option<String>,
    /// The server that is to be out where it is accepted.
    pub(super) take_out: Option<ServerId>,
    /// The server that was to be out until now.
    pub(super) put_back: Option<ServerId>,
}

impl Call {
    pub(super) fn new(what: String) -> Self {
        Self { what, of: None, password: None, creation: None, take_out: None, put_back: None }
    }

    /// Of which a newer generation than that is known where it is accepted.
    pub(super) fn of(what: String, subject: Subject, generation: u64) -> Self {
        Self { of: Some((subject, generation)), ..Self::new(what) }
    }

    pub(super) fn with_password(self, instance: InstanceId, hash: &str, alone: bool) -> Self {
        Self { password: Some((instance, hash.to_owned(), alone)), ..self }
    }
}
