//! What the API needs of the rest of the controller, as traits: the API can then be tried without a life cycle, and the
//! life cycle without HTTP.

use crate::{
    clock::Timestamp,
    lifecycle::{PowerAction, Replaced, Would, refusal::Refusal},
    receipt::PublicKey,
    request::{
        CreateBatch, CreateInstance, ImageMeta, ImageOs, ImportImage, Invalid, ModifyIp, RegisterServer, ServerAction,
        TagChange,
    },
    store::{
        StoreError, Transaction,
        record::{Agent, Image, ImageImport as ImageImportRow, Instance, Server},
    },
};
use axum::body::Body;
use billet_proto::{AgentId, ImageId, InstanceId, ProjectId, ServerId};
use std::{collections::BTreeMap, error::Error, future::Future, pin::Pin, sync::Arc};
use tokio::sync::watch;

/// A future that a trait object can answer.
pub type BoxFuture<'a, T> = Pin<Box<dyn Future<Output = T> + Send + 'a>>;

/// What is written in the transaction that creates these instances, so that neither is there without the other.
pub type AlsoWritten = Box<dyn FnOnce(&mut dyn Transaction, &[InstanceId]) -> Result<(), StoreError> + Send>;

/// The only mover of state.
pub trait LifecycleApi: Send + Sync {
    /// The operating system of an image that the project can see; validation that depends on it comes before all else that
    /// costs more.
    ///
    /// # Errors
    /// [`Refusal::Invalid`] when there is none.
    fn image_os<'a>(&'a self, project: &'a ProjectId, image: ImageId) -> BoxFuture<'a, Result<ImageOs, Refusal>>;

    /// Checks what a request's ids name (image visible, VPC and subnets the project's and of one VPC, addresses free, a
    /// server to be had) without changing anything, so that hopeless requests cost no password hash.
    ///
    /// # Errors
    /// The refusal that [`Self::create`] would answer now.
    fn check_create<'a>(
        &'a self,
        project: &'a ProjectId,
        request: &'a CreateInstance,
    ) -> BoxFuture<'a, Result<Would, Refusal>>;

    /// Checks again, and accepts: instance, reservations and event are on disk when this answers.
    /// `password_hash` is a crypt(3) hash; the request's password was wiped.
    ///
    /// # Errors
    /// Why not; nothing is changed then.
    fn create<'a>(
        &'a self,
        project: ProjectId,
        request: CreateInstance,
        password_hash: String,
        also: Option<AlsoWritten>,
    ) -> BoxFuture<'a, Result<InstanceId, Refusal>>;

    /// As [`Self::check_create`], for several.
    ///
    /// # Errors
    /// The refusal that [`Self::create_batch`] would answer now.
    fn check_batch(&self, project: ProjectId, batch: Arc<CreateBatch>) -> BoxFuture<'_, Result<Would, Refusal>>;

    /// Accepts as many instances as can be had, in one transaction; none when they would be fewer than wanted.
    ///
    /// # Errors
    /// Why not; nothing is changed then.
    fn create_batch(
        &self,
        project: ProjectId,
        batch: Arc<CreateBatch>,
        password_hash: String,
        also: Option<AlsoWritten>,
    ) -> BoxFuture<'_, Result<Vec<InstanceId>, Refusal>>;

    /// As [`Self::delete`], for several: all, or none.
    ///
    /// # Errors
    /// [`Refusal::InstancesNotFound`], naming all that are not there.
    fn delete_batch(&self, project: ProjectId, ids: Vec<InstanceId>) -> BoxFuture<'_, Result<(), Refusal>>;

    /// Changes an instance's labels.
    ///
    /// # Errors
    /// For one that is not there, or when they would be too many.
    fn change_tags(&self, project: ProjectId, id: InstanceId, change: TagChange) -> BoxFuture<'_, Result<(), Refusal>>;

    /// Records that an instance is to be deleted; of `project` alone when one is given. Asking again while it is
    /// shutting down is no error.
    ///
    /// # Errors
    /// [`Refusal::InstancesNotFound`] for one that is unknown, another project's or terminated.
    fn delete<'a>(&'a self, project: Option<ProjectId>, id: InstanceId) -> BoxFuture<'a, Result<(), Refusal>>;

    /// Checks that instances may be reinstalled, with `image` or where there is none each with its own, and changes
    /// nothing; answers the operating systems whose administrators' names the password may not contain.
    ///
    /// # Errors
    /// The refusal that [`Self::reinstall`] would answer now.
    fn check_reinstall(
        &self,
        project: ProjectId,
        ids: Vec<InstanceId>,
        image: Option<ImageId>,
    ) -> BoxFuture<'_, Result<Vec<ImageOs>, Refusal>>;

    /// Records that instances are to be written anew: all of them, or none.
    ///
    /// # Errors
    /// Why not; nothing is changed then.
    fn reinstall(
        &self,
        project: ProjectId,
        of: (Vec<InstanceId>, Option<ImageId>),
        password_hash: String,
    ) -> BoxFuture<'_, Result<(), Refusal>>;

    /// Checks that instances may get another password, and changes nothing; answers as [`Self::check_reinstall`].
    ///
    /// # Errors
    /// The refusal that [`Self::change_password`] would answer now.
    fn check_password(&self, project: ProjectId, ids: Vec<InstanceId>) -> BoxFuture<'_, Result<Vec<ImageOs>, Refusal>>;

    /// Keeps a password for instances' next boots: all of them, or none.
    ///
    /// # Errors
    /// Why not; nothing is changed then.
    fn change_password(
        &self,
        project: ProjectId,
        ids: Vec<InstanceId>,
        password_hash: String,
    ) -> BoxFuture<'_, Result<(), Refusal>>;

    /// Records that an instance is to get other addresses, which are reserved beside those that it has.
    ///
    /// # Errors
    /// Why not; nothing is changed then.
    fn modify_ip(&self, project: ProjectId, id: InstanceId, request: ModifyIp) -> BoxFuture<'_, Result<(), Refusal>>;

    /// Asks once more, for an operator, for what failed last; answers the instance as it then stands.
    ///
    /// # Errors
    /// For one that is unknown, or where nothing failed that can be done again as it was asked for, with what to do instead.
    fn retry(&self, id: InstanceId) -> BoxFuture<'_, Result<Instance, Refusal>>;

    /// Gives up, for an operator, the operation that is in progress: the server is powered off. Answers the instance as it then
    /// stands.
    ///
    /// # Errors
    /// For one that is unknown, or has nothing in progress that can be given up.
    fn cancel(&self, id: InstanceId) -> BoxFuture<'_, Result<Instance, Refusal>>;

    /// Takes the operator's word for a server: registers it, or changes its registration.
    ///
    /// # Errors
    /// For an agent that did not join, or another agent's server with an instance on it.
    fn register(&self, id: ServerId, word: RegisterServer) -> BoxFuture<'_, Result<Server, Refusal>>;

    /// Does what the operator wants with a server, or begins it.
    ///
    /// # Errors
    /// For one that is unknown, or that the action is not legal for now, with the reason.
    fn act_on_server(&self, id: ServerId, action: ServerAction) -> BoxFuture<'_, Result<Server, Refusal>>;

    /// Powers servers, all or none; of `project` alone when one is given, and of those only where its instances are.
    ///
    /// # Errors
    /// Which server is not to be found, or is not in the state for it.
    fn power_servers<'a>(
        &'a self,
        project: Option<ProjectId>,
        ids: Vec<ServerId>,
        action: PowerAction,
    ) -> BoxFuture<'a, Result<(), Refusal>>;

    /// Changes the tags of a server that `project` sees (none: any).
    ///
    /// # Errors
    /// When it is not to be found, or has too many.
    fn tag_server<'a>(
        &'a self,
        project: Option<ProjectId>,
        id: ServerId,
        change: TagChange,
    ) -> BoxFuture<'a, Result<(), Refusal>>;

    /// Forgets a server that was retired; one that was not wiped in full only where that is accepted.
    ///
    /// # Errors
    /// For one that is unknown, not `offboarding`, on record for an instance, or not wiped in full.
    fn forget_server(&self, id: ServerId, accept_unwiped: bool) -> BoxFuture<'_, Result<(), Refusal>>;

    /// Makes an agent's certificates count no more; none where no agent has that name. Who is told is the sessions' part.
    ///
    /// # Errors
    /// When the store fails.
    fn revoke_agent(&self, name: String) -> BoxFuture<'_, Result<Option<Agent>, Refusal>>;

    /// Gives the servers of a revoked agent to another; none where no agent has the first name.
    ///
    /// # Errors
    /// When the first is not revoked, or the other cannot take them.
    fn replace_agent(&self, gone: String, by: String) -> BoxFuture<'_, Result<Option<Replaced>, Refusal>>;

    /// The key by which receipts are checked.
    fn receipt_key(&self) -> PublicKey;

    /// Counts up after each committed event of any instance.
    fn changes(&self) -> watch::Receiver<u64>;
}

/// Sessions with agents.
pub trait Presence: Send + Sync {
    /// Whether the agent has a session now.
    fn agent_online(&self, agent: AgentId) -> bool;

    /// Told after the operator's side of a server was changed and committed: its agent, and one that lost it, hear of it at once.
    fn server_changed(&self, _server: ServerId) {}

    /// Told after an agent's certificates were revoked and that was committed: what it has open ends.
    fn agent_revoked(&self, _agent: AgentId) {}
}

/// Takes images in.
pub trait ImageImport: Send + Sync {
    /// Brings the raw bytes of `body` into the canonical form and records the image.
    ///
    /// # Errors
    /// Why not; nothing is kept then.
    fn import<'a>(&'a self, meta: ImageMeta, body: Body) -> BoxFuture<'a, Result<Image, ImportRefusal>>;

    /// Accepts an image to be fetched from a URL: its record is on disk when this answers.
    ///
    /// # Errors
    /// Why not; nothing is kept then.
    fn import_url(&self, wanted: ImportImage) -> BoxFuture<'_, Result<ImageImportRow, ImportRefusal>>;

    /// Removes the bytes of an image whose record is gone; what cannot be removed now, the next start removes.
    fn remove(&self, image: ImageId) -> BoxFuture<'_, ()>;
}

/// Why an image was not taken in.
#[derive(Debug, thiserror::Error)]
pub enum ImportRefusal {
    /// The bytes are not what was announced, or did not come.
    #[error("import the image: {0}")]
    Invalid(Invalid),
    /// As many imports as are allowed are in progress.
    #[error("import the image: too many imports are in progress")]
    Busy,
    /// The project has as many as it may, or the record could not be written.
    #[error("record the image")]
    Refused(#[source] Refusal),
    /// The image could not be kept.
    #[error("keep the image")]
    Failed(#[source] Box<dyn Error + Send + Sync>),
}

/// How agents join.
pub trait Enrolment: Send + Sync {
    /// Makes a token that lets one agent of that name join once, and says until when. Only its digest is stored.
    ///
    /// # Errors
    /// When the name is taken, or the store fails.
    fn new_join_token(&self, agent_name: String) -> BoxFuture<'_, Result<(String, Timestamp), Refusal>>;

    /// All agents that joined.
    ///
    /// # Errors
    /// When the store fails.
    fn agents(&self) -> BoxFuture<'_, Result<Vec<Agent>, Refusal>>;
}

/// Opens what is sealed at rest and may be shown.
pub trait Secrets: Send + Sync {
    /// An instance's metadata.
    ///
    /// # Errors
    /// When it does not open: the key is another, or the row was changed.
    fn metadata(&self, instance: &Instance) -> Result<BTreeMap<String, String>, SecretsError>;

    /// What its cloud-init is given; none where the tenant gave nothing.
    ///
    /// # Errors
    /// As above.
    fn user_data(&self, instance: &Instance) -> Result<Option<zeroize::Zeroizing<Vec<u8>>>, SecretsError>;
}

/// A sealed value that does not open.
#[derive(Debug, thiserror::Error)]
#[error("open what is sealed at rest")]
pub struct SecretsError(#[source] pub Box<dyn Error + Send + Sync>);
