//! Before a ramdisk leaves, what boots afterwards is settled.

use super::rack::Rack;
use crate::bmc::{BootEnabled, BootTarget};
use billet_proto::{
    link::{Install, Step, order::Work},
    ramdisk::{Configured, ramdisk_report::What},
};
use tonic::Code;

/// Written by `ssh-keygen -t ed25519`.
const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIFKAoMx/gB+cjOJMaYrvzf7cICdPxdYpzn5yoMkXatdQ";

#[tokio::test]
async fn no_ramdisk_leaves_before_the_bmc_reads_back_that_the_disk_boots_from_now_on() {
    let mut rack = Rack::new(false);
    let install = Install { hostname: "web-1".into(), nics: vec![rack.nic()], ..Install::default() };
    rack.order(1, Work::Install(install)).await;
    let session = rack.enlist().await;
    assert_eq!(rack.machine().runs, BootTarget::Pxe, "its own boot");
    let configured = Configured { host_key: KEY.into(), disk_serial: "A".into() };
    rack.report(&session, Step::Configure, What::Configured(configured)).await;

    // It would boot from the network again, and be installed for ever.
    rack.machine().forgets_overrides = true;
    let refused = rack.ask_to_leave(&session).await.await.unwrap().unwrap_err();
    assert_eq!(refused.code(), Code::Unavailable, "the ramdisk asks again: {refused}");
    assert!(!rack.word_was_asked_for(), "the controller is not asked for a word that nobody may use");

    rack.machine().forgets_overrides = false;
    let _answer = rack.ask_to_leave(&session).await;
    rack.word_is_asked_for().await;
    let boots_by = rack.machine().boots_by;
    assert_eq!((boots_by.target, boots_by.enabled), (BootTarget::Hdd, BootEnabled::Continuous));
}
