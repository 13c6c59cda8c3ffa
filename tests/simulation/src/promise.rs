//! What was answered well: from then on the database knows of it, whatever crashes.

use crate::snapshot::Snapshot;
use billet_controller::{
    lifecycle::table::{Operation, Phase},
    store::record::{ManageState, Server},
};
use billet_proto::{AgentId, InstanceId, ServerId};

/// A call that was accepted.
#[derive(Debug, Clone)]
pub struct Promise {
    /// Its words.
    pub what: String,
    /// Of what.
    pub of: Subject,
    /// The generation that was known when it was asked for: an older one than the call's own.
    pub generation: u64,
}

/// What a call is about.
#[derive(Debug, Clone, Copy)]
pub enum Subject {
    /// An instance.
    Instance(InstanceId),
    /// An instance that is to be on: where it runs already, nothing is to be done.
    PowerOn(InstanceId),
    /// An instance's password, which waits for its next boot.
    Password(InstanceId),
    /// A server.
    Server(ServerId),
    /// A server that is to be that agent's.
    Registered(ServerId, AgentId),
    /// A server that the operator takes out, also while an instance is on it.
    TakenOut(ServerId),
}

impl Promise {
    /// Whether the database shows it: by a newer generation, or because it was so already.
    #[must_use]
    pub fn is_kept(&self, now: &Snapshot) -> bool {
        let instance = |id| now.instances.iter().find(|instance| instance.id == id);
        match self.of {
            Subject::Password(id) if now.passwords.contains(&id) => true,
            Subject::Instance(id) | Subject::Password(id) => instance(id).is_some_and(|instance| {
                instance.generation > self.generation || instance.operation == Operation::Uninstall
            }),
            Subject::PowerOn(id) => instance(id)
                .is_some_and(|instance| instance.generation > self.generation || instance.phase == Phase::Running),
            Subject::Server(id) => {
                now.servers.iter().any(|server| server.id == id && server.generation > self.generation)
            }
            Subject::Registered(id, agent) => {
                now.servers.iter().any(|server| server.id == id && server.registered_agent == Some(agent))
            }
            Subject::TakenOut(id) => now.servers.iter().any(|server| server.id == id && is_out(server)),
        }
    }
}

/// Whether the operator keeps a server out, as it says itself.
#[must_use]
pub fn is_out(server: &Server) -> bool {
    let is_set_aside = server.error.as_ref().is_some_and(|error| error.cause == "maintenance");
    is_set_aside || matches!(server.manage_state, ManageState::Maintain | ManageState::Offboarding)
}
