//! The only door to the database. Logic asks for a [`Transaction`], reads and writes records in it, and
//! commits; what SQL stands behind is [`sqlite`]'s business.
//!
//! Invariants: a server has at most one instance that is not terminated, and an address one owner within
//! its VPC: the database's unique indexes refuse otherwise. A commit is on disk when it returns.
//! A store has no threads of its own: [`Handle::threaded`] gives it one, [`Handle::inline`] runs it where it is called.

mod handle;
pub mod record;
pub mod sqlite;

pub use handle::Handle;

use crate::clock::Timestamp;
use billet_proto::{AgentId, ImageId, InstanceId, ProjectId, ServerId, SubnetId, VpcId};
use record::{Agent, Event, Image, Instance, JoinToken, NewEvent, Reservation, Server, ServerEvent, Subnet, Vpc};
use std::net::Ipv4Addr;

/// What can go wrong between us and the database.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// A unique index refused: the words name what is taken ("server", "address", "agent name", …).
    #[error("store: {0} is taken")]
    Taken(&'static str),
    /// Somebody changed the row since it was read.
    #[error("store: the row was changed meanwhile")]
    Stale,
    /// A stored value does not read back.
    #[error("store: {0} does not read back")]
    Corrupt(&'static str),
    /// The database itself.
    #[error("use the database")]
    Database(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// The store's thread is gone, or its queue is full.
    #[error("reach the store")]
    Unreachable,
}

/// Shorthand.
pub type Result<T> = std::result::Result<T, StoreError>;

/// A database.
pub trait Store: Send {
    /// Begins a transaction that sees and changes everything alone (SQLite: BEGIN IMMEDIATE).
    ///
    /// # Errors
    /// When the database refuses.
    fn begin(&mut self) -> Result<Box<dyn Transaction + '_>>;
}

/// Which events of servers are to be read.
#[derive(Debug, Clone)]
pub struct ServerEventsWanted {
    /// Of these servers; none: of all.
    pub servers: Option<Vec<ServerId>>,
    /// At or after.
    pub from: Timestamp,
    /// Before.
    pub to: Timestamp,
    /// Of this level alone.
    pub level: Option<String>,
    /// So many of the newest are left out.
    pub offset: u32,
    /// At most so many.
    pub limit: u32,
}

/// Reads and writes that happen together or not at all. Dropped without commit, it is rolled back.
#[expect(
    missing_docs,
    clippy::missing_errors_doc,
    reason = "each method is its name; all fail only as StoreError says"
)]
pub trait Transaction {
    fn commit(self: Box<Self>) -> Result<()>;

    fn insert_instance(&mut self, instance: &Instance) -> Result<()>;
    /// Writes all of `instance` where the stored version is `instance.version`, and counts the version up in the database.
    fn update_instance(&mut self, instance: &Instance) -> Result<()>;
    fn instance(&mut self, id: InstanceId) -> Result<Option<Instance>>;
    /// Not terminated, on this server.
    fn instance_on(&mut self, server: ServerId) -> Result<Option<Instance>>;
    /// Those of a project (or all) that are not terminated, by id ascending, after `marker`, and their total without paging.
    fn instances(
        &mut self,
        project: Option<&ProjectId>,
        marker: Option<InstanceId>,
        limit: u32,
    ) -> Result<(Vec<Instance>, u64)>;
    /// Those with a step deadline (work in progress).
    fn unfinished_instances(&mut self) -> Result<Vec<Instance>>;

    fn reserve(&mut self, reservation: &Reservation) -> Result<()>;
    fn release(&mut self, instance: InstanceId) -> Result<()>;
    fn reserved_addresses(&mut self, vpc: VpcId) -> Result<Vec<Ipv4Addr>>;

    fn insert_event(&mut self, event: &NewEvent) -> Result<u64>;
    /// Those after `seq`, ascending, at most `limit`.
    fn events(&mut self, instance: InstanceId, after_seq: u64, limit: u32) -> Result<Vec<Event>>;

    fn insert_server(&mut self, server: &Server) -> Result<()>;
    fn update_server(&mut self, server: &Server) -> Result<()>;
    fn server(&mut self, id: ServerId) -> Result<Option<Server>>;
    fn servers(&mut self) -> Result<Vec<Server>>;
    /// Those with a task in progress.
    fn unfinished_servers(&mut self) -> Result<Vec<Server>>;
    /// Whether an instance is on record for it, terminated or not.
    fn has_instances_on_record(&mut self, server: ServerId) -> Result<bool>;
    /// Its events go with it; a server that instances are on record for stays, and that is an error.
    fn delete_server(&mut self, id: ServerId) -> Result<()>;
    /// Answers its number; `event.seq` is not looked at.
    fn insert_server_event(&mut self, event: &ServerEvent) -> Result<u64>;
    /// Those at `from` or later and before `to`, newest first, of these servers (none: of all), at most `limit` from
    /// `offset` on, and their total without paging. `level`: of that level alone.
    fn server_events(&mut self, wanted: &ServerEventsWanted) -> Result<(Vec<ServerEvent>, u64)>;

    fn insert_agent(&mut self, agent: &Agent) -> Result<()>;
    fn update_agent(&mut self, agent: &Agent) -> Result<()>;
    fn agent(&mut self, id: AgentId) -> Result<Option<Agent>>;
    /// By name.
    fn agents(&mut self) -> Result<Vec<Agent>>;
    fn agent_by_name(&mut self, name: &str) -> Result<Option<Agent>>;
    /// By the SHA-256 of its certificate's DER.
    fn agent_by_certificate(&mut self, fingerprint: &[u8; 32]) -> Result<Option<Agent>>;
    fn insert_join_token(&mut self, token: &JoinToken) -> Result<()>;
    /// Removes and returns the token with this SHA-256: single use.
    fn take_join_token(&mut self, secret_sha256: &[u8; 32]) -> Result<Option<JoinToken>>;

    fn insert_image(&mut self, image: &Image) -> Result<()>;
    fn image(&mut self, id: ImageId) -> Result<Option<Image>>;
    fn images(&mut self) -> Result<Vec<Image>>;

    fn insert_vpc(&mut self, vpc: &Vpc) -> Result<()>;
    fn vpc(&mut self, id: VpcId) -> Result<Option<Vpc>>;
    fn vpcs(&mut self, project: &ProjectId) -> Result<Vec<Vpc>>;
    fn insert_subnet(&mut self, subnet: &Subnet) -> Result<()>;
    fn subnet(&mut self, id: SubnetId) -> Result<Option<Subnet>>;
    fn subnets(&mut self, project: &ProjectId) -> Result<Vec<Subnet>>;

    /// Deletes what retention no longer keeps: terminated instances, with their events, that ended before `before` (at
    /// most 500 at once, so that nobody waits long), and join tokens that expired before it. Answers how many instances.
    fn purge(&mut self, before: Timestamp) -> Result<u64>;
}
