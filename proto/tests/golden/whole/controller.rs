//! What the controller says to an agent.

use super::parts::{inspect, install, reconfigure, wipe};
use crate::{
    Golden,
    parts::{CERTIFICATE, INSTANCE, NONCE, SERVER, nic},
};
use billet_proto::link::{
    Chunk, Claim, ControllerMessage, JoinReply, Order, Power, PowerAction, PowerOff, ReadManifestReply, RenewReply,
    Step, StepDeadline, Welcome, Wipe, WipeMethod, Word, controller_message::Body, order::Work,
};

fn says(body: Body) -> ControllerMessage {
    ControllerMessage { body: Some(body) }
}

fn order(work: Work) -> ControllerMessage {
    let steps = [
        Step::Power,
        Step::Boot,
        Step::Inspect,
        Step::Write,
        Step::Configure,
        Step::HandOver,
        Step::Verify,
        Step::PowerOff,
        Step::Wipe,
    ];
    let deadlines = steps.map(|step| StepDeadline { step: step.into(), seconds: 300 }).to_vec();
    says(Body::Order(Order { server_id: SERVER.into(), generation: 7, deadlines, work: Some(work) }))
}

fn power(action: PowerAction) -> Work {
    Work::Power(Power { action: action.into(), instance_id: INSTANCE.into() })
}

fn word(granted: bool, reason: &str, over: bool) -> ControllerMessage {
    let (server_id, nonce) = (SERVER.into(), NONCE.into());
    says(Body::Word(Word { server_id, generation: 7, nonce, granted, reason: reason.into(), over }))
}

#[test]
fn what_a_controller_says_with_each_field_set_means_the_same() {
    let mut golden = Golden::read("controller", include_str!("../2026-11-30/controller.hex"));
    let (certificate_pem, ca_pem) = (CERTIFICATE.to_owned(), CERTIFICATE.to_owned());
    golden.means("RenewReply", &RenewReply { certificate_pem: certificate_pem.clone(), ca_pem: ca_pem.clone() });
    let agent_id = "0198170e-4ca7-7000-8000-000000000008".to_owned();
    golden.means("JoinReply", &JoinReply { certificate_pem, ca_pem: ca_pem.clone(), agent_id });
    let claim = Claim { server_id: SERVER.into(), accepted: true, reason: "as before".into() };
    let welcome = Welcome { claims: vec![claim], ca_pem, renew: true };
    golden.means("ControllerMessage.welcome", &says(Body::Welcome(welcome)));
    for (name, work) in [
        ("ControllerMessage.order.install", Work::Install(install())),
        ("ControllerMessage.order.power-off", Work::PowerOff(PowerOff { nics: vec![nic("10.20.0.2")] })),
        ("ControllerMessage.order.reconfigure", Work::Reconfigure(reconfigure())),
        ("ControllerMessage.order.power.on", power(PowerAction::On)),
        ("ControllerMessage.order.power.off", power(PowerAction::Off)),
        ("ControllerMessage.order.power.reboot", power(PowerAction::Reboot)),
        ("ControllerMessage.order.inspect", Work::Inspect(inspect())),
        ("ControllerMessage.order.wipe.full", Work::Wipe(wipe())),
        (
            "ControllerMessage.order.wipe.metadata",
            Work::Wipe(Wipe { method: WipeMethod::Metadata.into(), ..Wipe::default() }),
        ),
    ] {
        golden.means(name, &order(work));
    }
    golden.means("ControllerMessage.word.granted", &word(true, "", false));
    golden.means("ControllerMessage.word.over", &word(false, "the work of generation 7 was ended", true));
    golden.means("ReadManifestReply", &ReadManifestReply { manifest: b"{}".into() });
    golden.means("Chunk", &Chunk { index: 300, frame: vec![0x28, 0xb5, 0x2f, 0xfd] });
    golden.end();
}
