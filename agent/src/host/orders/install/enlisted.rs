//! The ramdisk's calls, from its enlisting to its leaving.

use crate::{
    bmc::{BootOverride, BootTarget, set_and_verify_override},
    boot::{BootEventKind, Events},
    host::{failure::Failure, orders::Job, ramdisks::Call, state::Stage},
    probe::HostKey,
};
use billet_proto::{
    link::{Step, WordRequest},
    manifest::Digest,
    ramdisk::{HandOverReply, Inventory, RamdiskReport, ramdisk_report::What},
};
use std::time::Duration;
use tokio::{sync::mpsc, time::Instant};
use tonic::Status;

/// The controller's word is good for so long.
const WORD_LIFETIME: Duration = Duration::from_secs(10);

/// Waits for the right machine to enlist.
pub(super) async fn boot(job: &Job, calls: &mut mpsc::Receiver<Call>) -> Result<(), Failure> {
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

async fn enlist(job: &Job, calls: &mut mpsc::Receiver<Call>) -> Result<(), Failure> {
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
                Some(Call::Enlist { inventory, uptime_ms, session, answer }) => {
                    if let Err(why) = right_machine(job, &inventory) {
                        let _ = answer.send(Err(Status::permission_denied(why.clone())));
                        return Err(Failure::new(Step::Boot, "wrong_machine", why));
                    }
                    let kept = job.save(Step::Boot, Stage::Ramdisk { session, host_key: None });
                    let _ = answer.send(kept.clone().map_err(|f| Status::unavailable(f.message)));
                    kept?;
                    job.reporter.finished(Step::Boot, &described(&inventory, uptime_ms));
                    return Ok(());
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
    match server.nics.iter().find(|nic| !has(nic.mac)) {
        Some(nic) => Err(format!("the machine that booted has no NIC {}", nic.mac)),
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

/// Serves the ramdisk until it leaves; answers the host key that it made.
pub(super) async fn serve(
    job: &Job,
    mut calls: mpsc::Receiver<Call>,
    known_key: Option<String>,
) -> Result<String, Failure> {
    let mut work = Work { job, key: known_key, word: None, session: None };
    if let Some(key) = &work.key {
        job.reporter.host_key(key);
    } else if job.reporter.step() == Step::Boot {
        job.reporter.started(Step::Inspect, "the ramdisk to look at the machine");
    }
    let mut events = job.tools.boots.watch(job.server_id());
    loop {
        let step = job.reporter.step();
        let deadline = job.deadlines.of(step);
        let began = Instant::now();
        // Until the step changes.
        while job.reporter.step() == step {
            let left = deadline.saturating_sub(began.elapsed());
            let call = tokio::select! {
                biased;
                () = asked_again(&mut events) => return Err(voided(job)),
                call = tokio::time::timeout(left, calls.recv()) => call,
            };
            let call = call.map_err(|_| Failure::deadline(step, deadline.as_secs(), &job.reporter.waiting_for()))?;
            let call = call.ok_or_else(|| Failure::new(step, "superseded", "a newer order took the server's place"))?;
            if let Some(key) = work.take(call).await? {
                return Ok(key);
            }
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
    /// When the controller gave its word.
    word: Option<Instant>,
    session: Option<Digest>,
}

impl Work<'_> {
    /// Answers one call; the host key when the ramdisk left.
    async fn take(&mut self, call: Call) -> Result<Option<String>, Failure> {
        match call {
            Call::Enlist { answer, .. } => {
                let _ = answer.send(Err(Status::permission_denied("the boot token is spent")));
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
                    return Err(Failure::new(Step::HandOver, "hand_over_refused", format!("the controller: {reason}")));
                }
            }
            Call::Leave { answer } => {
                let (fresh, key) = (self.word.is_some_and(|at| at.elapsed() <= WORD_LIFETIME), self.key.clone());
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

    fn report(&mut self, report: RamdiskReport) -> Result<(), Failure> {
        let reporter = &self.job.reporter;
        let step = report.step();
        if !matches!(step, Step::Inspect | Step::Write | Step::Configure | Step::HandOver) {
            return Ok(());
        }
        let digest = Digest::of(report.session.as_bytes());
        self.session = Some(digest);
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
                self.job.save(step, Stage::Ramdisk { session: digest, host_key: Some(key.clone()) })?;
                reporter.host_key(&key);
                self.key = Some(key);
            }
            Some(What::Failed(failed)) => return Err(Failure::new(step, failed.cause, failed.message)),
            None => {}
        }
        Ok(())
    }

    /// The boot order first, then the word; so that whatever happens afterwards, the disk is what boots.
    async fn hand_over(&mut self, nonce: Vec<u8>) -> Result<HandOverReply, (Status, Option<Failure>)> {
        let job = self.job;
        job.reporter.started(Step::HandOver, "the BMC to take the order to boot from disk");
        let wanted = BootOverride::once(BootTarget::Hdd, Some(job.tools.server.firmware.into()));
        let _proof = set_and_verify_override(&job.tools.bmc, &wanted).await.map_err(|error| {
            let failure = Failure::bmc(Step::HandOver, &error);
            (Status::unavailable(failure.message.clone()), Some(failure))
        })?;
        job.reporter.started(Step::HandOver, "the controller's word");
        let server_id = job.server_id().to_string();
        let asked = Instant::now();
        let word =
            job.tools.link.word(WordRequest { server_id, generation: job.generation, nonce: nonce.clone() }).await;
        // Not knowing is answered by asking again: the ramdisk does.
        let word = word.map_err(|error| (Status::unavailable(error.to_string()), None))?;
        if word.granted {
            self.word = Some(asked);
            job.reporter.started(Step::HandOver, "the ramdisk to leave");
        }
        Ok(HandOverReply { nonce, granted: word.granted, reason: word.reason })
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
