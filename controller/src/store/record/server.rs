//! A server: what the operator registered, what its agent says of it, what was seen of it, and what happened to it.

use super::{Cause, Hardware, NicRole, Tag, Task, Wipe, WipePolicy};
use crate::clock::Timestamp;
use billet_proto::{AgentId, InstanceId, MacAddr, ProjectId, ServerId};
use serde::{Deserialize, Serialize};

/// Where a server stands.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Location {
    /// The room, for people.
    pub dc: String,
    /// The rack.
    pub rack: String,
    /// The lowest rack unit.
    pub unit: String,
}

/// `manage_state` of a server, as the API family has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ManageState {
    /// Agent and operator do not both vouch for it yet.
    Onboard,
    /// May be placed on.
    Ready,
    /// An instance is on it.
    InUse,
    /// Kept out: not wiped, or taken out by the operator.
    Maintain,
    /// Leaves service: nothing is placed on it any more.
    Offboarding,
}

impl ManageState {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Onboard, Self::Ready, Self::InUse, Self::Maintain, Self::Offboarding];

    /// The API's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Onboard => "onboard",
            Self::Ready => "ready",
            Self::InUse => "in-use",
            Self::Maintain => "maintain",
            Self::Offboarding => "offboarding",
        }
    }
    /// The state with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|s| s.as_str() == word)
    }
}

/// A server: what the operator registered and what its agent says of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Server {
    /// As in the agent's configuration.
    pub id: ServerId,
    /// Operator's side: registered, and for this agent.
    pub registered_agent: Option<AgentId>,
    /// Agent's side: the owner whose claim was accepted.
    pub owner: Option<AgentId>,
    /// Only this project may use it; none: the shared pool.
    pub project_id: Option<ProjectId>,
    /// SMBIOS UUID in lower case as the agent's configuration says; may be empty.
    pub uuid: String,
    /// Serial number as the agent's configuration says; may be empty.
    pub serial: String,
    /// NICs in port order.
    pub macs: Vec<MacAddr>,
    /// That had this id before, and hold what a tenant left, or differ from their baseline: none of them is taken for another server.
    pub former_machines: Vec<FormerMachine>,
    /// Roles by port, operator's word; absent means [`NicRole::Vpc`].
    pub roles: Vec<NicRole>,
    /// Another bootable disk is cleared rather than an error.
    pub clear_other_bootable_disks: bool,
    /// The inspection that starts by itself may power off a server that is on.
    pub allow_reset: bool,
    /// As the API shows it.
    pub manage_state: ManageState,
    /// A tenant wrote on it and nothing wiped it since.
    pub unwiped: bool,
    /// Generation of the newest order.
    pub generation: u64,
    /// When it was first heard of.
    pub onboard_time: Timestamp,
    /// The operator's name for it; empty: its id is shown.
    pub name: String,
    /// Where it stands.
    pub location: Location,
    /// At most 20; by key.
    pub tags: Vec<Tag>,
    /// The operator's choice.
    pub wipe_policy: WipePolicy,
    /// What its BMC said last; none before it was asked.
    pub power_on: Option<bool>,
    /// The family's word for the last power action, such as `power-on-succeed`; empty before the first.
    pub operation_state: String,
    /// Why it is in maintenance, or why the last task failed.
    pub error: Option<Cause>,
    /// What a ramdisk saw last, in short; the whole is [`Transaction::inventory`](crate::store::Transaction::inventory).
    pub hardware: Hardware,
    /// When an inspection saw it; none: nobody looked and compared since it became another machine or its last tenant left, and it
    /// is inspected before it is ready.
    pub inspected_at: Option<Timestamp>,
    /// The last wipe that ended well.
    pub last_wipe: Option<Wipe>,
    /// Work in progress on the server itself.
    pub task: Option<Task>,
    /// When the task becomes an error; none where there is none.
    pub task_deadline: Option<Timestamp>,
}

impl Server {
    /// One that somebody named for the first time: nobody owns it, and it is nobody's. Its orders count on from the seconds
    /// since 1970: its agent may have kept the newest generation of a server that was forgotten since, or that another
    /// database knew, and refuses older ones.
    pub fn unheard_of(id: ServerId, now: Timestamp) -> Self {
        Self {
            id,
            registered_agent: None,
            owner: None,
            project_id: None,
            uuid: String::new(),
            serial: String::new(),
            macs: Vec::new(),
            former_machines: Vec::new(),
            roles: Vec::new(),
            clear_other_bootable_disks: false,
            allow_reset: false,
            manage_state: ManageState::Onboard,
            unwiped: false,
            generation: now.0 / 1000,
            onboard_time: now,
            name: String::new(),
            location: Location::default(),
            tags: Vec::new(),
            wipe_policy: WipePolicy::Full,
            power_on: None,
            operation_state: String::new(),
            error: None,
            hardware: Hardware::default(),
            inspected_at: None,
            last_wipe: None,
            task: None,
            task_deadline: None,
        }
    }
}

/// What a machine is known by.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Marks {
    /// SMBIOS UUID in lower case; may be empty.
    pub uuid: String,
    /// Serial number; may be empty.
    pub serial: String,
    /// NICs.
    pub macs: Vec<MacAddr>,
}

impl Marks {
    /// Those of the machine that has the server's place.
    pub fn of(server: &Server) -> Self {
        let Server { uuid, serial, macs, .. } = server;
        Self { uuid: uuid.clone(), serial: serial.clone(), macs: macs.clone() }
    }
}

/// A machine whose place another one took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerMachine {
    /// By what it is known.
    pub marks: Marks,
    /// The server's when the other took the place, while that had no order since, and only was named; none: something was in progress then,
    /// or the other had been there before.
    pub generation: Option<u64>,
}

/// A server as it is shown, with what belongs to it.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedServer {
    /// The row.
    pub server: Server,
    /// Name of the agent that owns it, or that it is registered for.
    pub agent: Option<String>,
    /// Since when nobody owns it, though it is registered; none where that is not so, or not on record any more.
    pub unclaimed_since: Option<Timestamp>,
    /// What is on it, and whose.
    pub instance: Option<(InstanceId, ProjectId)>,
}

impl ListedServer {
    /// Whether a project sees it: its own, and what it has an instance on. None sees all.
    pub fn is_seen_by(&self, project: Option<&ProjectId>) -> bool {
        project.is_none_or(|project| {
            self.server.project_id.as_ref() == Some(project)
                || self.instance.as_ref().is_some_and(|(_, owner)| owner == project)
        })
    }
}

/// How many servers are alike.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerCount {
    /// In this state.
    pub state: ManageState,
    /// With this power; none: not known.
    pub power_on: Option<bool>,
    /// In this room; may be empty.
    pub dc: String,
    /// So many.
    pub count: u64,
}

/// An event of a server, whoever's instance was on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ServerEvent {
    /// Grows over all servers; 0 before it is recorded.
    pub seq: u64,
    /// Whose.
    pub server_id: ServerId,
    /// When.
    pub at: Timestamp,
    /// `critical`, `major`, `minor` or `info`.
    pub level: String,
    /// Such as `task-failed`.
    pub kind: String,
    /// For a person.
    pub message: String,
}
