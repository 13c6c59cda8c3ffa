//! What a ramdisk says to its agent.

use super::{
    Golden,
    parts::{KEY, NONCE, inventory, wiped},
};
use billet_proto::{
    link::{Failed, Finished, Note, Progress, Started, Step},
    ramdisk::{
        Configured, EnlistRequest, HandOverRequest, RamdiskReport, ReadChunksRequest, SessionRequest, Wiped,
        ramdisk_report::What,
    },
};

const SESSION: &str = "session-1";

#[test]
fn what_a_ramdisk_of_0_1_0_says_means_the_same() {
    let mut golden = Golden::read("ramdisk", include_str!("0.1.0/ramdisk.hex"));
    let (boot_token, inventory) = ("token-1".to_owned(), Some(inventory()));
    golden.means("enlist", &EnlistRequest { boot_token, inventory, uptime_ms: 2300 });
    golden.means("session", &SessionRequest { session: SESSION.into() });
    golden.means("read-chunks", &ReadChunksRequest { session: SESSION.into(), indices: vec![0, 300] });
    let progress = Progress {
        done_bytes: 1 << 20,
        total_bytes: 10 << 30,
        bytes_per_second: 1 << 19,
        waiting_for: "the disk".into(),
    };
    for (name, step, what) in [
        ("started", Step::Write, What::Started(Started { waiting_for: "the image".into(), ..Started::default() })),
        ("progress", Step::Write, What::Progress(progress)),
        ("finished", Step::Write, What::Finished(Finished { detail: "written".into() })),
        ("failed", Step::Inspect, What::Failed(Failed { cause: "no_disk".into(), message: "no disk fits".into() })),
        ("note", Step::Inspect, What::Note(Note { kind: "disk".into(), message: "vda".into() })),
        (
            "configured",
            Step::Configure,
            What::Configured(Configured { host_key: KEY.into(), disk_serial: "vda-1".into() }),
        ),
        ("wiped", Step::Wipe, What::Wiped(Wiped { disks: vec![wiped()], ..Wiped::default() })),
    ] {
        golden.means(name, &RamdiskReport { session: SESSION.into(), step: step.into(), what: Some(what) });
    }
    golden.means("hand-over", &HandOverRequest { session: SESSION.into(), nonce: NONCE.into() });
    golden.end();
}
