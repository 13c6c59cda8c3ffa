//! The only door to the database. Logic asks for a [`Transaction`], reads and writes records in it, and
//! commits; what SQL stands behind is [`sqlite`]'s business.
//!
//! Invariants: a server has at most one instance that is not terminated, and an address one owner within
//! its VPC: the database's unique indexes refuse otherwise. What [`Handle::run`] answered is on disk.
//! A store has no threads of its own: [`Handle::threaded`] gives it one, [`Handle::inline`] runs it where it is called.

pub mod access;
mod handle;
pub mod record;
pub mod sqlite;

pub use handle::Handle;

use crate::clock::Timestamp;
use billet_proto::{
    AgentId, ImageId, InstanceId, PrivateIpId, ProjectId, ServerId, SubnetId, VpcId,
    link::{self, Inventory},
};
use record::{
    AddressUse, Agent, Baseline, Event, Image, ImageImport, Instance, JoinToken, ListedServer, ManageState, Marks,
    NewEvent, PlaneReservation, PlaneSubnet, PrivateIp, Reservation, Server, ServerCount, ServerEvent, Subnet, Vpc,
    WipeReceipt,
};
use std::{collections::HashSet, net::Ipv4Addr};

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
    /// The store's thread is gone.
    #[error("reach the store")]
    Unreachable,
    /// As much work waits for the store as may; nothing was done.
    #[error("reach the store: too much work waits for it")]
    Busy,
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

    /// Brings every commit so far to the disk: a power cut from now on loses none. Before, it may lose the last ones, but
    /// each as a whole, and none before one that it keeps.
    ///
    /// # Errors
    /// When the disk refuses; then nobody knows what is on it, and the store must not be used further.
    fn flush(&mut self) -> Result<()>;

    /// Whether every commit is on disk.
    fn is_flushed(&self) -> bool;
}

/// How many servers stand alike.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Tally {
    /// Their state.
    pub state: ManageState,
    /// Whether the agent that they are registered for owns them.
    pub vouched: bool,
    /// Whether a task is in progress on them.
    pub busy: bool,
    /// How many.
    pub servers: u64,
}

/// What tells a machine from others.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Machine {
    /// The server's.
    pub id: ServerId,
    /// By what it is known.
    pub marks: Marks,
    /// Another one has its place now.
    pub is_former: bool,
}

/// Which servers are to be listed.
#[derive(Debug, Clone, Default)]
pub struct ServersWanted {
    /// Those of this project, and those that it has an instance on; none: all.
    pub project: Option<ProjectId>,
    /// In this state alone.
    pub state: Option<ManageState>,
    /// After this one.
    pub marker: Option<ServerId>,
    /// At most so many.
    pub limit: u32,
}

/// Which instances are to be listed. Those that were terminated are, only where the states name them.
#[derive(Debug, Clone)]
pub struct InstancesWanted {
    /// Whose.
    pub project: ProjectId,
    /// These alone; empty: all.
    pub ids: Vec<InstanceId>,
    /// On these servers alone; empty: on all.
    pub servers: Vec<ServerId>,
    /// In these states alone, in the API's words; empty: in all.
    pub states: Vec<String>,
    /// Of this name alone.
    pub name: Option<String>,
    /// With a tag of this key, and of this value where it is given.
    pub tag: Option<(String, Option<String>)>,
    /// After this one.
    pub marker: Option<InstanceId>,
    /// At most so many.
    pub limit: u32,
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

/// Which images are to be read.
#[derive(Debug, Clone)]
pub struct ImagesWanted {
    /// Those that this project sees.
    pub project: ProjectId,
    /// After this one.
    pub marker: Option<ImageId>,
    /// At most so many.
    pub limit: u32,
    /// With this very name.
    pub name: Option<String>,
    /// With this word.
    pub os_type: Option<String>,
    /// Shared by an operator, or not.
    pub shared: Option<bool>,
}

/// Reads and writes that happen together or not at all. Dropped without commit, it is rolled back.
#[expect(
    missing_docs,
    clippy::missing_errors_doc,
    reason = "each method is its name; all fail only as StoreError says"
)]
pub trait Transaction: access::Access {
    fn commit(self: Box<Self>) -> Result<()>;

    fn insert_instance(&mut self, instance: &Instance) -> Result<()>;
    /// Writes all of `instance` where the stored version is `instance.version`, and counts the version up in the database.
    fn update_instance(&mut self, instance: &Instance) -> Result<()>;
    fn instance(&mut self, id: InstanceId) -> Result<Option<Instance>>;
    /// Not terminated, on this server.
    fn instance_on(&mut self, server: ServerId) -> Result<Option<Instance>>;
    /// By id ascending, and their total without paging. Without passwords, user data, receipts and what was before: these
    /// are to be shown, and never written back.
    fn list_instances(&mut self, wanted: &InstancesWanted) -> Result<(Vec<Instance>, u64)>;
    /// Those with a step deadline (work in progress).
    fn unfinished_instances(&mut self) -> Result<Vec<Instance>>;

    fn reserve(&mut self, reservation: &Reservation) -> Result<()>;
    fn release(&mut self, instance: InstanceId) -> Result<()>;
    #[cfg(test)]
    fn reserved_addresses(&mut self, vpc: VpcId) -> Result<Vec<Ipv4Addr>>;
    fn address_use(&mut self, vpc: VpcId, address: Ipv4Addr) -> Result<Option<AddressUse>>;
    /// How many addresses of the subnet are reserved.
    fn addresses_in_use(&mut self, subnet: SubnetId) -> Result<u64>;
    /// The lowest address that a host may have, that is not reserved, and that is not in `except`. However many are taken,
    /// it takes about as long.
    fn free_address(&mut self, subnet: &Subnet, except: &HashSet<Ipv4Addr>) -> Result<Option<Ipv4Addr>>;
    fn hold(&mut self, held: &PrivateIp) -> Result<()>;
    fn private_ip(&mut self, id: PrivateIpId) -> Result<Option<PrivateIp>>;
    /// Those of a project, of one subnet where it is named, by id ascending, after `marker`.
    fn private_ips(
        &mut self,
        project: &ProjectId,
        subnet: Option<SubnetId>,
        marker: Option<PrivateIpId>,
        limit: u32,
    ) -> Result<Vec<PrivateIp>>;
    fn delete_private_ip(&mut self, id: PrivateIpId) -> Result<()>;

    fn insert_event(&mut self, event: &NewEvent) -> Result<u64>;
    /// Those after `seq`, ascending, at most `limit`.
    fn events(&mut self, instance: InstanceId, after_seq: u64, limit: u32) -> Result<Vec<Event>>;

    fn insert_server(&mut self, server: &Server) -> Result<()>;
    fn update_server(&mut self, server: &Server) -> Result<()>;
    fn server(&mut self, id: ServerId) -> Result<Option<Server>>;
    /// What a ramdisk saw of a server last; none before it was inspected.
    fn inventory(&mut self, server: ServerId) -> Result<Option<Inventory>>;
    /// In the place of what was seen before. The caller writes what the server's row has of it.
    fn record_inventory(&mut self, server: ServerId, seen: &Inventory) -> Result<()>;
    fn forget_inventory(&mut self, server: ServerId) -> Result<()>;
    /// What a server was like when it was enrolled, or when the operator accepted it anew.
    fn baseline(&mut self, server: ServerId) -> Result<Option<Baseline>>;
    /// In the place of the one before.
    fn record_baseline(&mut self, server: ServerId, baseline: &Baseline) -> Result<()>;
    /// What an order of this generation saw, to be compared with the baseline.
    fn baseline_seen(&mut self, server: ServerId, generation: u64) -> Result<Option<link::Baseline>>;
    /// In the place of what any order saw before.
    fn record_baseline_seen(&mut self, server: ServerId, generation: u64, facts: &link::Baseline) -> Result<()>;
    #[cfg(test)]
    fn servers(&mut self) -> Result<Vec<Server>>;
    /// One drawn by any number, each equally likely; none in an empty fleet, or when the draw falls on one that is gone.
    fn server_drawn(&mut self, draw: u64) -> Result<Option<Server>>;
    fn servers_in(&mut self, state: ManageState) -> Result<Vec<Server>>;
    fn servers_of(&mut self, owner: AgentId) -> Result<Vec<Server>>;
    fn servers_registered_for(&mut self, agent: AgentId) -> Result<Vec<Server>>;
    /// How the servers stand that a project may use.
    fn server_tally(&mut self, project: &ProjectId) -> Result<Vec<Tally>>;
    /// Those that somebody owns, or that an instance is on, or that a tenant left as no other may have them: not wiped, wiped in part, or
    /// not as they were; and, of all servers, those that had the id before.
    fn machines(&mut self) -> Result<Vec<Machine>>;
    /// An agent's servers with a task in progress, and instances on its servers with work in progress.
    fn unfinished_of(&mut self, owner: AgentId) -> Result<(Vec<Server>, Vec<Instance>)>;
    /// Servers and instances whose deadline has come.
    fn overdue(&mut self, now: Timestamp) -> Result<(Vec<Server>, Vec<Instance>)>;
    /// The earliest deadline of those later than `after`.
    fn next_deadline(&mut self, after: Timestamp) -> Result<Option<Timestamp>>;
    /// Servers with a task, and instances with an order, that no agent has taken up and that are to be sent again by now: at most
    /// `limit` of each, the longest due first.
    fn untaken(&mut self, now: Timestamp, limit: u32) -> Result<(Vec<Server>, Vec<Instance>)>;
    /// When, after `now`, the next of these is to be sent again.
    fn next_resend(&mut self, now: Timestamp) -> Result<Option<Timestamp>>;
    /// A page, by id ascending, and the total without paging.
    fn listed_servers(&mut self, wanted: &ServersWanted) -> Result<(Vec<ListedServer>, u64)>;
    /// One as in a list.
    fn listed_server(&mut self, id: ServerId) -> Result<Option<ListedServer>>;
    /// How many there are of each sort; of a project as in [`ServersWanted`], or of all.
    fn server_counts(&mut self, project: Option<&ProjectId>) -> Result<Vec<ServerCount>>;
    /// Those with a task in progress.
    fn unfinished_servers(&mut self) -> Result<Vec<Server>>;
    /// Whether an instance is on record for it, terminated or not.
    fn has_instances_on_record(&mut self, server: ServerId) -> Result<bool>;
    /// Its events go with it, the receipts of its erased disks stay; a server that instances are on record for stays,
    /// and that is an error.
    fn delete_server(&mut self, id: ServerId) -> Result<()>;
    /// Answers its number; `event.seq` is not looked at.
    fn insert_server_event(&mut self, event: &ServerEvent) -> Result<u64>;
    /// Those at `from` or later and before `to`, newest first, of these servers (none: of all), at most `limit` from
    /// `offset` on, and their total without paging. `level`: of that level alone.
    fn server_events(&mut self, wanted: &ServerEventsWanted) -> Result<(Vec<ServerEvent>, u64)>;
    /// Answers its number; `receipt.seq` is not looked at.
    fn insert_wipe_receipt(&mut self, receipt: &WipeReceipt) -> Result<u64>;
    /// Those of a server, known still or not, the newest first, with numbers below `before` (none: all), at most
    /// `limit`.
    fn wipe_receipts(&mut self, server: ServerId, before: Option<u64>, limit: u32) -> Result<Vec<WipeReceipt>>;

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
    /// Removes all tokens for that name.
    fn forget_join_tokens(&mut self, agent_name: &str) -> Result<()>;
    /// All of them.
    fn forget_all_join_tokens(&mut self) -> Result<()>;

    fn insert_image(&mut self, image: &Image) -> Result<()>;
    fn image(&mut self, id: ImageId) -> Result<Option<Image>>;
    fn images(&mut self) -> Result<Vec<Image>>;
    /// By id ascending.
    fn images_wanted(&mut self, wanted: &ImagesWanted) -> Result<Vec<Image>>;
    /// Writes name and owner.
    fn update_image(&mut self, image: &Image) -> Result<()>;
    /// How many instances that are not terminated have it, without those of one project.
    fn instances_of_image(&mut self, id: ImageId, except: Option<&ProjectId>) -> Result<u64>;
    /// It is gone for every question, and its row with the last instance on record that names it.
    fn delete_image(&mut self, id: ImageId, now: Timestamp) -> Result<()>;

    fn insert_image_import(&mut self, import: &ImageImport) -> Result<()>;
    /// Writes status, reason and end.
    fn update_image_import(&mut self, import: &ImageImport) -> Result<()>;
    fn image_import(&mut self, id: ImageId) -> Result<Option<ImageImport>>;
    /// Those that were asked for in the project's path, by id ascending.
    fn image_imports_wanted(&mut self, wanted: &ImagesWanted) -> Result<Vec<ImageImport>>;
    fn unfinished_image_imports(&mut self) -> Result<Vec<ImageImport>>;
    fn delete_image_import(&mut self, id: ImageId) -> Result<()>;

    fn insert_vpc(&mut self, vpc: &Vpc) -> Result<()>;
    fn vpc(&mut self, id: VpcId) -> Result<Option<Vpc>>;
    /// By id ascending, after `marker`.
    fn vpcs(&mut self, project: &ProjectId, marker: Option<VpcId>, limit: u32) -> Result<Vec<Vpc>>;
    /// Writes name and network.
    fn update_vpc(&mut self, vpc: &Vpc) -> Result<()>;
    /// How many instances that are not terminated are in it.
    fn instances_in_vpc(&mut self, vpc: VpcId) -> Result<u64>;
    /// It is gone for every question, and its row with the last instance on record that names it.
    fn delete_vpc(&mut self, id: VpcId, now: Timestamp) -> Result<()>;
    fn insert_subnet(&mut self, subnet: &Subnet) -> Result<()>;
    fn subnet(&mut self, id: SubnetId) -> Result<Option<Subnet>>;
    /// Of one VPC where it is named, by id ascending, after `marker`.
    fn subnets(
        &mut self,
        project: &ProjectId,
        vpc: Option<VpcId>,
        marker: Option<SubnetId>,
        limit: u32,
    ) -> Result<Vec<Subnet>>;
    /// Of a VPC's subnets that begin at or before an address, the last one: of all subnets, the only one that can hold it.
    fn subnet_up_to(&mut self, vpc: VpcId, address: Ipv4Addr) -> Result<Option<Subnet>>;
    fn subnets_in_vpc(&mut self, vpc: VpcId) -> Result<u64>;
    /// Writes name and name servers.
    fn update_subnet(&mut self, subnet: &Subnet) -> Result<()>;
    /// An error where an address of it is reserved.
    fn delete_subnet(&mut self, id: SubnetId) -> Result<()>;

    fn insert_plane_subnet(&mut self, subnet: &PlaneSubnet) -> Result<()>;
    /// By rail.
    fn plane_subnets(&mut self) -> Result<Vec<PlaneSubnet>>;
    /// An error where an address of it is reserved.
    fn delete_plane_subnet(&mut self, id: SubnetId) -> Result<()>;
    fn plane_addresses_in_use(&mut self, subnet: SubnetId) -> Result<u64>;
    /// As [`Transaction::free_address`].
    fn free_plane_address(&mut self, subnet: &PlaneSubnet, except: &HashSet<Ipv4Addr>) -> Result<Option<Ipv4Addr>>;
    /// Freed with the instance's other addresses.
    fn reserve_on_plane(&mut self, reservation: &PlaneReservation) -> Result<()>;

    /// Deletes what retention no longer keeps: terminated instances, with their events, that ended before `before` (at
    /// most 500 at once, so that nobody waits long), and join tokens that expired before it. Answers how many instances.
    fn purge(&mut self, before: Timestamp) -> Result<u64>;
    /// Deletes servers' events from before `before`, the oldest first and at most 500 at once; answers how many.
    fn purge_server_events(&mut self, before: Timestamp) -> Result<u64>;
    /// As [`Transaction::purge_server_events`], of receipts of erased disks.
    fn purge_wipe_receipts(&mut self, before: Timestamp) -> Result<u64>;
}
