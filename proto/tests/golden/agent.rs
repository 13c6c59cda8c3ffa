//! What an agent says to the controller.

use super::{
    Golden,
    parts::{KEY, NONCE, REQUEST, SERVER, inventory, macs, uuid, wiped},
};
use billet_proto::link::{
    AgentMessage, Done, Failed, Finished, Hello, JoinRequest, Note, OwnedServer, PowerRead, Progress,
    ReadChunksRequest, ReadManifestRequest, RenewRequest, Report, Started, Step, WordRequest, agent_message::Body,
    report::What,
};

fn says(body: Body) -> AgentMessage {
    AgentMessage { body: Some(body) }
}

fn report(step: Step, what: What) -> AgentMessage {
    says(Body::Report(Report { server_id: SERVER.into(), generation: 1, step: step.into(), what: Some(what) }))
}

#[test]
fn what_an_agent_of_0_1_0_says_means_the_same() {
    let mut golden = Golden::read("agent", include_str!("0.1.0/agent.hex"));
    golden.means("join", &JoinRequest { secret: vec![1, 2, 255], csr_pem: REQUEST.into() });
    golden.means("renew", &RenewRequest { csr_pem: REQUEST.into() });
    let server = OwnedServer { id: SERVER.into(), uuid: uuid(), serial: "SN1".into(), macs: macs() };
    golden.means("hello", &says(Body::Hello(Hello { version: "0.1.0".into(), epoch: 2, servers: vec![server] })));
    for (name, step, waiting_for) in [
        ("started-power", Step::Power, "the BMC to say that the server is on"),
        ("started-boot", Step::Boot, "the firmware to ask for an address"),
        ("started-inspect", Step::Inspect, "the ramdisk to look at the machine"),
        ("started-write", Step::Write, "the image"),
        ("started-configure", Step::Configure, "the disk"),
        ("started-hand-over", Step::HandOver, "the controller's word"),
        ("started-verify", Step::Verify, "the host key at 10.20.0.2"),
        ("started-power-off", Step::PowerOff, "the BMC to say that the server is off"),
        ("started-wipe", Step::Wipe, "the disks"),
    ] {
        golden.means(
            name,
            &report(step, What::Started(Started { waiting_for: waiting_for.into(), ..Started::default() })),
        );
    }
    let progress = Progress {
        done_bytes: 1 << 20,
        total_bytes: 10 << 30,
        bytes_per_second: 1 << 19,
        waiting_for: "the disk".into(),
    };
    let failed = Failed { cause: "boot_deadline".into(), message: "step boot did not end within 600 s".into() };
    let installed = Done {
        host_key: KEY.into(),
        proof: "ssh-host-key".into(),
        boot_trust: "lan".into(),
        disk_serial: "vda-1".into(),
        ..Done::default()
    };
    let erased = Done { boot_trust: "lan".into(), wiped: vec![wiped()], ..Done::default() };
    for (name, step, what) in [
        ("progress", Step::Write, What::Progress(progress)),
        ("finished", Step::Power, What::Finished(Finished { detail: "the server is on".into() })),
        ("failed", Step::Boot, What::Failed(failed)),
        ("host-key", Step::Configure, What::Note(Note { kind: "host-key".into(), message: KEY.into() })),
        ("done-install", Step::Verify, What::Done(installed)),
        ("done-wipe", Step::Wipe, What::Done(erased)),
        ("done-power-off", Step::PowerOff, What::Done(Done::default())),
        ("inspected", Step::Inspect, What::Inspected(inventory())),
        ("power-read-on", Step::Power, What::PowerRead(PowerRead { on: true })),
        ("power-read-off", Step::PowerOff, What::PowerRead(PowerRead { on: false })),
    ] {
        golden.means(name, &report(step, what));
    }
    let word = WordRequest { server_id: SERVER.into(), generation: 1, nonce: NONCE.into() };
    golden.means("word-request", &says(Body::WordRequest(word)));
    golden.means("read-manifest", &ReadManifestRequest { server_id: SERVER.into(), generation: 1 });
    let chunks = ReadChunksRequest { server_id: SERVER.into(), generation: 1, indices: vec![0, 1, 300] };
    golden.means("read-chunks", &chunks);
    golden.end();
}
