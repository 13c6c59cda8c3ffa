//! The operator's executable: one JSON object on its standard input, one on its standard output.

use super::{Move, NetworkError, Switch};
use futures_util::future::BoxFuture;
use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use serde::Deserialize;
use std::{
    path::{Path, PathBuf},
    process::Stdio,
    time::Duration,
};
use tokio::{
    io::{AsyncReadExt, AsyncWriteExt},
    process::{Child, Command},
};

/// No answer is longer; a hook that says more is refused.
const MAX_ANSWER_BYTES: u64 = 64 << 10;

/// Moves each NIC by a call of its own.
pub(super) struct Hook {
    pub(super) command: PathBuf,
    pub(super) arguments: Vec<String>,
    /// For one call.
    pub(super) deadline: Duration,
}

impl Switch for Hook {
    fn carry_out<'a>(&'a self, wanted: &'a Move) -> BoxFuture<'a, Result<(), NetworkError>> {
        Box::pin(run(&self.command, &self.arguments, wanted, self.deadline))
    }
}

#[derive(Debug, Deserialize)]
struct Answer {
    ok: bool,
    #[serde(default)]
    error: String,
}

async fn run(command: &Path, arguments: &[String], call: &Move, deadline: Duration) -> Result<(), NetworkError> {
    let failed = |source| NetworkError::Run { command: command.display().to_string(), source };
    let mut child = Command::new(command)
        .args(arguments)
        .env_clear()
        .env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        // With whatever it starts it is one group, which ends as a whole.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(failed)?;
    let group = Group::of(&child);
    let question = serde_json::to_vec(call).expect("a call has only string keys");
    let talk = async {
        if let Some(mut stdin) = child.stdin.take() {
            // A hook that answers without reading is its own business; its answer decides.
            let _ = stdin.write_all(&question).await;
        }
        let mut answer = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            stdout.take(MAX_ANSWER_BYTES).read_to_end(&mut answer).await?;
        }
        let status = child.wait().await?;
        Ok((answer, status))
    };
    let (answer, status) = tokio::time::timeout(deadline, talk)
        .await
        .map_err(|_| NetworkError::Deadline { mac: call.mac, seconds: deadline.as_secs() })?
        .map_err(failed)?;
    group.done();
    let refused = |reason: String| NetworkError::Refused { mac: call.mac, reason };
    match serde_json::from_slice::<Answer>(&answer) {
        Ok(Answer { ok: true, .. }) if status.success() => Ok(()),
        Ok(Answer { ok: true, .. }) => Err(refused(format!("it said ok but ended with {status}"))),
        Ok(Answer { error, .. }) => Err(refused(error.chars().filter(|c| !c.is_control()).take(300).collect())),
        Err(error) => Err(refused(format!("its answer is not the JSON expected ({error}); it ended with {status}"))),
    }
}

/// The hook and its children, ended when this is dropped before the hook answered.
struct Group(Option<Pid>);

impl Group {
    fn of(child: &Child) -> Self {
        Self(child.id().and_then(|id| i32::try_from(id).ok()).map(Pid::from_raw))
    }

    /// It ended by itself; its number may be another's by now.
    fn done(mut self) {
        self.0 = None;
    }
}

impl Drop for Group {
    fn drop(&mut self) {
        if let Some(group) = self.0 {
            // Gone already is well.
            let _ = killpg(group, Signal::SIGKILL);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::network::{Action, Network, hook_script::hook_script};

    fn call() -> Move {
        Move {
            action: Action::Attach,
            server_id: "0198170e-4ca7-7000-8000-000000000001".parse().unwrap(),
            mac: "52:54:00:00:00:01".parse().unwrap(),
            network: Network::Vpc { vpc_id: "0198170e-4ca7-7000-8000-0000000000aa".parse().unwrap() },
            vlan: None,
        }
    }

    #[tokio::test]
    async fn the_hook_is_told_which_port_goes_where() {
        let dir = tempfile::tempdir().unwrap();
        let seen = dir.path().join("seen");
        let path = hook_script(dir.path(), &format!("cat > {}; echo '{{\"ok\":true}}'", seen.display()));
        run(&path, &[], &call(), Duration::from_secs(10)).await.unwrap();
        assert_eq!(
            std::fs::read_to_string(seen).unwrap(),
            r#"{"action":"attach","server_id":"0198170e-4ca7-7000-8000-000000000001","mac":"52:54:00:00:00:01","network":{"kind":"vpc","vpc_id":"0198170e-4ca7-7000-8000-0000000000aa"}}"#
        );
    }

    #[tokio::test]
    async fn what_the_hook_refuses_is_told_in_its_words() {
        let dir = tempfile::tempdir().unwrap();
        let path = hook_script(dir.path(), r#"echo '{"ok":false,"error":"no such port"}'; exit 1"#);
        let error = run(&path, &[], &call(), Duration::from_secs(10)).await.unwrap_err();
        assert!(error.to_string().contains("no such port"), "{error}");
        let path = hook_script(dir.path(), "echo nonsense");
        assert!(matches!(run(&path, &[], &call(), Duration::from_secs(10)).await, Err(NetworkError::Refused { .. })));
        let path = hook_script(dir.path(), r#"echo '{"ok":true}'; exit 3"#);
        assert!(matches!(run(&path, &[], &call(), Duration::from_secs(10)).await, Err(NetworkError::Refused { .. })));
    }

    #[tokio::test]
    async fn a_hook_that_hangs_is_ended_at_its_deadline() {
        let dir = tempfile::tempdir().unwrap();
        let pid = dir.path().join("pid");
        let path = hook_script(dir.path(), &format!("sleep 60 & echo $! > {}; wait", pid.display()));
        let error = run(&path, &[], &call(), Duration::from_millis(500)).await.unwrap_err();
        assert!(matches!(error, NetworkError::Deadline { .. }), "{error}");
        let child = std::fs::read_to_string(pid).unwrap();
        let status = || std::fs::read_to_string(format!("/proc/{}/stat", child.trim()));
        for _ in 0..100 {
            // Gone, or waiting to be reaped by whoever adopted it.
            if status().map_or(true, |status| status.contains(") Z ")) {
                return;
            }
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        panic!("what the hook started lives on");
    }
}
