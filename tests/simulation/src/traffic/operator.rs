//! What an operator does.

use super::{Traffic, call::Call};
use crate::{
    controller::Controller,
    promise::{Subject, is_out},
    snapshot::Snapshot,
};
use billet_controller::{
    api::ports::{LifecycleApi as _, Presence as _},
    lifecycle::{PowerAction, table::Phase},
    request::{RegisterServer, ServerAction},
    store::record::{Instance, ManageState, Server},
};
use billet_proto::AgentId;
use serde_json::json;

impl Traffic {
    /// The operator gives up what is in progress on an instance, or has what failed tried once more.
    pub(super) fn give_up_or_retry(&self, seen: &Snapshot, controller: &Controller) {
        let failed = |instance: &&Instance| instance.error.is_some() && instance.phase != Phase::Terminated;
        let may = |instance: &&Instance| instance.phase.has_order() || failed(instance);
        let found: Vec<&Instance> = seen.instances.iter().filter(may).collect();
        let Some(instance) = self.random.pick(&found) else { return };
        let (id, name, lifecycle) = (instance.id, self.ledger.name(instance.id), controller.lifecycle.clone());
        let call = |what: &str| Call::of(format!("{what} {name}"), Subject::Instance(id), instance.generation);
        if instance.phase.has_order() {
            self.call(controller, call("cancel"), async move { lifecycle.cancel(id).await.map(|_| Vec::new()) });
        } else {
            self.call(controller, call("retry"), async move { lifecycle.retry(id).await.map(|_| Vec::new()) });
        }
    }

    /// The operator changes his mind about work on a server.
    pub(super) fn give_up(&self, seen: &Snapshot, controller: &Controller) {
        let busy: Vec<_> = seen.servers.iter().filter(|server| server.task.is_some()).collect();
        if let Some(server) = self.random.pick(&busy) {
            self.act(server, ServerAction::Cancel, controller);
        }
    }

    /// The operator hears a fan.
    pub(super) fn take_out(&self, seen: &Snapshot, controller: &Controller) {
        let used = |server: &&Server| matches!(server.manage_state, ManageState::InUse | ManageState::Ready);
        let found: Vec<_> = seen.servers.iter().filter(used).filter(|server| !is_out(server)).collect();
        if let Some(server) = self.random.pick(&found) {
            self.act(server, ServerAction::Maintain { reason: "a fan".into() }, controller);
        }
    }

    /// The operator powers a server that nothing is on.
    pub(super) fn power(&self, seen: &Snapshot, controller: &Controller) {
        let is_free = |server: &&Server| server.task.is_none() && server.manage_state != ManageState::InUse;
        let found: Vec<_> = seen.servers.iter().filter(is_free).collect();
        let Some(server) = self.random.pick(&found) else { return };
        let (id, lifecycle) = (server.id, controller.lifecycle.clone());
        let action = match self.random.within(0..3) {
            0 => PowerAction::On,
            1 => PowerAction::Reboot,
            _ => PowerAction::Off,
        };
        if action != PowerAction::Off {
            self.ledger.light(id);
        }
        let call = Call::of(format!("power {action:?} {}", server.serial), Subject::Server(id), server.generation);
        let work = async move { lifecycle.power_servers(None, vec![id], action).await.map(|()| Vec::new()) };
        self.call(controller, call, work);
    }

    /// The operator looks at what stands still.
    pub(super) fn operate(&self, now: u64, seen: &Snapshot, controller: &Controller) {
        for server in &seen.servers {
            if let Some(until) = self.ledger.gone_until(server.id) {
                self.say_gone(server, now < until, (seen, controller));
                continue;
            }
            if server.task.is_some() {
                continue;
            }
            if let (None, Some(agent)) = (server.owner, server.registered_agent) {
                self.register(server, agent, controller);
                continue;
            }
            let occupied = seen
                .instances
                .iter()
                .any(|instance| instance.server_id == server.id && instance.phase != Phase::Terminated);
            let action = match server.manage_state {
                ManageState::Maintain if !occupied && !server.unwiped => ServerAction::Ready,
                ManageState::Maintain if !occupied => ServerAction::Wipe { policy: None },
                ManageState::InUse if is_out(server) && self.random.happens(300) => ServerAction::Ready,
                ManageState::Onboard => ServerAction::Inspect { allow_reset: true, accept_baseline: false },
                ManageState::Offboarding => ServerAction::Maintain { reason: "it is back".into() },
                _ => continue,
            };
            self.act(server, action, controller);
        }
    }

    /// The operator gives a server that nothing is on to the other agent, whose configuration has it too.
    pub(super) fn give_to_another(&self, seen: &Snapshot, controller: &Controller) {
        let is_free = |server: &&Server| server.task.is_none() && server.manage_state != ManageState::InUse;
        let is_owned = |server: &&Server| server.owner.is_some() && server.owner == server.registered_agent;
        let found: Vec<_> = seen.servers.iter().filter(is_free).filter(is_owned).collect();
        let Some(server) = self.random.pick(&found) else { return };
        let mut others = self.agents.iter().filter(|(id, _)| Some(*id) != server.owner);
        if let Some((agent, _)) = others.next() {
            self.register(server, *agent, controller);
        }
    }

    /// As the API does: the sessions of both agents end, so that one loses it and the other claims it.
    fn register(&self, server: &Server, agent: AgentId, controller: &Controller) {
        let Some((_, name)) = self.agents.iter().find(|(id, _)| *id == agent) else { return };
        let (id, lifecycle, sessions) = (server.id, controller.lifecycle.clone(), controller.sessions.clone());
        let what = format!("register {} for {name}", server.serial);
        let body = json!({ "agent_name": name }).to_string();
        let work = async move {
            lifecycle.register(id, RegisterServer::parse(body.as_bytes())?).await?;
            sessions.server_changed(id);
            Ok(Vec::new())
        };
        self.call(controller, Call::of(what, Subject::Registered(id, agent), server.generation), work);
    }

    /// The operator's word that a machine is gone, as long as it certainly is when he is heard.
    fn say_gone(&self, server: &Server, in_time: bool, (seen, controller): (&Snapshot, &Controller)) {
        if !in_time || server.manage_state == ManageState::Offboarding {
            return;
        }
        for instance in seen.instances.iter().filter(|instance| instance.server_id == server.id) {
            self.ledger.release(instance.id);
        }
        self.act(server, ServerAction::Offboard { confirm_off: true }, controller);
    }

    fn act(&self, server: &Server, action: ServerAction, controller: &Controller) {
        let (id, lifecycle) = (server.id, controller.lifecycle.clone());
        let what = format!("{action:?} {}", server.serial);
        let call = match action {
            ServerAction::Ready => Call { put_back: Some(id).filter(|id| self.ledger.is_out(*id)), ..Call::new(what) },
            ServerAction::Maintain { .. } => {
                Call { take_out: Some(id), ..Call::of(what, Subject::TakenOut(id), server.generation) }
            }
            _ => Call::of(what, Subject::Server(id), server.generation),
        };
        let work = async move { lifecycle.act_on_server(id, action).await.map(|_| Vec::new()) };
        self.call(controller, call, work);
    }
}
