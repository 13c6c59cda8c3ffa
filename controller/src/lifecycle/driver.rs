//! Runs operations: gives them the time, commits, and tells agents and watchers afterwards.
//!
//! Nothing here decides; and nothing is kept here that a restart must know, except how often progress was recorded.

mod instances;
mod servers;
mod steady;
mod uncommitted;

use super::{
    cancel,
    certify::certify,
    claim::{self, HelloError},
    create::{self, New},
    delete,
    expire::{self, Since},
    image_access, order,
    power::PowerAction,
    refusal::Refusal,
    register,
    rehearse::Would,
    replace_agent::{self, Replaced},
    report::{self, Applied},
    resend, retry, revoke,
    rules::Rules,
    secrets::InstanceSecrets,
    server_tags, tags, task,
    word::{self, Withheld},
};
use crate::{
    api::ports::{AlsoWritten, BoxFuture, LifecycleApi},
    clock::{Edge, Timestamp},
    config::{Deadlines, Policy},
    receipt::{PublicKey, ReceiptKey},
    request::{CreateBatch, CreateInstance, ImageOs, ModifyIp, RegisterServer, ServerAction, TagChange},
    store::{
        Handle, StoreError, Transaction,
        record::{Agent, Instance, Server},
    },
};
use billet_proto::{
    AgentId, ImageId, InstanceId, ProjectId, ServerId,
    link::{Claim, Hello, Order, Report, WordRequest, report::What},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};
use steady::Steady;
use tokio::sync::watch;

/// Progress is recorded for each percent, and at least so often.
const PROGRESS_PAUSE: Duration = Duration::from_secs(5);
/// So long can servers' events be asked for.
const SERVER_EVENTS_KEPT: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// Ten years: so long may somebody ask whether a disk was erased. Longer is for an archive.
const WIPE_RECEIPTS_KEPT: Duration = Duration::from_secs(3653 * 24 * 60 * 60);
/// The longest sleep between two looks at the deadlines.
const MAX_SLEEP: Duration = Duration::from_secs(60);
/// The shortest pause between two looks at the deadlines.
const LOOK_PAUSE: Duration = Duration::from_millis(250);
/// A look that comes so much later than it was to: nobody kept the time meanwhile. It is less than agents give up before the controller
/// does, so that what they did in time is not overdue before it could be told.
const LATE: Duration = Duration::from_secs(10);
/// After the store failed, the deadlines are looked at again so soon.
const RETRY: Duration = Duration::from_secs(1);

/// Brings an order to an agent.
pub trait Dispatch: Send + Sync {
    /// Sends it if the agent has a session. An order that does not arrive is sent again when the agent attaches, and by itself.
    fn send(&self, agent: AgentId, order: Order);
}

/// What a life cycle is made of.
pub struct Parts {
    /// The records.
    pub store: Handle,
    /// Time, randomness and ids.
    pub edge: Edge,
    /// Opens and seals instances' secrets.
    pub secrets: InstanceSecrets,
    /// Signs receipts.
    pub receipts: ReceiptKey,
    /// When a step becomes an error.
    pub deadlines: Deadlines,
    /// What the operator allows.
    pub policy: Policy,
    /// The way to agents.
    pub dispatch: Arc<dyn Dispatch>,
}

/// The life cycle of all instances; cheap to clone.
#[derive(Clone)]
pub struct Lifecycle {
    parts: Arc<Parts>,
    time: Arc<Steady>,
    changes: watch::Sender<u64>,
    /// By server: the progress recorded last.
    progress: Arc<Mutex<HashMap<String, Recorded>>>,
}

/// Generation, bytes and time of a progress.
type Recorded = (u64, u64, Timestamp);

impl Lifecycle {
    /// A life cycle over these parts. [`Lifecycle::run`] must run for deadlines to be kept.
    pub fn new(parts: Parts) -> Self {
        let time = Arc::new(Steady::new(parts.edge.clone()));
        Self { parts: Arc::new(parts), time, changes: watch::channel(0).0, progress: Arc::default() }
    }

    /// Whether the clock was right for an hour, as far as anybody knows. Until then nothing is deleted for its age.
    pub(crate) fn has_right_time(&self) -> bool {
        self.time.is_settled()
    }

    fn rules(&self) -> Rules {
        let Parts { deadlines, policy, .. } = &*self.parts;
        Rules { now: self.time.now(), deadlines: *deadlines, policy: *policy }
    }

    pub(super) fn changed(&self) {
        self.changes.send_modify(|count| *count = count.wrapping_add(1));
    }

    async fn transact<T, E>(
        &self,
        work: impl FnOnce(&mut dyn Transaction) -> Result<T, E> + Send + 'static,
    ) -> Result<T, E>
    where
        T: Send + 'static,
        E: From<StoreError> + Send + 'static,
    {
        let done = self.parts.store.run(work).await?;
        self.changed();
        Ok(done)
    }

    /// Sends the order that `instance` stands for, if its agent is there.
    async fn dispatch(&self, instance: Instance) {
        let (rules, secrets, store) = (self.rules(), self.parts.secrets.clone(), &self.parts.store);
        let (id, instance) = (instance.id, Arc::new(instance));
        let make = move |tx: &mut dyn Transaction| Ok::<_, StoreError>(order::of(tx, &rules, &secrets, &instance));
        let made = match store.view(make.clone()).await {
            // So many look that no more are taken. They may come again; an order is made again only after a pause.
            Err(StoreError::Busy) => store.run(make).await,
            made => made,
        };
        match made {
            Ok(Ok(Some((agent, order)))) => self.parts.dispatch.send(agent, order),
            Ok(Ok(None)) => {}
            Ok(Err(error)) => tracing::error!(instance = %id, %error, "no order can be made"),
            Err(error) => tracing::error!(instance = %id, %error, "no order can be made"),
        }
    }

    /// Takes note of an agent that attaches, and of its servers.
    ///
    /// # Errors
    /// When it is unknown or of an older start, or the store fails.
    pub(crate) async fn hello(&self, agent: AgentId, hello: Hello) -> Result<Vec<Claim>, HelloError> {
        let rules = self.rules();
        self.transact(move |tx| claim::hello(tx, &rules, agent, &hello)).await
    }

    /// What an agent is to do.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn open_orders(&self, agent: AgentId) -> Result<Vec<Order>, StoreError> {
        let (rules, secrets) = (self.rules(), self.parts.secrets.clone());
        let orders = self.parts.store.run(move |tx| {
            order::of_agent(tx, &rules, &secrets, agent).map_err(|error| match error {
                order::OrderError::Store(error) => error,
                order::OrderError::Secrets(_) => StoreError::Corrupt("an instance's secrets"),
            })
        });
        orders.await
    }

    /// Takes an agent's reports, in their order and together: an agent says several things at once.
    ///
    /// # Errors
    /// When the store fails; nothing was taken then, and the agent must tell again.
    pub(crate) async fn report(&self, agent: AgentId, mut reports: Vec<Report>) -> Result<(), StoreError> {
        let rules = self.rules();
        reports.retain(|report| self.is_worth_recording(report, rules.now));
        if reports.is_empty() {
            return Ok(());
        }
        let receipts = self.parts.receipts.clone();
        let work = move |tx: &mut dyn Transaction| {
            let (mut recorded, mut ended) = (false, Vec::new());
            for report in &reports {
                match report::apply(tx, &rules, agent, report)? {
                    Applied::Recorded => {
                        certify(tx, &receipts, report)?;
                        recorded = true;
                        if let Some(What::Done(_) | What::Failed(_)) = report.what {
                            ended.push(report.server_id.clone());
                        }
                    }
                    Applied::Ignored(why) => {
                        let Report { server_id, generation, .. } = report;
                        tracing::debug!(server = %server_id, generation, why, "a report changed nothing");
                    }
                }
            }
            Ok::<_, StoreError>((recorded, ended))
        };
        let (recorded, ended) = self.parts.store.run(work).await?;
        if recorded {
            self.changed();
        }
        // What follows by itself: a wipe after a release.
        for id in ended.iter().filter_map(|id| id.parse().ok()) {
            self.dispatch_task(id).await;
        }
        Ok(())
    }

    fn is_worth_recording(&self, report: &Report, now: Timestamp) -> bool {
        let mut known = self.progress.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(What::Progress(progress)) = &report.what else {
            known.remove(&report.server_id);
            return true;
        };
        if let Some((generation, bytes, at)) = known.get(&report.server_id) {
            let little = progress.done_bytes.saturating_sub(*bytes) < progress.total_bytes / 100;
            let whole = progress.done_bytes >= progress.total_bytes;
            if *generation == report.generation && little && !whole && now.since(*at) < PROGRESS_PAUSE {
                return false;
            }
        }
        known.insert(report.server_id.clone(), (report.generation, progress.done_bytes, now));
        true
    }

    /// Whether a generation may still hand over: granted, or why not.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn word(&self, agent: AgentId, asked: WordRequest) -> Result<Result<(), Withheld>, StoreError> {
        self.parts.store.run(move |tx| word::speak(tx, agent, &asked)).await
    }

    /// The image that an agent may read for a server's generation; none when it may read none.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn readable_image(
        &self,
        agent: AgentId,
        server: String,
        generation: u64,
    ) -> Result<Option<ImageId>, StoreError> {
        self.parts.store.run(move |tx| image_access::readable(tx, agent, &server, generation)).await
    }

    /// Ends what is overdue; answers the next deadline.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn expire(&self) -> Result<Option<Timestamp>, StoreError> {
        let rules = self.rules();
        let (ended, next) = self.parts.store.run(move |tx| expire::expire(tx, &rules)).await?;
        if ended > 0 {
            self.changed();
        }
        Ok(next)
    }

    /// Sends the orders again that no agent took up, and are due; answers when the next one is.
    ///
    /// # Errors
    /// When the store fails; nothing was sent then.
    pub async fn send_again(&self) -> Result<Option<Timestamp>, StoreError> {
        loop {
            let (rules, edge) = (self.rules(), self.parts.edge.clone());
            let work = move |tx: &mut dyn Transaction| {
                let (servers, instances) = resend::due(tx, &rules, &edge)?;
                let orders: Result<Vec<_>, _> =
                    servers.iter().map(|server| task::order::readable(tx, &rules, server)).collect();
                Ok::<_, StoreError>((orders?, instances, tx.next_resend(rules.now)?))
            };
            let (orders, instances, next) = self.parts.store.run(work).await?;
            let sent = orders.len().max(instances.len());
            for (agent, order) in orders.into_iter().flatten() {
                self.parts.dispatch.send(agent, order);
            }
            for instance in instances {
                self.dispatch(instance).await;
            }
            // As many as are looked at together: there may be more.
            if sent < usize::try_from(resend::TOGETHER).unwrap_or(usize::MAX) {
                return Ok(next);
            }
        }
    }

    /// Does what the time has come for: ends what is overdue, and sends again what nobody took up. Answers when there is more to
    /// do.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keep_time(&self) -> Result<Option<Timestamp>, StoreError> {
        let deadline = self.expire().await?;
        let resend = self.send_again().await?;
        Ok(deadline.into_iter().chain(resend).min())
    }

    /// Forgets terminated instances that are older than the policy keeps them, and what happened to servers long ago.
    pub(super) async fn purge(&self) -> Result<(), StoreError> {
        let rules = self.rules();
        let (now, kept) = (rules.now, rules.policy.terminated_retention);
        let (instances, events, receipts) =
            (now.before(kept), now.before(SERVER_EVENTS_KEPT), now.before(WIPE_RECEIPTS_KEPT));
        let purge = move |tx: &mut dyn Transaction| {
            tx.purge(instances)?;
            tx.purge_wipe_receipts(receipts)?;
            tx.purge_server_events(events)
        };
        self.parts.store.run(purge).await.map(drop)
    }

    /// Where the machine's clock was set, what is in progress has as much time left as before. And where nobody kept the time since
    /// `due`, or it is not known since when (this starts), agents may have gone on: they are heard before anything is called overdue.
    async fn follow_clock(&self, due: Option<Timestamp>) -> Result<(), StoreError> {
        let (ahead, is_set) = self.time.difference();
        let is_late = due.is_none_or(|due| self.time.now().since(due) > LATE);
        if is_set {
            tracing::warn!(
                ahead_ms = ahead,
                "the machine's clock was set; what is in progress has as much time left as before"
            );
            self.parts.store.run(move |tx| expire::follow(tx, ahead)).await?;
            self.progress.lock().unwrap_or_else(PoisonError::into_inner).clear();
        }
        self.time.follow(ahead);
        if is_set || is_late {
            let (rules, since) = (self.rules(), if due.is_none() { Since::Start } else { Since::Look });
            self.parts.store.run(move |tx| expire::hear_first(tx, &rules, since)).await?;
        }
        Ok(())
    }

    /// A look at the clock and the deadlines that was to come at `due`. Answers when the next is to come: when there is more to do.
    ///
    /// # Errors
    /// When the store fails.
    pub(crate) async fn look(&self, due: Option<Timestamp>) -> Result<Timestamp, StoreError> {
        self.follow_clock(due).await?;
        // Where all stands still from here on, the next is late.
        let began = self.time.now();
        let last = began.after(MAX_SLEEP);
        Ok(self.keep_time().await?.map_or(last, |next| next.clamp(began, last)))
    }

    /// Keeps deadlines until `stop`, or until the store is gone for good: then the daemon ends, and is started anew.
    pub async fn run(self, mut stop: watch::Receiver<bool>) {
        let mut changes = self.changes.subscribe();
        let mut due = None;
        while !*stop.borrow() {
            let sleep = match self.look(due).await {
                Ok(next) => {
                    due = Some(next);
                    next.since(self.time.now())
                }
                Err(error @ StoreError::Unreachable) => {
                    tracing::error!(%error, "the store is gone");
                    return;
                }
                Err(error) => {
                    tracing::error!(%error, "deadlines cannot be looked at");
                    RETRY
                }
            };
            // A clock that is far ahead would make all of it old.
            let purged = if self.has_right_time() { self.purge().await } else { Ok(()) };
            if let Err(error) = purged {
                tracing::error!(%error, "what retention no longer keeps cannot be deleted");
            }
            tokio::select! {
                () = tokio::time::sleep(sleep + Duration::from_millis(1)) => {}
                // A change may have set an earlier deadline. All are in seconds, and changes may be thousands each second.
                _ = changes.changed() => tokio::time::sleep(LOOK_PAUSE).await,
                _ = stop.changed() => {}
            }
        }
    }
}

/// Goes on to its end when the caller hangs up: what was accepted is sent too.
async fn unhurried<T: Send + 'static>(
    work: impl Future<Output = Result<T, Refusal>> + Send + 'static,
) -> Result<T, Refusal> {
    let done = tokio::spawn(work).await;
    done.unwrap_or_else(|_| Err(Refusal::Store(StoreError::Unreachable)))
}

impl LifecycleApi for Lifecycle {
    fn image_os<'a>(&'a self, project: &'a ProjectId, image: ImageId) -> BoxFuture<'a, Result<ImageOs, Refusal>> {
        let project = project.clone();
        Box::pin(async move { self.parts.store.view(move |tx| create::image_os(tx, &project, image)).await })
    }

    fn check_create<'a>(
        &'a self,
        project: &'a ProjectId,
        request: &'a CreateInstance,
    ) -> BoxFuture<'a, Result<Would, Refusal>> {
        let (edge, project) = (self.parts.edge.clone(), project.clone());
        let request = create::Wish::of(request, request.server_id);
        Box::pin(async move {
            let plan = move |tx: &mut dyn Transaction| create::plan(tx, &edge, &project, &request);
            Ok(Would::planned(&self.parts.store.view(plan).await?))
        })
    }

    fn create<'a>(
        &'a self,
        project: ProjectId,
        request: CreateInstance,
        password_hash: String,
        also: Option<AlsoWritten>,
    ) -> BoxFuture<'a, Result<InstanceId, Refusal>> {
        Box::pin(async move {
            let (rules, edge, secrets) = (self.rules(), self.parts.edge.clone(), self.parts.secrets.clone());
            let hash = zeroize::Zeroizing::new(password_hash);
            let accept = move |tx: &mut dyn Transaction| {
                let (name, server_id) = (request.name.as_str().to_owned(), request.server_id);
                let new = New { project: &project, request: &request, name, server_id, password_hash: &hash };
                let instance = create::accept(tx, &rules, &edge, &secrets, new)?;
                also.map_or(Ok(()), |write| write(tx, &[instance.id]))?;
                Ok::<_, Refusal>(instance)
            };
            let lifecycle = self.clone();
            unhurried(async move {
                let instance = lifecycle.transact(accept).await?;
                let id = instance.id;
                lifecycle.dispatch(instance).await;
                Ok(id)
            })
            .await
        })
    }

    fn delete<'a>(&'a self, project: Option<ProjectId>, id: InstanceId) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(
            self.on_instances(move |tx, rules| {
                Ok(delete::delete(tx, rules, project.as_ref(), id)?.into_iter().collect())
            }),
        )
    }

    fn check_batch(&self, project: ProjectId, batch: Arc<CreateBatch>) -> BoxFuture<'_, Result<Would, Refusal>> {
        Box::pin(self.rehearse_batch(project, batch))
    }

    fn create_batch(
        &self,
        project: ProjectId,
        batch: Arc<CreateBatch>,
        password_hash: String,
        also: Option<AlsoWritten>,
    ) -> BoxFuture<'_, Result<Vec<InstanceId>, Refusal>> {
        Box::pin(self.accept_batch((project, batch), password_hash.into(), also))
    }

    fn delete_batch(&self, project: ProjectId, ids: Vec<InstanceId>) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(self.accept_deletions(project, ids))
    }

    fn change_tags(&self, project: ProjectId, id: InstanceId, change: TagChange) -> BoxFuture<'_, Result<(), Refusal>> {
        let rules = self.rules();
        Box::pin(self.transact(move |tx| tags::change(tx, &rules, &project, (id, &change))))
    }

    fn check_reinstall(
        &self,
        project: ProjectId,
        ids: Vec<InstanceId>,
        image: Option<ImageId>,
    ) -> BoxFuture<'_, Result<Vec<ImageOs>, Refusal>> {
        Box::pin(self.check_reinstall(project, ids, image))
    }

    fn reinstall(
        &self,
        project: ProjectId,
        of: (Vec<InstanceId>, Option<ImageId>),
        password_hash: String,
    ) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(self.accept_reinstall(project, of, password_hash.into()))
    }

    fn check_password(&self, project: ProjectId, ids: Vec<InstanceId>) -> BoxFuture<'_, Result<Vec<ImageOs>, Refusal>> {
        Box::pin(self.check_password(project, ids))
    }

    fn change_password(
        &self,
        project: ProjectId,
        ids: Vec<InstanceId>,
        password_hash: String,
    ) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(self.accept_password(project, ids, password_hash.into()))
    }

    fn modify_ip(&self, project: ProjectId, id: InstanceId, request: ModifyIp) -> BoxFuture<'_, Result<(), Refusal>> {
        Box::pin(self.accept_ip(project, id, request))
    }

    fn retry(&self, id: InstanceId) -> BoxFuture<'_, Result<Instance, Refusal>> {
        Box::pin(self.on_instance(move |tx, rules| retry::retry(tx, rules, id)))
    }

    fn cancel(&self, id: InstanceId) -> BoxFuture<'_, Result<Instance, Refusal>> {
        Box::pin(self.on_instance(move |tx, rules| cancel::cancel(tx, rules, id)))
    }

    fn register(&self, id: ServerId, word: RegisterServer) -> BoxFuture<'_, Result<Server, Refusal>> {
        Box::pin(self.on_server(id, move |tx, rules| register::register(tx, rules, id, word)))
    }

    fn act_on_server(&self, id: ServerId, action: ServerAction) -> BoxFuture<'_, Result<Server, Refusal>> {
        Box::pin(self.on_server(id, move |tx, rules| servers::act(tx, rules, id, action)))
    }

    fn power_servers<'a>(
        &'a self,
        project: Option<ProjectId>,
        ids: Vec<ServerId>,
        action: PowerAction,
    ) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(self.power(project, ids, action))
    }

    fn tag_server<'a>(
        &'a self,
        project: Option<ProjectId>,
        id: ServerId,
        change: TagChange,
    ) -> BoxFuture<'a, Result<(), Refusal>> {
        Box::pin(self.transact(move |tx| server_tags::change(tx, project.as_ref(), id, &change)))
    }

    fn forget_server(&self, id: ServerId, accept_unwiped: bool) -> BoxFuture<'_, Result<(), Refusal>> {
        let rules = self.rules();
        Box::pin(self.transact(move |tx| register::forget(tx, &rules, id, accept_unwiped)))
    }

    fn revoke_agent(&self, name: String) -> BoxFuture<'_, Result<Option<Agent>, Refusal>> {
        let rules = self.rules();
        Box::pin(self.transact(move |tx| revoke::revoke(tx, &rules, &name)))
    }

    fn replace_agent(&self, gone: String, by: String) -> BoxFuture<'_, Result<Option<Replaced>, Refusal>> {
        let rules = self.rules();
        Box::pin(self.transact(move |tx| replace_agent::replace(tx, &rules, &gone, &by)))
    }

    fn receipt_key(&self) -> PublicKey {
        *self.parts.receipts.public()
    }

    fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }
}

impl std::fmt::Debug for Lifecycle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Lifecycle")
    }
}
