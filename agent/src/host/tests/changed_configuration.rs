//! The agent's configuration became another in the middle of an order, or the machine that a BMC is in.

use super::rack::{End, Rack};
use crate::host::state::{Installed, Record, Stage};
use billet_proto::link::{Install, NicConfig, Step, order::Work};
use uuid::Uuid;

fn installed() -> Installed {
    Installed { host_key: "ssh-ed25519 AAAA".into(), disk_serial: "A".into() }
}

#[tokio::test]
async fn an_order_that_no_longer_fits_the_configuration_leaves_nothing_on_that_it_began() {
    for (stage, is_off) in [
        (Stage::Begun, false),
        (Stage::Taken, true),
        (Stage::Leaving(installed()), true),
        (Stage::Verifying(installed()), false),
    ] {
        let mut rack = Rack::new(true);
        let on_disk = Record::new(1, stage.clone());
        rack.tools.records.save(rack.id(), &on_disk).unwrap();
        let other = NicConfig { mac: "52:54:00:00:99:99".into(), ..rack.nic() };
        rack.order(1, Work::Install(Install { nics: vec![other], ..Install::default() })).await;
        let End::Failed(step, failed) = rack.end(1).await else { panic!("it cannot be done") };
        assert_eq!((failed.cause.as_str(), !rack.machine().on), ("order_malformed", is_off), "{stage:?}");
        assert_eq!(failed.message.contains("powered off"), is_off, "{}", failed.message);
        let expected = if matches!(stage, Stage::Verifying(_)) { Step::Verify } else { Step::Power };
        assert_eq!(step, expected, "{stage:?}");
    }
}

#[tokio::test]
async fn another_machines_boot_order_is_not_touched_when_a_ramdisk_hands_over() {
    let (mut rack, session) = Rack::configured_system().await;
    let before = rack.machine().boots_by;
    rack.machine().uuid = Uuid::from_u128(9);
    let refused = rack.ask_to_leave(&session).await.await.unwrap().unwrap_err();
    assert!(refused.message().contains("it is in the machine with UUID"), "{refused}");
    let End::Failed(_, failed) = rack.end(1).await else { panic!("it is the wrong one") };
    assert_eq!((failed.cause.as_str(), rack.machine().boots_by), ("bmc_wrong_machine", before));
}
