//! What an agent says to a ramdisk.

use super::parts::{inspect, install, reconfigure, wipe};
use crate::{
    Golden,
    parts::{NONCE, hint},
};
use billet_proto::ramdisk::{Ack, EnlistReply, HandOverReply, enlist_reply::Task};

#[test]
fn what_an_agent_says_to_a_ramdisk_with_each_field_set_means_the_same() {
    let mut golden = Golden::read("host", include_str!("../2026-11-30/host.hex"));
    for (name, task, disk) in [
        ("EnlistReply.install", Task::Install(install()), Some(hint())),
        ("EnlistReply.reconfigure", Task::Reconfigure(reconfigure()), Some(hint())),
        ("EnlistReply.inspect", Task::Inspect(inspect()), None),
        ("EnlistReply.wipe", Task::Wipe(wipe()), None),
    ] {
        golden.means(name, &EnlistReply { session: "session-1".into(), generation: 7, task: Some(task), disk });
    }
    golden.means("Ack", &Ack {});
    for (name, granted, reason) in
        [("HandOverReply.granted", true, ""), ("HandOverReply.refused", false, "generation 7 is over")]
    {
        golden.means(name, &HandOverReply { nonce: NONCE.into(), granted, reason: reason.into() });
    }
    golden.end();
}
