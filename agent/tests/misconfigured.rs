//! A configuration that does not parse: the unit tries no more (`RestartPreventExitStatus=`), as it does where it may help.

use std::{fs, process::Command};

#[test]
fn a_configuration_that_does_not_parse_is_told_apart_from_one_that_cannot_be_read() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("agent.toml");
    let run = || {
        let mut command = Command::new(env!("CARGO_BIN_EXE_billet-agent"));
        let output = command.arg("run").arg("--config").arg(&path).env_remove("NOTIFY_SOCKET").output().unwrap();
        (output.status.code(), String::from_utf8(output.stderr).unwrap())
    };
    assert_eq!(run().0, Some(1), "{}", run().1);
    fs::write(&path, "nothing_of_ours = 1\n").unwrap();
    let (code, said) = run();
    assert!(code == Some(78) && said.contains("nothing_of_ours"), "{code:?}: {said}");
}
