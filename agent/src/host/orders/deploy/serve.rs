//! The calls of a ramdisk that hands over, until it leaves.

use super::{
    leave,
    word::{NoWord, Word, refused},
};
use crate::{
    bmc::Retry,
    host::{
        failure::Failure,
        orders::{
            Job,
            boot::{Serves, Session},
        },
        ramdisks::Call,
        state::{Installed, Stage},
    },
    probe::HostKey,
};
use billet_proto::{
    link::Step,
    manifest::Digest,
    ramdisk::{HandOverReply, RamdiskReport, ramdisk_report::What},
};
use tonic::Status;

/// A ramdisk that hands over; it ends with what must answer.
pub(super) struct HandingOver<'a> {
    job: &'a Job,
    session: Session<'a>,
    installed: Option<Installed>,
    word: Option<Word>,
}

impl<'a> HandingOver<'a> {
    /// `token` as long as its session was not used; `installed` once the ramdisk told it.
    pub(super) fn new(job: &'a Job, token: Option<Digest>, installed: Option<Installed>) -> Self {
        if let Some(installed) = &installed {
            job.reporter.host_key(&installed.host_key);
        }
        Self { job, session: Session::new(job, token), installed, word: None }
    }
}

impl Serves for HandingOver<'_> {
    type End = Installed;

    async fn take(&mut self, call: Call) -> Result<Option<Installed>, Failure> {
        match call {
            Call::Enlist { inventory, token, session, answer, .. } => {
                let answered = self.session.enlist_again(*inventory, token, session);
                let _ = answer.send(answered);
            }
            Call::Report { report, answer } => {
                let done = self.report(report);
                let _ = answer.send(Ok(()));
                done?;
            }
            Call::HandOver { nonce, answer } => {
                let (reply, failed) = self.hand_over(nonce).await;
                let _ = answer.send(reply);
                if let Some(failure) = failed {
                    return Err(failure);
                }
            }
            Call::Leave { answer } => {
                let (fresh, installed) = (self.word.is_some_and(Word::is_fresh), self.installed.clone());
                let Some(installed) = installed.filter(|_| fresh) else {
                    let why = "the word is older than 10 s, or there is no host key; ask again";
                    let _ = answer.send(Err(Status::failed_precondition(why)));
                    return Ok(None);
                };
                let kept = self.job.save(Step::HandOver, Stage::Leaving(installed.clone()));
                let _ = answer.send(kept.clone().map_err(|failure| Status::unavailable(failure.message)));
                kept?;
                return Ok(Some(installed));
            }
        }
        Ok(None)
    }
}

impl HandingOver<'_> {
    fn report(&mut self, report: RamdiskReport) -> Result<(), Failure> {
        let session = Digest::of(report.session.as_bytes());
        let told = self.session.report(report, self.installed.as_ref())?;
        let Some((step, What::Configured(configured))) = told else { return Ok(()) };
        let key: Result<HostKey, _> = configured.host_key.parse();
        let key = key.map_err(|error| Failure::new(step, "host_key_malformed", error.to_string()))?.to_string();
        let installed = Installed { host_key: key, disk_serial: configured.disk_serial };
        self.job.save(step, Stage::Ramdisk { session, token: None, installed: Some(installed.clone()) })?;
        self.job.reporter.host_key(&installed.host_key);
        self.installed = Some(installed);
        Ok(())
    }

    /// The boot order first, then the word; so that whatever happens afterwards, the disk is what boots. What the ramdisk is
    /// answered, and why the order is over, where it is.
    async fn hand_over(&mut self, nonce: Vec<u8>) -> (Result<HandOverReply, Status>, Option<Failure>) {
        let job = self.job;
        job.reporter.started(Step::HandOver, "the BMC to take the order to boot from disk");
        if let Err(error) = leave::to_disk(job).await {
            let failure = Failure::bmc(Step::HandOver, &error);
            let status = Status::unavailable(failure.message.clone());
            // What may pass is tried again: the ramdisk asks again, until the step's deadline.
            return (Err(status), (!matches!(error.retry(), Retry::After(_))).then_some(failure));
        }
        job.reporter.started(Step::HandOver, "the controller's word");
        match Word::ask(job, nonce.clone()).await {
            Ok(word) => {
                self.word = Some(word);
                job.reporter.started(Step::HandOver, "the ramdisk to leave");
                (Ok(HandOverReply { nonce, granted: true, reason: String::new() }), None)
            }
            Err(NoWord::Unknown(error)) => (Err(Status::unavailable(error.to_string())), None),
            Err(NoWord::Refused { reason, is_over }) => {
                let failure = refused(&reason, is_over);
                (Ok(HandOverReply { nonce, granted: false, reason }), Some(failure))
            }
        }
    }
}
