//! What tenants ask for.

use super::{Place, Traffic, call::Call, once::Creation, project};
use crate::{
    controller::Controller,
    promise::Subject,
    secrets::{HASH, METADATA, PASSWORD, USER_DATA_BASE64},
};
use billet_controller::{
    api::ports::LifecycleApi as _,
    lifecycle::{PowerAction, table::Phase},
    request::ModifyIp,
    store::record::Instance,
};
use billet_proto::ImageId;
use serde_json::{Value, json};

impl Traffic {
    pub(super) fn create(&mut self, now: u64, controller: &Controller) {
        self.asked += 1;
        let is_batch = self.random.happens(120);
        let name = format!("{}-{}", if is_batch { "set" } else { "vm" }, self.asked);
        let mut body = self.wish(&name);
        if is_batch {
            body["max_count"] = self.random.within(2..4).into();
            body["min_count"] = 1.into();
        }
        self.create_once(now, Creation { name, body, is_batch }, controller);
    }

    fn wish(&self, name: &str) -> Value {
        let Place { images: [image, _], vpc, subnet } = self.place;
        json!({
            "name": name,
            "image_id": image.to_string(),
            "vpc_id": vpc.to_string(),
            "network_interfaces": [{ "subnet_id": subnet.to_string() }],
            "password": PASSWORD,
            "metadata": { "role": METADATA },
            "user_data": USER_DATA_BASE64,
        })
    }

    pub(super) fn change(&mut self, instance: &Instance, controller: &Controller) {
        let (id, name, server) = (instance.id, self.ledger.name(instance.id), instance.server_id);
        let lifecycle = controller.lifecycle.clone();
        let call = |what: String| Call::of(format!("{what} {name}"), Subject::Instance(id), instance.generation);
        match self.random.within(0..100) {
            0..40 => self.delete(instance, controller),
            40..43 => {
                let hash = self.another_hash(instance);
                let call = Call::of(format!("password {name}"), Subject::Password(id), instance.generation);
                let call = call.with_password(id, &hash, false);
                let work =
                    async move { lifecycle.change_password(project(), vec![id], hash).await.map(|()| Vec::new()) };
                self.call(controller, call, work);
            }
            43..55 => {
                let hash = self.another_hash(instance);
                if may_write(instance) {
                    self.ledger.rewrite(id);
                }
                let image = self.random.happens(400).then(|| self.other_image(instance));
                let what = if image.is_some() { "switch-install" } else { "reinstall" };
                let call = call(what.into()).with_password(id, &hash, true);
                let work =
                    async move { lifecycle.reinstall(project(), (vec![id], image), hash).await.map(|()| Vec::new()) };
                self.call(controller, call, work);
            }
            55..70 => {
                let body = json!({ "nics": [{ "subnet_id": self.place.subnet.to_string() }] });
                let work = async move {
                    let request = ModifyIp::parse(body.to_string().as_bytes())?;
                    lifecycle.modify_ip(project(), id, request).await.map(|()| Vec::new())
                };
                self.call(controller, call("modify-ip".into()), work);
            }
            roll => {
                let (action, of) = match roll {
                    70..80 => (PowerAction::Off, Subject::Instance(id)),
                    80..90 => (PowerAction::On, Subject::PowerOn(id)),
                    _ => (PowerAction::Reboot, Subject::Instance(id)),
                };
                let work = async move {
                    lifecycle.power_servers(Some(project()), vec![server], action).await.map(|()| Vec::new())
                };
                let call = Call::of(format!("power {action:?} {name}"), of, instance.generation);
                self.call(controller, call, work);
            }
        }
    }

    fn other_image(&self, instance: &Instance) -> ImageId {
        let [one, other] = self.place.images;
        if instance.image_id == one { other } else { one }
    }

    fn another_hash(&mut self, instance: &Instance) -> String {
        self.asked += 1;
        format!("{HASH}{}-{}", instance.name, self.asked)
    }

    pub(super) fn delete(&self, instance: &Instance, controller: &Controller) {
        let id = instance.id;
        self.ledger.release(id);
        let lifecycle = controller.lifecycle.clone();
        let work = async move { lifecycle.delete(Some(project()), id).await.map(|()| Vec::new()) };
        let what = format!("delete {}", self.ledger.name(id));
        self.call(controller, Call::of(what, Subject::Instance(id), instance.generation), work);
    }
}

/// Whether a reinstallation can be accepted now or a moment later; what is refused for certain changes nothing.
fn may_write(instance: &Instance) -> bool {
    instance.phase != Phase::Terminated
}
