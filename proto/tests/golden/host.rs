//! What an agent says to a ramdisk.

use super::{
    Golden,
    parts::{NONCE, hint, install, reconfigure, wipe},
};
use billet_proto::{
    link::Inspect,
    ramdisk::{Ack, EnlistReply, HandOverReply, enlist_reply::Task},
};

#[test]
fn what_an_agent_of_0_1_0_says_to_a_ramdisk_means_the_same() {
    let mut golden = Golden::read("host", include_str!("0.1.0/host.hex"));
    for (name, task, disk) in [
        ("enlist-install", Task::Install(install()), Some(hint())),
        ("enlist-reconfigure", Task::Reconfigure(reconfigure()), Some(hint())),
        ("enlist-inspect", Task::Inspect(Inspect { allow_reset: true, baseline: None }), None),
        ("enlist-wipe", Task::Wipe(wipe()), None),
    ] {
        let session = "session-1".to_owned();
        golden.means(name, &EnlistReply { session, generation: 1, task: Some(task), disk });
    }
    golden.means("ack", &Ack {});
    for (name, granted, reason) in
        [("hand-over", true, ""), ("hand-over-refused", false, "generation 1 is over, the newest is 2")]
    {
        golden.means(name, &HandOverReply { nonce: NONCE.into(), granted, reason: reason.into() });
    }
    golden.end();
}
