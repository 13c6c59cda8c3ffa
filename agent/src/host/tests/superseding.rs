//! A newer order takes the place of an older one, wherever that stands.

use super::rack::{End, Rack};
use crate::bmc::ResetType::{ForceOff, On};
use billet_proto::link::{Install, Power, PowerAction, PowerOff, order::Work};

fn install(rack: &Rack) -> Work {
    Work::Install(Install { hostname: "web-1".into(), nics: vec![rack.nic()], ..Install::default() })
}

#[tokio::test]
async fn an_installation_that_is_cancelled_leaves_no_session_no_boot_no_power_and_no_port() {
    let mut rack = Rack::new(false);
    rack.order(1, install(&rack)).await;
    let session = rack.enlist().await;
    assert!(rack.tools.ramdisks.session(&session).is_ok());
    let before = rack.moves().len();

    rack.order(2, Work::PowerOff(PowerOff { nics: vec![rack.nic()] })).await;
    assert!(matches!(rack.end(2).await, End::Done(_)));
    assert!(rack.tools.ramdisks.session(&session).is_err(), "nothing more is done for that ramdisk");
    assert_eq!(rack.tools.boots.token_of(rack.id()), None);
    assert_eq!(rack.machine().closed, 2, "the BMC's session too is given back, of each of them");
    assert_eq!(rack.machine().actions, [On, ForceOff]);
    assert_eq!(
        rack.moves()[before..],
        ["detach 52:54:00:00:00:01 provisioning", "detach 52:54:00:00:00:01 vpc"],
        "wherever the installation had brought the port"
    );
}

#[tokio::test]
async fn an_older_order_that_comes_late_is_refused_whatever_it_says() {
    let mut rack = Rack::new(true);
    rack.order(2, Work::PowerOff(PowerOff::default())).await;
    assert!(matches!(rack.end(2).await, End::Done(_)));
    let power = Power { action: PowerAction::On.into(), instance_id: String::new() };
    rack.order(1, Work::Power(power)).await;
    // What comes after it shows that it was looked at.
    rack.order(2, Work::PowerOff(PowerOff::default())).await;
    assert!(matches!(rack.end(2).await, End::Done(_)));
    assert!(!rack.machine().on);
    assert_eq!(rack.machine().actions, [ForceOff]);
}
