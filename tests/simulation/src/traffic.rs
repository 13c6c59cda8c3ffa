//! Tenants and an operator: they ask for things by chance, and put right what they find.

use crate::{
    controller::Controller,
    journal::Journal,
    ledger::Ledger,
    promise::{Promise, Subject},
    random::Random,
    secrets::{HASH, METADATA, PASSWORD, USER_DATA_BASE64},
    snapshot::Snapshot,
};
use billet_controller::{
    api::ports::LifecycleApi as _,
    lifecycle::{PowerAction, refusal::Refusal, table::Phase},
    request::{CreateInstance, ModifyIp, ServerAction},
    store::record::{Instance, ManageState, Server},
};
use billet_proto::{ImageId, InstanceId, ProjectId, SubnetId, VpcId};
use serde_json::json;
use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
};

/// Whose instances they are.
pub const PROJECT: &str = "lab";

/// Where instances are put.
#[derive(Debug, Clone, Copy)]
pub struct Place {
    /// What is installed.
    pub image: ImageId,
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
    asked: u64,
    next: u64,
    answers: Arc<Mutex<VecDeque<Answer>>>,
}

struct Answer {
    call: Call,
    created: Option<InstanceId>,
    refused: Option<String>,
}

/// What is asked for.
struct Call {
    what: String,
    /// What follows where it is accepted.
    of: Option<(Subject, u64)>,
    /// The password's hash that it brings, and whether no other is there once it ended well.
    password: Option<(InstanceId, String, bool)>,
}

impl Call {
    fn new(what: String) -> Self {
        Self { what, of: None, password: None }
    }

    /// Of which a newer generation than that is known where it is accepted.
    fn of(what: String, subject: Subject, generation: u64) -> Self {
        Self { of: Some((subject, generation)), ..Self::new(what) }
    }

    fn with_password(self, instance: InstanceId, hash: &str, alone: bool) -> Self {
        Self { password: Some((instance, hash.to_owned(), alone)), ..self }
    }
}

impl Traffic {
    /// Nobody asked for anything yet.
    #[must_use]
    pub fn new(random: Random, ledger: Ledger, journal: Journal, place: Place) -> Self {
        Self { random, ledger, journal, place, asked: 0, next: 0, answers: Arc::default() }
    }

    /// What was answered since: in the order of the answers.
    pub fn hear(&self) {
        let answers: Vec<Answer> = self.answers.lock().unwrap_or_else(PoisonError::into_inner).drain(..).collect();
        for Answer { call, created, refused } in answers {
            let end = match (created, refused) {
                (Some(id), _) => {
                    self.ledger.accept(id);
                    format!("accepted as {}", self.ledger.name(id))
                }
                (None, None) => {
                    self.accepted(&call);
                    "accepted".into()
                }
                (None, Some(why)) => {
                    if let Some((id, hash, _)) = &call.password {
                        self.ledger.refuse_password(*id, hash);
                    }
                    format!("refused: {why}")
                }
            };
            self.journal.write(&format!("{}: {end}", call.what));
        }
    }

    fn accepted(&self, call: &Call) {
        if let Some((id, hash, true)) = &call.password {
            self.ledger.accept_password(*id, hash);
        }
        if let Some((of, generation)) = call.of {
            self.ledger.promise(Promise { what: call.what.clone(), of, generation });
        }
    }

    fn call(
        &self,
        controller: &Controller,
        call: Call,
        work: impl Future<Output = Result<Option<InstanceId>, Refusal>> + Send + 'static,
    ) {
        self.journal.write(&format!("{}?", call.what));
        if let Some((id, hash, _)) = &call.password {
            self.ledger.ask_password(*id, hash);
        }
        let (answers, ledger) = (self.answers.clone(), self.ledger.clone());
        controller.process.spawn(async move {
            let (created, refused) = match work.await {
                Ok(created) => (created, None),
                Err(refusal) => {
                    ledger.look_for_secrets("a refusal", &format!("{refusal} {refusal:?}"));
                    (None, Some(kind(&refusal)))
                }
            };
            answers.lock().unwrap_or_else(PoisonError::into_inner).push_back(Answer { call, created, refused });
        });
    }

    /// Something is asked for, if it is time; `most` creations in all.
    pub fn step(&mut self, now: u64, seen: &Snapshot, controller: &Controller, most: usize) {
        if now < self.next {
            return;
        }
        self.next = now + self.random.within(3_000..25_000);
        let is_early = self.ledger.instances() < most;
        let free = seen.servers.iter().any(|server| server.manage_state == ManageState::Ready);
        if is_early && free && self.random.happens(650) {
            return self.create(controller);
        }
        if self.random.happens(250) {
            return self.operate(seen, controller);
        }
        if self.random.happens(40) {
            return self.give_up(seen, controller);
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
        self.operate(seen, controller);
    }

    fn create(&mut self, controller: &Controller) {
        self.asked += 1;
        let name = format!("vm-{}", self.asked);
        let hash = format!("{HASH}{name}-0");
        let Place { image, vpc, subnet } = self.place;
        let body = json!({
            "name": name,
            "image_id": image.to_string(),
            "vpc_id": vpc.to_string(),
            "network_interfaces": [{ "subnet_id": subnet.to_string() }],
            "password": PASSWORD,
            "metadata": { "role": METADATA },
            "user_data": USER_DATA_BASE64,
        });
        let lifecycle = controller.lifecycle.clone();
        self.call(controller, Call::new(format!("create {name}")), async move {
            let request = CreateInstance::parse(body.to_string().as_bytes())?;
            lifecycle.create(project(), request, hash, None).await.map(Some)
        });
    }

    fn change(&mut self, instance: &Instance, controller: &Controller) {
        let (id, name, server) = (instance.id, self.ledger.name(instance.id), instance.server_id);
        let lifecycle = controller.lifecycle.clone();
        let call = |what: String| Call::of(format!("{what} {name}"), Subject::Instance(id), instance.generation);
        match self.random.within(0..100) {
            0..40 => self.delete(instance, controller),
            40..43 => {
                let hash = self.another_hash(instance);
                let call = Call::of(format!("password {name}"), Subject::Password(id), instance.generation);
                let call = call.with_password(id, &hash, false);
                let work = async move { lifecycle.change_password(project(), vec![id], hash).await.map(|()| None) };
                self.call(controller, call, work);
            }
            43..55 => {
                let hash = self.another_hash(instance);
                if may_write(instance) {
                    self.ledger.rewrite(id);
                }
                let call = call("reinstall".into()).with_password(id, &hash, true);
                let work = async move { lifecycle.reinstall(project(), (vec![id], None), hash).await.map(|()| None) };
                self.call(controller, call, work);
            }
            55..70 => {
                let body = json!({ "nics": [{ "subnet_id": self.place.subnet.to_string() }] });
                let work = async move {
                    let request = ModifyIp::parse(body.to_string().as_bytes())?;
                    lifecycle.modify_ip(project(), id, request).await.map(|()| None)
                };
                self.call(controller, call("modify-ip".into()), work);
            }
            roll => {
                let (action, of) = match roll {
                    70..80 => (PowerAction::Off, Subject::Power(id, Phase::Stopped)),
                    80..90 => (PowerAction::On, Subject::Power(id, Phase::Running)),
                    _ => (PowerAction::Reboot, Subject::Instance(id)),
                };
                let work =
                    async move { lifecycle.power_servers(Some(project()), vec![server], action).await.map(|()| None) };
                let call = Call::of(format!("power {action:?} {name}"), of, instance.generation);
                self.call(controller, call, work);
            }
        }
    }

    fn another_hash(&mut self, instance: &Instance) -> String {
        self.asked += 1;
        format!("{HASH}{}-{}", instance.name, self.asked)
    }

    fn delete(&self, instance: &Instance, controller: &Controller) {
        let id = instance.id;
        self.ledger.release(id);
        let lifecycle = controller.lifecycle.clone();
        let work = async move { lifecycle.delete(Some(project()), id).await.map(|()| None) };
        let what = format!("delete {}", self.ledger.name(id));
        self.call(controller, Call::of(what, Subject::Instance(id), instance.generation), work);
    }

    /// The operator gives up what is in progress on an instance, or has what failed tried once more.
    fn give_up_or_retry(&self, seen: &Snapshot, controller: &Controller) {
        let failed = |instance: &&Instance| instance.error.is_some() && instance.phase != Phase::Terminated;
        let may = |instance: &&Instance| instance.phase.has_order() || failed(instance);
        let found: Vec<&Instance> = seen.instances.iter().filter(may).collect();
        let Some(instance) = self.random.pick(&found) else { return };
        let (id, name, lifecycle) = (instance.id, self.ledger.name(instance.id), controller.lifecycle.clone());
        let call = |what: &str| Call::of(format!("{what} {name}"), Subject::Instance(id), instance.generation);
        if instance.phase.has_order() {
            self.call(controller, call("cancel"), async move { lifecycle.cancel(id).await.map(|_| None) });
        } else {
            self.call(controller, call("retry"), async move { lifecycle.retry(id).await.map(|_| None) });
        }
    }

    /// The operator changes his mind about work on a server.
    fn give_up(&self, seen: &Snapshot, controller: &Controller) {
        let busy: Vec<_> = seen.servers.iter().filter(|server| server.task.is_some()).collect();
        if let Some(server) = self.random.pick(&busy) {
            self.act(server, ServerAction::Cancel, controller);
        }
    }

    /// The operator looks at what stands still.
    fn operate(&self, seen: &Snapshot, controller: &Controller) {
        for server in seen.servers.iter().filter(|server| server.task.is_none()) {
            let occupied = seen
                .instances
                .iter()
                .any(|instance| instance.server_id == server.id && instance.phase != Phase::Terminated);
            let action = match server.manage_state {
                ManageState::Maintain if !occupied && !server.unwiped => ServerAction::Ready,
                ManageState::Maintain if !occupied => ServerAction::Wipe { policy: None },
                ManageState::Onboard => ServerAction::Inspect { allow_reset: true, accept_baseline: false },
                _ => continue,
            };
            self.act(server, action, controller);
        }
    }

    fn act(&self, server: &Server, action: ServerAction, controller: &Controller) {
        let (id, lifecycle) = (server.id, controller.lifecycle.clone());
        let what = format!("{action:?} {}", server.serial);
        let call = match action {
            ServerAction::Ready => Call::new(what),
            _ => Call::of(what, Subject::Server(id), server.generation),
        };
        let work = async move { lifecycle.act_on_server(id, action).await.map(|_| None) };
        self.call(controller, call, work);
    }
}

/// Whether a reinstallation can be accepted now or a moment later; what is refused for certain changes nothing.
fn may_write(instance: &Instance) -> bool {
    instance.phase != Phase::Terminated
}

fn project() -> ProjectId {
    PROJECT.parse().expect("the name of a project")
}

/// Why something was refused, without ids.
fn kind(refusal: &Refusal) -> String {
    let text = format!("{refusal:?}");
    text.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default().to_owned()
}
