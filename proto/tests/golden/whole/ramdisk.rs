//! What a ramdisk says to its agent.

use super::parts::{boot_variables, inventory, progress, started, wiped};
use crate::{
    Golden,
    parts::{KEY, NONCE},
};
use billet_proto::{
    link::{Failed, Finished, Note, Step},
    ramdisk::{
        Configured, EnlistRequest, HandOverRequest, PutBack, RamdiskReport, ReadChunksRequest, SessionRequest, Wiped,
        ramdisk_report::What,
    },
};

const SESSION: &str = "session-1";

#[test]
fn what_a_ramdisk_says_with_each_field_set_means_the_same() {
    let mut golden = Golden::read("ramdisk", include_str!("../2026-11-30/ramdisk.hex"));
    let (boot_token, inventory) = ("token-1".to_owned(), Some(inventory()));
    golden.means("EnlistRequest", &EnlistRequest { boot_token, inventory, uptime_ms: 2300 });
    golden.means("SessionRequest", &SessionRequest { session: SESSION.into() });
    golden.means("ReadChunksRequest", &ReadChunksRequest { session: SESSION.into(), indices: vec![0, 300] });
    let failed = Failed { cause: "no_disk".into(), message: "no disk fits".into() };
    let configured = Configured { host_key: KEY.into(), disk_serial: "vda-1".into() };
    let wiped = Wiped { disks: vec![wiped()], boot_variables: Some(boot_variables()) };
    for (name, what) in [
        ("RamdiskReport.started", What::Started(started())),
        ("RamdiskReport.progress", What::Progress(progress())),
        ("RamdiskReport.finished", What::Finished(Finished { detail: "written".into() })),
        ("RamdiskReport.failed", What::Failed(failed)),
        ("RamdiskReport.note", What::Note(Note { kind: "disk".into(), message: "vda".into() })),
        ("RamdiskReport.configured", What::Configured(configured)),
        ("RamdiskReport.wiped", What::Wiped(wiped)),
        ("RamdiskReport.put-back", What::PutBack(PutBack { boot_variables: Some(boot_variables()) })),
    ] {
        golden.means(name, &RamdiskReport { session: SESSION.into(), step: Step::Wipe.into(), what: Some(what) });
    }
    golden.means("HandOverRequest", &HandOverRequest { session: SESSION.into(), nonce: NONCE.into() });
    golden.end();
}
