//! What a BMC says of itself, accounts that are put right and a password that is changed, against OpenIPMI's `ipmi_sim`
//! (Debian package `openipmi`), on loopback; what a tenant's root does is done by `ipmitool` (Debian package `ipmitool`).

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

#[expect(dead_code, reason = "bmc_ipmi_sim uses the rest")]
#[path = "bmc_ipmi_sim/simulator.rs"]
mod simulator;

use billet_agent::{
    bmc::{Bmc, IpmiBmc, IpmiOptions, Login, NO_ACCESS, Restored, User, UserName, restore_users},
    config::Privilege,
};
use simulator::{ADMIN, OPERATOR, Simulator};
use tokio::process::Command;

fn bmc(simulator: &Simulator, (user, password): (&str, &str), privilege: Privilege) -> IpmiBmc {
    let options = IpmiOptions { privilege, ..IpmiOptions::default() };
    IpmiBmc::new(simulator.address, user.into(), password.into(), options)
}

/// What a root does by the in-band way; it is the same command.
async fn ipmitool(simulator: &Simulator, (user, password): (&str, &str), words: &str) {
    let port = simulator.address.port().to_string();
    let mut command = Command::new("ipmitool");
    command.args(["-I", "lanplus", "-C", "3", "-H", "127.0.0.1", "-p", &port, "-U", user, "-P", password]);
    let done = command.args(words.split(' ')).output().await.expect("ipmitool must be installed for this test");
    assert!(done.status.success(), "{words}: {}", String::from_utf8_lossy(&done.stderr));
}

#[tokio::test]
async fn a_bmc_tells_its_firmware_accounts_and_network_and_names_what_it_does_not_know() {
    let simulator = Simulator::start().await;
    let told = bmc(&simulator, OPERATOR, Privilege::Operator).baseline().await.unwrap();
    assert_eq!(told.firmware_version.as_deref(), Some("9.08 (00000000)"));
    let shown = |user: &User| (user.slot, user.name.map(|name| name.to_string()).unwrap_or_default(), user.privilege);
    let names: Vec<_> = told.users.iter().filter(|user| user.lets_in()).map(shown).collect();
    assert_eq!(names, [(2, "admin".to_owned(), 4), (3, "oper".to_owned(), 3)]);
    assert_eq!(told.users.len(), 63);
    assert_eq!(told.lan["channel-access"], "always, limit 4");
    assert_eq!(told.lan["cipher-privileges"], "444444444444444444");
    assert!(!format!("{told:?}").contains("public"), "the community string is a secret");
}

#[tokio::test]
async fn an_account_that_a_root_made_lets_nobody_in_afterwards() {
    let simulator = Simulator::start().await;
    let bmc = bmc(&simulator, ADMIN, Privilege::Administrator);
    let was = bmc.baseline().await.unwrap();
    for words in [
        "user set name 4 eve",
        "user set password 4 Passw0rd",
        "user priv 4 4 1",
        "channel setaccess 1 4 ipmi=on",
        "user enable 4",
        "user priv 3 4 1",
    ] {
        ipmitool(&simulator, ADMIN, words).await;
    }
    let eve = self::bmc(&simulator, ("eve", "Passw0rd"), Privilege::Administrator);
    eve.power_state().await.unwrap();
    eve.close().await;
    let is = bmc.baseline().await.unwrap();
    let mut restored = Restored::default();
    restore_users(&bmc, &was.users, &is.users, &mut restored).await.unwrap();
    assert_eq!(restored.refused, [""; 0]);
    assert_eq!(restored.done.len(), 2, "{:?}", restored.done);
    let after = bmc.baseline().await.unwrap();
    assert!(!after.users[3].lets_in(), "{:?}", after.users[3]);
    // "oper" may have the tenant's password as well.
    assert!(!after.users[2].lets_in(), "{:?}", after.users[2]);
    assert_eq!(after.users[0].privilege, NO_ACCESS);
    eve.power_state().await.unwrap_err();
    self::bmc(&simulator, OPERATOR, Privilege::Operator).power_state().await.unwrap_err();
}

#[tokio::test]
async fn a_name_with_other_bytes_than_letters_is_written_back_as_it_was() {
    let simulator = Simulator::start().await;
    let bmc = bmc(&simulator, ADMIN, Privilege::Administrator);
    // "ad", an escape, "min".
    ipmitool(&simulator, ADMIN, "raw 6 0x45 5 0x61 0x64 0x1b 0x6d 0x69 0x6e 0 0 0 0 0 0 0 0 0 0").await;
    let was = bmc.baseline().await.unwrap();
    assert_eq!(was.users[4].name, UserName::parse("ad\\x1bmin"));
    ipmitool(&simulator, ADMIN, "user set name 5 eve").await;
    let is = bmc.baseline().await.unwrap();
    let mut restored = Restored::default();
    restore_users(&bmc, &was.users, &is.users, &mut restored).await.unwrap();
    assert_eq!((restored.done.len(), restored.refused.len()), (1, 0), "{restored:?}");
    assert_eq!(bmc.baseline().await.unwrap().users[4].name, was.users[4].name);
}

#[tokio::test]
async fn a_password_is_changed_tried_and_used() {
    let simulator = Simulator::start().await;
    let bmc = bmc(&simulator, ADMIN, Privilege::Administrator);
    bmc.power_state().await.unwrap();
    let next = "Passw0rdPassw0rd".into();
    assert_eq!(bmc.try_password(&next).await.unwrap_err().cause(), "bmc_auth_failed");
    bmc.set_password(&next).await.unwrap();
    bmc.try_password(&next).await.unwrap();
    bmc.use_password(next).await;
    bmc.power_state().await.unwrap();
    assert_eq!(
        self::bmc(&simulator, ADMIN, Privilege::Administrator).power_state().await.unwrap_err().cause(),
        "bmc_auth_failed"
    );
}
