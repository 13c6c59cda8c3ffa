//! The ramdisk, as far as its agent sees of it: it boots where the machine boots from the network, enlists, and says one word
//! after the other until its work is done.

use super::world::{World, Wrong, new_key};
use crate::{
    bmc::BootTarget,
    host::{
        ramdisks::Call,
        state::Stage,
        tests::{chassis::Fault, rack},
    },
};
use billet_proto::{
    link::{Finished, Inventory, Progress, Started, Step},
    ramdisk::{Configured, PutBack, RamdiskReport, ramdisk_report::What},
};
use std::{sync::Arc, time::Duration};
use tokio::{
    sync::oneshot,
    time::{Instant, sleep},
};
use tonic::{Code, Status};

/// From power on to enlisting.
const STARTS: Duration = Duration::from_secs(10);

/// What a ramdisk does next.
#[derive(Debug, Clone, Copy)]
pub(super) enum Word {
    Begins(Step),
    Goes(Step),
    Ends(Step),
    /// The system is written, with a new key; or changed, with the key that it has.
    Writes,
    Changes,
    HandsOver,
    Leaves,
    Wiped,
    PutsBack,
}

/// One machine's ramdisks, one after the other.
pub(super) struct Player {
    world: Arc<World>,
    words: &'static [Word],
    boot: usize,
    began: Instant,
    token: Option<String>,
    session: Option<String>,
    at: usize,
    is_over: bool,
    cut_until: Instant,
    /// Of all that ever enlisted.
    sessions: Vec<String>,
}

impl Player {
    pub(super) fn new(world: Arc<World>, words: &'static [Word]) -> Self {
        let began = Instant::now();
        let sessions = Vec::new();
        Self {
            world,
            words,
            boot: 0,
            began,
            token: None,
            session: None,
            at: 0,
            is_over: true,
            cut_until: began,
            sessions,
        }
    }

    /// Lives until it is dropped.
    pub(super) async fn run(mut self) {
        loop {
            sleep(Duration::from_secs(1)).await;
            let (on, runs, boots) = {
                let machine = self.world.chassis.machine();
                (machine.on, machine.runs, machine.boots)
            };
            if boots != self.boot {
                (self.boot, self.began, self.at, self.is_over) = (boots, Instant::now(), 0, false);
                (self.token, self.session) = (None, None);
            }
            if !on
                || Instant::now() < self.cut_until
                || runs != BootTarget::Pxe
                || self.is_over
                || self.began.elapsed() < STARTS
            {
                continue;
            }
            if let Err(status) = self.goes_on().await {
                match status.code() {
                    Code::Unavailable => {}
                    // The word is too old.
                    Code::FailedPrecondition => self.at = self.at.saturating_sub(1),
                    // Superseded: it does nothing more.
                    _ => self.is_over = true,
                }
            }
        }
    }

    fn happened(&self) -> bool {
        *self.world.happened.lock().unwrap()
    }

    async fn goes_on(&mut self) -> Result<(), Status> {
        let tools = self.world.tools();
        if self.token.is_none() {
            self.token = tools.boots.boot_of(tools.server.id);
        }
        // The firmware goes on asking until there is a boot for it.
        let Some(token) = &self.token else { return Ok(()) };
        if self.session.is_none() {
            let server = &tools.server;
            let inventory = Inventory {
                uuid: server.uuid.unwrap().to_string(),
                serial: server.serial.clone().unwrap_or_default(),
                macs: server.nics.iter().map(|nic| nic.mac.to_string()).collect(),
                ..Inventory::default()
            };
            let session = format!("session {}", self.sessions.len());
            let reply = tools.ramdisks.enlist(token, inventory, 1, session).await?;
            for old in &self.sessions {
                assert!(*old == reply.session || tools.ramdisks.session(old).is_err(), "two live sessions");
            }
            self.sessions.push(reply.session.clone());
            self.session = Some(reply.session);
        }
        if self.at == self.words.len() {
            return Ok(());
        }
        let is_first = self.sessions.len() == 1;
        let happened = self.happened();
        match self.world.wrong {
            Wrong::Dark(at) if at == self.at && !happened => {
                self.world.happens();
                self.world.chassis.machine().on = false;
                return Ok(());
            }
            Wrong::DarkAlways(at) if at == self.at => {
                self.world.chassis.machine().on = false;
                return Ok(());
            }
            Wrong::CutOff(at, seconds) if at == self.at && !happened => {
                self.world.happens();
                self.cut_until = Instant::now() + Duration::from_secs(seconds);
                return Ok(());
            }
            Wrong::Restarted(at, from) if at == self.at && !happened => {
                self.world.happens();
                let mut machine = self.world.chassis.machine();
                machine.start();
                machine.runs = from;
                return Ok(());
            }
            Wrong::RestartedAndKilled(at) if at == self.at && !happened => {
                self.world.happens();
                let mut machine = self.world.chassis.machine();
                machine.start();
                machine.runs = BootTarget::Hdd;
                return Ok(());
            }
            Wrong::Told(at) if at == self.at && is_first => {
                self.world.happens();
                return self.report(Step::Inspect, rack::failed("disk_io")).await;
            }
            _ => {}
        }
        self.lives().await?;
        self.says(self.words[self.at]).await?;
        self.at += 1;
        Ok(())
    }

    /// A sign of life is a use of the session: the token is spent, and on disk too.
    async fn lives(&self) -> Result<(), Status> {
        let session = self.session.clone().unwrap_or_default();
        let report = RamdiskReport { session, step: Step::Unspecified.into(), what: None };
        self.call(|answer| Call::Report { report, answer }).await?;
        let tools = self.world.tools();
        let stage = tools.records.load(tools.server.id).unwrap().map(|record| record.stage);
        let is_full = matches!(self.world.wrong, Wrong::Record(_, Fault::Lost));
        assert!(
            is_full || !matches!(stage, Some(Stage::Ramdisk { token: Some(_), .. })),
            "the token is good: {stage:?}"
        );
        Ok(())
    }

    async fn says(&self, word: Word) -> Result<(), Status> {
        let waiting_for = || "what the test says".to_owned();
        match word {
            Word::Begins(step) => {
                if step == Step::Write {
                    *self.world.disk.lock().unwrap() = None;
                }
                let started = Started { waiting_for: waiting_for(), ..Started::default() };
                self.report(step, What::Started(started)).await
            }
            Word::Goes(step) => {
                let progress = Progress { waiting_for: waiting_for(), ..Progress::default() };
                self.report(step, What::Progress(progress)).await
            }
            Word::Ends(step) => self.report(step, What::Finished(Finished::default())).await,
            Word::Writes => {
                let key = new_key();
                *self.world.disk.lock().unwrap() = Some(key.clone());
                self.configured(key).await
            }
            Word::Changes => {
                let key = self.world.disk.lock().unwrap().clone().expect("a system is on the disk");
                self.configured(key).await
            }
            Word::HandsOver => {
                let ask = |answer| Call::HandOver { nonce: rand::random::<[u8; 16]>().to_vec(), answer };
                let reply = self.call(ask).await?;
                if reply.granted { Ok(()) } else { Err(Status::permission_denied(reply.reason)) }
            }
            Word::Leaves => self.call(|answer| Call::Leave { answer }).await,
            Word::Wiped => self.report(Step::Wipe, rack::wiped("A")).await,
            Word::PutsBack => self.report(Step::Inspect, What::PutBack(PutBack::default())).await,
        }
    }

    async fn configured(&self, host_key: String) -> Result<(), Status> {
        self.report(Step::Configure, What::Configured(Configured { host_key, disk_serial: "A".into() })).await
    }

    async fn report(&self, step: Step, what: What) -> Result<(), Status> {
        let session = self.session.clone().unwrap_or_default();
        let report = RamdiskReport { session, step: step.into(), what: Some(what) };
        let again = report.clone();
        self.call(|answer| Call::Report { report, answer }).await?;
        if self.world.wrong == Wrong::Repeated {
            // By the last word the session may be over.
            let _ = self.call(|answer| Call::Report { report: again, answer }).await;
        }
        Ok(())
    }

    async fn call<T>(&self, call: impl FnOnce(oneshot::Sender<Result<T, Status>>) -> Call) -> Result<T, Status> {
        let session = self.session.as_deref().unwrap_or_default();
        let way = self.world.tools().ramdisks.session(session)?;
        let (answer, answered) = oneshot::channel();
        let away = || Status::unavailable("the agent is away");
        way.calls.send(call(answer)).await.map_err(|_| away())?;
        answered.await.map_err(|_| away())?
    }
}
