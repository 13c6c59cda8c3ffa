//! Getting to an instance by SSH, from the namespace of its VPC.

use crate::net::inside;
use anyhow::{Result, ensure};
use std::{os::unix::process::CommandExt, process::Command};

/// Nobody's keys are kept: whoever wants to know the host key gives options of his own.
const OPTIONS: [&str; 3] = ["StrictHostKeyChecking=no", "UserKnownHostsFile=/dev/null", "LogLevel=ERROR"];

/// Becomes `words` in that namespace: a command as it is, such as `sshpass -f FILE ssh …`; ssh itself is put before words that
/// begin with one of its options or with a host (`root@10.20.0.2`, `10.20.0.2`).
///
/// # Errors
/// When there are no words, or the program cannot be run.
pub fn run(namespace: &str, words: &[String]) -> Result<()> {
    ensure!(!words.is_empty(), "give a host and a command, or a command");
    let error = command(namespace, words).exec();
    Err(anyhow::Error::new(error).context(format!("run {}", words[0])))
}

fn command(namespace: &str, words: &[String]) -> Command {
    let first = &words[0];
    let for_ssh = first.starts_with('-') || first.contains('@') || first.parse::<std::net::IpAddr>().is_ok();
    let mut command = inside(namespace, if for_ssh { "ssh" } else { first });
    if for_ssh {
        command.args(OPTIONS.iter().flat_map(|option| ["-o", option])).args(words);
    } else {
        command.args(&words[1..]);
    }
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ssh_is_put_before_a_host_and_nothing_before_a_command() {
        for (words, with_ssh) in [
            (["root@10.20.0.2", "hostname"], true),
            (["10.20.0.2", "hostname"], true),
            (["-v", "root@10.20.0.2"], true),
            (["sshpass", "-e"], false),
            (["/usr/bin/ssh", "root@10.20.0.2"], false),
        ] {
            let command = command("blx", &words.map(str::to_owned));
            let told: Vec<_> = command.get_args().map(|word| word.to_string_lossy().into_owned()).collect();
            assert_eq!(told.iter().any(|word| word == "ssh"), with_ssh, "{told:?}");
            assert!(told.ends_with(&words.map(str::to_owned)), "{told:?}");
        }
    }
}
