//! Tenants and an operator: they ask for things by chance, and put right what they find.

mod call;
mod once;
mod operator;
mod tenants;

use crate::{
    controller::Controller, journal::Journal, ledger::Ledger, promise::Promise, random::Random, snapshot::Snapshot,
};
use billet_controller::{
    lifecycle::{refusal::Refusal, table::Phase},
    store::record::{Instance, ManageState},
};
use billet_proto::{AgentId, ImageId, InstanceId, ProjectId, SubnetId, VpcId};
use call::{Answer, Call};
use once::Creation;
use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, PoisonError},
};

/// Whose instances they are.
pub const PROJECT: &str = "lab";

/// Between two servers that are given to other agents.
const MOVE_PAUSE_MS: u64 = 60_000;

/// Where instances are put.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// What may be installed: the first where nothing else is asked for.
    pub images: [ImageId; 2],
    /// Their network.
    pub vpc: VpcId,
    /// Its subnet.
    pub subnet: SubnetId,
}

/// Tenants and operator.
pub struct Traffic {
    random: Random,
    ledger: Ledger,
    journal: Journal,
    place: Place,
    /// All agents, and their names.
    agents: Vec<(AgentId, String)>,
    /// No server is given to another agent before then: what was asked for last is to be seen first.
    next_move: u64,
    asked: u64,
    next: u64,
    answers: Arc<Mutex<VecDeque<Answer>>>,
    /// By name: creations that were not answered yet, and when they are asked for again.
    unanswered: BTreeMap<String, (u64, Creation)>,
}

impl Traffic {
    /// Nobody asked for anything yet.
    #[must_use]
    pub fn new(
        random: Random,
        ledger: Ledger,
        journal: Journal,
        (place, agents): (Place, Vec<(AgentId, String)>),
    ) -> Self {
        let (answers, unanswered) = (Arc::default(), BTreeMap::new());
        Self { random, ledger, journal, place, agents, next_move: 0, asked: 0, next: 0, answers, unanswered }
    }

    /// What was answered since: in the order of the answers.
    pub fn hear(&mut self) {
        let answers: Vec<Answer> = self.answers.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect();
        for Answer { call, created, refused } in answers {
            call.creation.iter().for_each(|name| drop(self.unanswered.remove(name)));
            let end = match (&created[..], refused) {
                (_, Some(why)) => {
                    if let Some((id, hash, _)) = &call.password {
                        self.ledger.refuse_password(*id, hash);
                    }
                    call.put_back.into_iter().for_each(|server| self.ledger.take_out(server));
                    format!("refused: {why}")
                }
                ([], None) => {
                    self.accepted(&call);
                    "accepted".into()
                }
                (ids, None) => {
                    ids.iter().for_each(|id| self.ledger.accept(*id));
                    let names: Vec<String> = ids.iter().map(|id| self.ledger.name(*id)).collect();
                    format!("accepted as {}", names.join(", "))
                }
            };
            self.journal.write(&format!("{}: {end}", call.what));
        }
    }

    fn accepted(&self, call: &Call) {
        if let Some((id, hash, true)) = &call.password {
            self.ledger.accept_password(*id, hash);
        }
        call.take_out.into_iter().for_each(|server| self.ledger.take_out(server));
        if let Some((of, generation)) = call.of {
            self.ledger.promise(Promise { what: call.what.clone(), of, generation });
        }
    }

    fn call(
        &self,
        controller: &Controller,
        call: Call,
        work: impl Future<Output = Result<Vec<InstanceId>, Refusal>> + Send + 'static,
    ) {
        self.journal.write(&format!("{}?", call.what));
        if let Some((id, hash, _)) = &call.password {
            self.ledger.ask_password(*id, hash);
        }
        call.put_back.into_iter().for_each(|server| self.ledger.put_back(server));
        let (answers, ledger) = (self.answers.clone(), self.ledger.clone());
        controller.process.spawn(async move {
            let (created, refused) = match work.await {
                Ok(created) => (created, None),
                Err(refusal) => {
                    ledger.look_for_secrets("a refusal", &format!("{refusal} {refusal:?}"));
                    (Vec::new(), Some(kind(&refusal)))
                }
            };
            answers.lock().unwrap_or_else(PoisonError::into_inner).push_back(Answer { call, created, refused });
        });
    }

    /// Something is asked for, if it is time; `most` creations in all.
    pub fn step(&mut self, now: u64, seen: &Snapshot, controller: &Controller, most: usize) {
        self.ask_again(now, controller);
        if now < self.next {
            return;
        }
        self.next = now + self.random.within(3_000..25_000);
        let is_early = self.ledger.instances() < most;
        let free = seen.servers.iter().any(|server| server.manage_state == ManageState::Ready);
        if is_early && free && self.random.happens(650) {
            return self.create(now, controller);
        }
        if self.random.happens(250) {
            return self.operate(now, seen, controller);
        }
        if self.random.happens(40) {
            return self.give_up(seen, controller);
        }
        if self.random.happens(25) {
            return self.take_out(seen, controller);
        }
        if self.random.happens(25) {
            return self.power(seen, controller);
        }
        if now >= self.next_move && self.random.happens(25) {
            self.next_move = now + MOVE_PAUSE_MS;
            return self.give_to_another(seen, controller);
        }
        if self.random.happens(40) {
            return self.give_up_or_retry(seen, controller);
        }
        let living: Vec<&Instance> =
            seen.instances.iter().filter(|instance| instance.phase != Phase::Terminated).collect();
        if let Some(instance) = self.random.pick(&living) {
            self.change(instance, controller);
        }
    }

    /// All that lives is deleted, and servers are put right; to be called until nothing is left to do.
    pub fn clean(&mut self, now: u64, seen: &Snapshot, controller: &Controller) {
        if now < self.next {
            return;
        }
        self.next = now + 20_000;
        for instance in &seen.instances {
            if instance.phase != Phase::Terminated && !instance.phase.has_order() {
                self.delete(instance, controller);
            }
        }
        self.operate(now, seen, controller);
    }
}

fn project() -> ProjectId {
    PROJECT.parse().expect("the name of a project")
}

/// Why something was refused, without ids.
fn kind(refusal: &Refusal) -> String {
    let text = format!("{refusal:?}");
    text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_owned()
}
