//! A BMC whose password cannot be read.

use super::chassis::Chassis;
use crate::{
    bmc::{Bmc, Retry, Rotate},
    host::{secret_file, unopened::Unopened},
};
use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt,
    sync::Arc,
};

#[tokio::test]
async fn a_password_that_cannot_be_read_is_read_again_when_it_is_needed_next() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("password");
    let chassis = Arc::new(Chassis::new(uuid::Uuid::nil(), true));
    let (read, behind): (_, Arc<dyn Rotate>) = (path.clone(), chassis.clone());
    let bmc = Unopened::new(chassis.peer().clone(), move || {
        secret_file::read(&read)?;
        Ok(behind.clone())
    });
    let refused = || async {
        let error = bmc.power_state().await.unwrap_err();
        assert_eq!((error.cause(), error.retry()), ("bmc_password_unreadable", Retry::NeedsOperator));
        bmc.close().await;
        crate::causes::chain(&error)
    };
    assert!(refused().await.contains("No such file"));
    fs::write(&path, "Zq7").unwrap();
    fs::set_permissions(&path, Permissions::from_mode(0o644)).unwrap();
    assert!(refused().await.contains("its mode is 0644"));
    assert_eq!(bmc.change_password().await.unwrap_err().cause(), "bmc_password_unreadable");
    let asked = |chassis: &Chassis| {
        let machine = chassis.machine();
        (machine.calls, machine.passwords, machine.closed)
    };
    assert_eq!(asked(&chassis), (0, 0, 0), "nothing was asked");
    fs::set_permissions(&path, Permissions::from_mode(0o600)).unwrap();
    bmc.power_state().await.unwrap();
    // It is known now, whatever becomes of the file.
    fs::remove_file(&path).unwrap();
    bmc.change_password().await.unwrap();
    bmc.close().await;
    assert_eq!(asked(&chassis), (2, 1, 1));
}
