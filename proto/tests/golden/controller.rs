//! What the controller says to an agent.

use super::{
    Golden,
    parts::{CERTIFICATE, INSTANCE, NONCE, SERVER, install, nic, reconfigure, wipe},
};
use billet_proto::link::{
    Chunk, Claim, ControllerMessage, Inspect, JoinReply, Order, Power, PowerAction, PowerOff, ReadManifestReply,
    RenewReply, Step, StepDeadline, Welcome, Word, controller_message::Body, order::Work,
};

fn says(body: Body) -> ControllerMessage {
    ControllerMessage { body: Some(body) }
}

fn order(work: Work) -> ControllerMessage {
    let deadline = |step: Step, seconds| StepDeadline { step: step.into(), seconds };
    let mut deadlines = vec![deadline(Step::Power, 300), deadline(Step::Boot, 600)];
    if matches!(work, Work::Wipe(_)) {
        deadlines.push(deadline(Step::Wipe, 3600));
    }
    says(Body::Order(Order { server_id: SERVER.into(), generation: 1, deadlines, work: Some(work) }))
}

fn word(granted: bool, reason: &str) -> ControllerMessage {
    let (server_id, nonce) = (SERVER.into(), NONCE.into());
    says(Body::Word(Word { server_id, generation: 1, nonce, granted, reason: reason.into(), over: false }))
}

#[test]
fn what_a_controller_of_0_1_0_says_means_the_same() {
    let mut golden = Golden::read("controller", include_str!("0.1.0/controller.hex"));
    let (certificate_pem, ca_pem) = (CERTIFICATE.to_owned(), CERTIFICATE.to_owned());
    golden.means("renew", &RenewReply { certificate_pem: certificate_pem.clone(), ca_pem: ca_pem.clone() });
    let agent_id = "0198170e-4ca7-7000-8000-000000000008".to_owned();
    golden.means("join", &JoinReply { certificate_pem, ca_pem: ca_pem.clone(), agent_id });
    let refused = Claim { server_id: "x".into(), accepted: false, reason: "the server id is malformed".into() };
    let claims = vec![Claim { server_id: SERVER.into(), accepted: true, reason: String::new() }, refused];
    golden.means("welcome", &says(Body::Welcome(Welcome { claims, ca_pem, renew: true })));
    let reboot = Power { action: PowerAction::Reboot.into(), instance_id: INSTANCE.into() };
    for (name, work) in [
        ("install", Work::Install(install())),
        ("power-off", Work::PowerOff(PowerOff { nics: vec![nic("10.20.0.2")] })),
        ("reconfigure", Work::Reconfigure(reconfigure())),
        ("power", Work::Power(reboot)),
        ("inspect", Work::Inspect(Inspect { allow_reset: true, baseline: None })),
        ("wipe", Work::Wipe(wipe())),
    ] {
        golden.means(name, &order(work));
    }
    golden.means("word", &word(true, ""));
    golden.means("word-refused", &word(false, "generation 1 is over, the newest is 2"));
    golden.means("manifest", &ReadManifestReply { manifest: b"{}".into() });
    golden.means("chunk", &Chunk { index: 300, frame: vec![0x28, 0xb5, 0x2f, 0xfd] });
    golden.end();
}
