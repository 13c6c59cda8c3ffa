//! What an agent says to the controller.

use super::parts::{bmc_facts, inventory, progress, started, wiped};
use crate::{
    Golden,
    parts::{KEY, NONCE, REQUEST, SERVER, macs, uuid},
};
use billet_proto::link::{
    AgentMessage, Done, Failed, Finished, Hello, JoinRequest, Note, OwnedServer, PowerRead, ReadChunksRequest,
    ReadManifestRequest, RenewRequest, Report, Step, WordRequest, agent_message::Body, report::What,
};

fn says(body: Body) -> AgentMessage {
    AgentMessage { body: Some(body) }
}

fn report(what: What) -> AgentMessage {
    says(Body::Report(Report { server_id: SERVER.into(), generation: 7, step: Step::Wipe.into(), what: Some(what) }))
}

fn done() -> Done {
    Done {
        host_key: KEY.into(),
        proof: "ssh-host-key".into(),
        boot_trust: "lan".into(),
        wiped: vec![wiped()],
        disk_serial: "vda-1".into(),
    }
}

#[test]
fn what_an_agent_says_with_each_field_set_means_the_same() {
    let mut golden = Golden::read("agent", include_str!("../2026-11-30/agent.hex"));
    golden.means("JoinRequest", &JoinRequest { secret: vec![1, 2, 255], csr_pem: REQUEST.into() });
    golden.means("RenewRequest", &RenewRequest { csr_pem: REQUEST.into() });
    let server = OwnedServer { id: SERVER.into(), uuid: uuid(), serial: "SN1".into(), macs: macs() };
    let hello = Hello { version: "0.1.0".into(), epoch: 2, servers: vec![server] };
    golden.means("AgentMessage.hello", &says(Body::Hello(hello)));
    let failed = Failed { cause: "boot_deadline".into(), message: "step boot did not end within 600 s".into() };
    for (name, what) in [
        ("AgentMessage.report.started", What::Started(started())),
        ("AgentMessage.report.progress", What::Progress(progress())),
        ("AgentMessage.report.finished", What::Finished(Finished { detail: "the server is on".into() })),
        ("AgentMessage.report.failed", What::Failed(failed)),
        ("AgentMessage.report.note", What::Note(Note { kind: "host-key".into(), message: KEY.into() })),
        ("AgentMessage.report.done", What::Done(done())),
        ("AgentMessage.report.inspected", What::Inspected(inventory())),
        ("AgentMessage.report.power-read", What::PowerRead(PowerRead { on: true })),
        ("AgentMessage.report.bmc-facts", What::BmcFacts(bmc_facts())),
    ] {
        golden.means(name, &report(what));
    }
    let word = WordRequest { server_id: SERVER.into(), generation: 7, nonce: NONCE.into() };
    golden.means("AgentMessage.word-request", &says(Body::WordRequest(word)));
    golden.means("ReadManifestRequest", &ReadManifestRequest { server_id: SERVER.into(), generation: 7 });
    let chunks = ReadChunksRequest { server_id: SERVER.into(), generation: 7, indices: vec![0, 1, 300] };
    golden.means("ReadChunksRequest", &chunks);
    golden.end();
}
