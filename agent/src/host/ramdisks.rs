//! Which ramdisk may speak for which server: boot tokens, and the sessions that they became.
//!
//! Only digests are kept, except that a session which was not used yet is remembered in clear, so that an answer which
//! was lost can be given again.

use billet_proto::{
    ServerId,
    link::Inventory,
    manifest::Digest,
    ramdisk::{DiskHint, EnlistReply, HandOverReply, RamdiskReport, enlist_reply::Task},
};
use std::{
    collections::HashMap,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};
use tokio::sync::{mpsc, oneshot};
use tonic::Status;

/// Calls that wait for a worker.
const QUEUE: usize = 16;

/// What a ramdisk asks of its server's worker.
pub(super) enum Call {
    /// It has the boot token; is it the right machine? Once answered well, the session is on disk. It comes again when
    /// the agent was restarted before its answer was sent.
    Enlist {
        inventory: Box<Inventory>,
        uptime_ms: u64,
        token: Digest,
        session: Digest,
        answer: oneshot::Sender<Result<(), Status>>,
    },
    /// It reports; answered when what follows is on disk.
    Report { report: RamdiskReport, answer: oneshot::Sender<Result<(), Status>> },
    /// It asks for the word.
    HandOver { nonce: Vec<u8>, answer: oneshot::Sender<Result<HandOverReply, Status>> },
    /// It is done; move the ports and reset.
    Leave { answer: oneshot::Sender<Result<(), Status>> },
}

impl Call {
    /// Answers that this is not the time for it.
    pub(super) fn refuse(self, why: &'static str) {
        let status = || Status::failed_precondition(why);
        // Whoever asked may have gone away.
        match self {
            Self::Enlist { answer, .. } | Self::Report { answer, .. } | Self::Leave { answer } => {
                drop(answer.send(Err(status())));
            }
            Self::HandOver { answer, .. } => drop(answer.send(Err(status()))),
        }
    }
}

/// What a ramdisk is told when it enlists.
#[derive(Clone)]
pub(super) struct Offer {
    pub(super) task: Task,
    pub(super) disk: DiskHint,
}

struct Entry {
    generation: u64,
    token: Option<Digest>,
    session: Option<Digest>,
    replay: Option<String>,
    offer: Offer,
    calls: mpsc::Sender<Call>,
}

/// A session's way to its worker.
pub(super) struct Session {
    pub(super) server: ServerId,
    pub(super) generation: u64,
    pub(super) calls: mpsc::Sender<Call>,
}

/// All ramdisks; cheap to clone.
#[derive(Clone, Default)]
pub(super) struct Ramdisks(Arc<Mutex<Table>>);

#[derive(Default)]
struct Table {
    entries: HashMap<ServerId, Entry>,
    /// Tokens and sessions on disk whose order did not come again yet after a restart.
    awaited: HashMap<ServerId, (Option<Digest>, Digest)>,
}

impl Ramdisks {
    /// A ramdisk of the time before this start: until its order comes, its calls are to be repeated.
    pub(super) fn await_order(&self, server: ServerId, known: (Option<Digest>, Digest)) {
        self.lock().awaited.insert(server, known);
    }

    /// Expects a ramdisk with this token.
    pub(super) fn expect(&self, server: ServerId, generation: u64, token: &str, offer: Offer) -> mpsc::Receiver<Call> {
        self.enter(server, generation, (Some(Digest::of(token.as_bytes())), None), offer)
    }

    /// Goes on with a ramdisk that enlisted before this start; with a token that was not used up it may ask again.
    pub(super) fn resume(
        &self,
        server: ServerId,
        generation: u64,
        (token, session): (Option<Digest>, Digest),
        offer: Offer,
    ) -> mpsc::Receiver<Call> {
        self.enter(server, generation, (token, Some(session)), offer)
    }

    fn enter(
        &self,
        server: ServerId,
        generation: u64,
        (token, session): (Option<Digest>, Option<Digest>),
        offer: Offer,
    ) -> mpsc::Receiver<Call> {
        let (calls, taken) = mpsc::channel(QUEUE);
        let mut table = self.lock();
        table.awaited.remove(&server);
        table.entries.insert(server, Entry { generation, token, session, replay: None, offer, calls });
        taken
    }

    /// Nobody may speak for that server any more.
    pub(super) fn close(&self, server: ServerId) {
        let mut table = self.lock();
        table.awaited.remove(&server);
        table.entries.remove(&server);
    }

    /// Turns a boot token into a session, once; again only while the session was not used. Not to be dropped half-way: once
    /// the worker took the session, it must be known here too.
    pub(super) async fn enlist(
        &self,
        token: &str,
        inventory: Inventory,
        uptime_ms: u64,
        new_session: String,
    ) -> Result<EnlistReply, Status> {
        let refused = || Status::permission_denied("the boot token is unknown, spent or void");
        let token = Digest::of(token.as_bytes());
        let (server, calls) = {
            let table = self.lock();
            if table.awaited.values().any(|(awaited, _)| *awaited == Some(token)) {
                return Err(Status::unavailable("the agent waits for the controller"));
            }
            let found = table.entries.iter().find(|(_, entry)| entry.token == Some(token));
            let (server, entry) = found.ok_or_else(refused)?;
            if let Some(session) = &entry.replay {
                return Ok(reply(entry, session.clone()));
            }
            (*server, entry.calls.clone())
        };
        let (answer, answered) = oneshot::channel();
        let session = Digest::of(new_session.as_bytes());
        let away = |()| Status::unavailable("the order is being changed; try again");
        let inventory = Box::new(inventory);
        calls.try_send(Call::Enlist { inventory, uptime_ms, token, session, answer }).map_err(|_| away(()))?;
        answered.await.map_err(|_| away(()))??;
        let mut table = self.lock();
        let entry = table.entries.get_mut(&server).filter(|entry| entry.token == Some(token)).ok_or_else(refused)?;
        entry.session = Some(session);
        entry.replay = Some(new_session.clone());
        Ok(reply(entry, new_session))
    }

    /// The session's worker. From its first use on, its token is spent for good.
    pub(super) fn session(&self, session: &str) -> Result<Session, Status> {
        let digest = Digest::of(session.as_bytes());
        let mut table = self.lock();
        if let Some((server, entry)) = table.entries.iter_mut().find(|(_, entry)| entry.session == Some(digest)) {
            (entry.token, entry.replay) = (None, None);
            return Ok(Session { server: *server, generation: entry.generation, calls: entry.calls.clone() });
        }
        if table.awaited.values().any(|(_, awaited)| *awaited == digest) {
            return Err(Status::unavailable("the agent waits for the controller"));
        }
        Err(Status::unauthenticated("the session is unknown or over"))
    }

    fn lock(&self) -> MutexGuard<'_, Table> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn reply(entry: &Entry, session: String) -> EnlistReply {
    EnlistReply {
        session,
        generation: entry.generation,
        task: Some(entry.offer.task.clone()),
        disk: Some(entry.offer.disk.clone()),
    }
}

#[cfg(test)]
mod tests;
