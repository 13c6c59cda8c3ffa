//! The ramdisk's calls, from its enlisting to its leaving.

use super::{
    leave,
    word::{NoWord, REFUSED, Word},
};
use crate::{
    bmc::Retry,
    boot::{BootEventKind, Events},
    host::{failure::Failure, orders::Job, ramdisks::Call, state::Stage},
    probe::HostKey,
};
use billet_proto::{
    link::{Inventory, Step},
    manifest::Digest,
    ramdisk::{HandOverReply, RamdiskReport, ramdisk_report::What},
};
use std::time::Duration;
use tokio::{sync::mpsc, time::timeout};
use tonic::Status;

/// Waits for the right machine to enlist.
pub(super) async fn boot(job: &Job, calls: &mut mpsc::Receiver<Call>) -> Result<Enlisted, Failure> {
    job.reporter.started(Step::Boot, "the firmware to ask for an address");
    let booted = job.within(Step::Boot, enlist(job, calls)).await;
    if booted.is_err() {
        job.tools.boots.close(job.server_id());
    }
    booted
}

/// Somebody else may have this boot's identity: nothing more is done for whoever enlisted by it.
fn voided(job: &Job) -> Failure {
    let message = "this boot's identity was asked for twice: the boot is void, for somebody else may have it";
    job.reporter.note("identity-asked-again", message);
    job.tools.ramdisks.close(job.server_id());
    Failure::new(job.reporter.step(), "boot_voided", message)
}

async fn enlist(job: &Job, calls: &mut mpsc::Receiver<Call>) -> Result<Enlisted, Failure> {
    let mut events = job.tools.boots.watch(job.server_id());
    loop {
        tokio::select! {
            // A boot that is void enlists no one, even if both are known at once.
            biased;
            kind = events.next() => match kind {
                BootEventKind::Offered => job.reporter.started(Step::Boot, "the firmware to fetch the boot loader"),
                BootEventKind::LoaderFetched => job.reporter.started(Step::Boot, "the boot loader to fetch its script"),
                BootEventKind::ScriptFetched => job.reporter.started(Step::Boot, "the boot loader to fetch the ramdisk"),
                BootEventKind::KernelFetched => job.reporter.started(Step::Boot, "the boot loader to fetch this boot's identity"),
                BootEventKind::IdentityServed => job.reporter.started(Step::Boot, "the ramdisk to enlist"),
                BootEventKind::IdentityAskedAgain => return Err(voided(job)),
            },
            call = calls.recv() => match call {
                Some(Call::Enlist { inventory, uptime_ms, token, session, answer }) => {
                    if let Err(why) = right_machine(job, &inventory) {
                        let _ = answer.send(Err(Status::permission_denied(why.clone())));
                        return Err(Failure::new(Step::Boot, "wrong_machine", why));
                    }
                    let kept = job.save(Step::Boot, Stage::Ramdisk { session, token: Some(token), host_key: None });
                    let _ = answer.send(kept.clone().map_err(|f| Status::unavailable(f.message)));
                    kept?;
                    job.reporter.finished(Step::Boot, &described(&inventory, uptime_ms));
                    return Ok(Enlisted { host_key: None, token: Some(token) });
                }
                Some(call) => refuse(call, "nothing enlisted yet"),
                None => return Err(Failure::new(Step::Boot, "superseded", "a newer order took the server's place")),
            },
        }
    }
}

/// A token alone is not enough: the machine must be the one that was configured.
fn right_machine(job: &Job, inventory: &Inventory) -> Result<(), String> {
    let server = &job.tools.server;
    if let Some(uuid) = server.uuid {
        let told = inventory.uuid.trim().parse::<uuid::Uuid>().ok();
        if told != Some(uuid) {
            return Err(format!("the machine that booted says UUID {:?}, not {uuid}", inventory.uuid.trim()));
        }
    }
    if let Some(serial) = server.serial.as_deref()
        && !inventory.serial.trim().eq_ignore_ascii_case(serial.trim())
    {
        return Err(format!("the machine that booted says serial number {:?}, not {serial}", inventory.serial.trim()));
    }
    let has = |mac: billet_proto::MacAddr| inventory.macs.iter().any(|told| told.parse() == Ok(mac));
    // A bond's members are NICs of their own here; an accelerator's own port is none.
    match server.visible_nics().find(|mac| !has(*mac)) {
        Some(mac) => Err(format!("the machine that booted has no NIC {mac}")),
        None => Ok(()),
    }
}

fn described(inventory: &Inventory, uptime_ms: u64) -> String {
    let disks: Vec<String> =
        inventory.disks.iter().take(16).map(|d| format!("{} {} GB", d.name, d.size_bytes / 1_000_000_000)).collect();
    format!(
        "enlisted {:.1} s after its kernel started: {} CPUs, {} MiB, {}, disks: {}",
        Duration::from_millis(uptime_ms).as_secs_f32(),
        inventory.cpus,
        inventory.memory_bytes >> 20,
        inventory.firmware,
        disks.join(", "),
    )
}

/// What is known of a ramdisk that enlisted.
pub(super) struct Enlisted {
    /// Of the host key that it made; none before that.
    pub(super) host_key: Option<String>,
    /// Digest of the boot token, until its session was used: an answer that was lost may be asked for again.
    pub(super) token: Option<Digest>,
}

/// Serves the ramdisk until it leaves; answers the host key that it made.
pub(super) async fn serve(job: &Job, mut calls: mpsc::Receiver<Call>, enlisted: Enlisted) -> Result<String, Failure> {
    let Enlisted { host_key, token } = enlisted;
    let mut work = Work { job, key: host_key, token, word: None };
    if let Some(key) = &work.key {
        job.reporter.host_key(key);
    } else if job.reporter.step() == Step::Boot {
        job.reporter.started(Step::Inspect, "the ramdisk to look at the machine");
    }
    let mut events = job.tools.boots.watch(job.server_id());
    loop {
        let step = job.reporter.step();
        let deadline = job.deadlines.of(step);
        let late = |_| Failure::deadline(step, deadline.as_secs(), &job.reporter.waiting_for());
        let left = || deadline.saturating_sub(job.reporter.spent(step));
        let call = tokio::select! {
            biased;
            () = asked_again(&mut events) => return Err(voided(job)),
            call = timeout(left(), calls.recv()) => call,
        };
        let call = call.map_err(late)?;
        let call = call.ok_or_else(|| Failure::new(step, "superseded", "a newer order took the server's place"))?;
        // The call that begins the last step has that step's time.
        let begins = matches!(call, Call::HandOver { .. }) && step != Step::HandOver;
        let time = if begins { job.deadlines.of(Step::HandOver) } else { left() };
        if let Some(key) = timeout(time, work.take(call)).await.map_err(late)?? {
            return Ok(key);
        }
    }
}

/// Ends when the identity of this boot, which stays open meanwhile, is asked for again.
async fn asked_again(events: &mut Events) {
    while events.next().await != BootEventKind::IdentityAskedAgain {}
}

struct Work<'a> {
    job: &'a Job,
    key: Option<String>,
    token: Option<Digest>,
    word: Option<Word>,
}

impl Work<'_> {
    /// Answers one call; the host key when the ramdisk left.
    async fn take(&mut self, call: Call) -> Result<Option<String>, Failure> {
        match call {
            Call::Enlist { inventory, token, session, answer, .. } => {
                let answered = self.enlist_again(&inventory, token, session);
                let _ = answer.send(answered);
            }
            Call::Report { report, answer } => {
                let done = self.report(report);
                let _ = answer.send(Ok(()));
                done?;
            }
            Call::HandOver { nonce, answer } => {
                let reply = self.hand_over(nonce).await;
                let refused = reply.as_ref().ok().filter(|reply| !reply.granted).map(|reply| reply.reason.clone());
                let failed = reply.as_ref().err().and_then(|(_, failure)| failure.clone());
                let _ = answer.send(reply.map_err(|(status, _)| status));
                if let Some(failure) = failed {
                    return Err(failure);
                }
                if let Some(reason) = refused {
                    return Err(Failure::new(Step::HandOver, REFUSED, reason));
                }
            }
            Call::Leave { answer } => {
                let (fresh, key) = (self.word.is_some_and(Word::is_fresh), self.key.clone());
                let Some(key) = key.filter(|_| fresh) else {
                    let why = "the word is older than 10 s, or there is no host key; ask again";
                    let _ = answer.send(Err(Status::failed_precondition(why)));
                    return Ok(None);
                };
                let kept = self.job.save(Step::HandOver, Stage::Leaving { host_key: key.clone() });
                let _ = answer.send(kept.clone().map_err(|failure| Status::unavailable(failure.message)));
                kept?;
                return Ok(Some(key));
            }
        }
        Ok(None)
    }

    /// The answer to the first call was lost: whoever has the token gets another session, while none was used.
    fn enlist_again(&self, inventory: &Inventory, token: Digest, session: Digest) -> Result<(), Status> {
        if self.token != Some(token) {
            return Err(Status::permission_denied("the boot token is spent"));
        }
        right_machine(self.job, inventory).map_err(Status::permission_denied)?;
        let kept = self.job.save(Step::Boot, Stage::Ramdisk { session, token: Some(token), host_key: None });
        kept.map_err(|failure| Status::unavailable(failure.message))
    }

    fn report(&mut self, report: RamdiskReport) -> Result<(), Failure> {
        let reporter = &self.job.reporter;
        let step = report.step();
        if !matches!(step, Step::Inspect | Step::Write | Step::Configure | Step::HandOver) {
            return Ok(());
        }
        let session = Digest::of(report.session.as_bytes());
        if self.token.is_some() {
            // The session is in use: the token that became it is spent for good, also after a restart.
            self.job.save(step, Stage::Ramdisk { session, token: None, host_key: self.key.clone() })?;
            self.token = None;
        }
        match report.what {
            Some(What::Started(started)) => reporter.started(step, &started.waiting_for),
            Some(What::Progress(progress)) => {
                // After a restart of the agent the first word may be progress.
                if reporter.step() != step {
                    reporter.started(step, "the image to be written");
                }
                reporter.progress(step, progress);
            }
            Some(What::Finished(finished)) => reporter.finished(step, &finished.detail),
            Some(What::Note(note)) => reporter.note(&note.kind, &note.message),
            Some(What::Configured(configured)) => {
                let key: Result<HostKey, _> = configured.host_key.parse();
                let key = key.map_err(|error| Failure::new(step, "host_key_malformed", error.to_string()))?.to_string();
                self.job.save(step, Stage::Ramdisk { session, token: None, host_key: Some(key.clone()) })?;
                reporter.host_key(&key);
                self.key = Some(key);
            }
            Some(What::Failed(failed)) => return Err(Failure::new(step, failed.cause, failed.message)),
            Some(What::Wiped(_)) | None => {}
        }
        Ok(())
    }

    /// The boot order first, then the word; so that whatever happens afterwards, the disk is what boots.
    async fn hand_over(&mut self, nonce: Vec<u8>) -> Result<HandOverReply, (Status, Option<Failure>)> {
        let job = self.job;
        job.reporter.started(Step::HandOver, "the BMC to take the order to boot from disk");
        let _proof = leave::boot_from_disk(job).await.map_err(|error| {
            let failure = Failure::bmc(Step::HandOver, &error);
            let status = Status::unavailable(failure.message.clone());
            // What may pass is tried again: the ramdisk asks again, until the step's deadline.
            (status, (!matches!(error.retry(), Retry::After(_))).then_some(failure))
        })?;
        job.reporter.started(Step::HandOver, "the controller's word");
        match Word::ask(job, nonce.clone()).await {
            Ok(word) => {
                self.word = Some(word);
                job.reporter.started(Step::HandOver, "the ramdisk to leave");
                Ok(HandOverReply { nonce, granted: true, reason: String::new() })
            }
            Err(NoWord::Unknown(error)) => Err((Status::unavailable(error.to_string()), None)),
            Err(NoWord::Refused(reason)) => Ok(HandOverReply { nonce, granted: false, reason }),
        }
    }
}

fn refuse(call: Call, why: &'static str) {
    let status = || Status::failed_precondition(why);
    // Whoever asked may have gone away.
    match call {
        Call::Enlist { answer, .. } | Call::Report { answer, .. } | Call::Leave { answer } => {
            drop(answer.send(Err(status())))
        }
        Call::HandOver { answer, .. } => drop(answer.send(Err(status()))),
    }
}
