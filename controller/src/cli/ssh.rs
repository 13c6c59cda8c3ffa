//! `billet ssh`: the system's ssh, which trusts the instance's host key and no other, never the first that answers.
//!
//! The key comes from the controller, whom TLS vouches for; the controller had it from the ramdisk that made it.

mod known;

use super::{
    client::{Client, Instance},
    console::Console,
    error::{CliError, Exit},
};
use clap::Args;
use known::KnownHosts;
use std::process::{ExitStatus, Stdio};
use tokio::{
    process::{Child, Command},
    signal::unix::{SignalKind, signal},
};

/// The arguments.
#[derive(Debug, Args)]
pub struct Ssh {
    /// The instance: its id, or its name where only one has it
    instance: String,
    /// As whom
    #[arg(long, short = 'l', default_value = "root")]
    user: String,
    /// A word to put before ssh, such as what runs it in another network (repeat for each word)
    #[arg(long, value_name = "WORD", allow_hyphen_values = true)]
    ssh_argv: Vec<String>,
    /// What to run there; nothing: a shell
    #[arg(last = true)]
    command: Vec<String>,
}

impl Ssh {
    /// Does it, and ends as ssh ended.
    ///
    /// # Errors
    /// When the instance has no host key or address, or ssh cannot be run.
    pub async fn run(self, client: &Client, console: &mut Console) -> Result<Exit, CliError> {
        let instance = find(client, &self.instance).await?;
        if instance.state != "running" {
            console.note(&format!("instance {} is {}", instance.id, instance.state));
        }
        let alias = instance.id.to_string();
        let key = instance.host_key.as_deref().ok_or_else(|| no_ssh(&instance, "it has no host key yet"))?;
        let known =
            KnownHosts::write(&alias, key).map_err(|source| CliError::KnownHosts { id: instance.id, source })?;
        let mut words = self.words(&instance, &alias, &known)?.into_iter();
        let program = words.next().unwrap_or_default();
        let mut command = Command::new(&program);
        command.args(words).stdin(Stdio::inherit()).kill_on_drop(true);
        let child = command.spawn().map_err(|source| CliError::Ssh { program: program.clone(), source })?;
        let status = patiently(child).await.map_err(|source| CliError::Ssh { program, source })?;
        Ok(exit(status))
    }

    /// ssh takes the first value that it is given for an option: these come before a user's own.
    fn words(&self, instance: &Instance, alias: &str, known: &KnownHosts) -> Result<Vec<String>, CliError> {
        let nic = instance.network_interfaces.first().ok_or_else(|| no_ssh(instance, "it has no address"))?;
        let mut words = self.ssh_argv.clone();
        words.push("ssh".to_owned());
        for option in [
            format!("UserKnownHostsFile={}", known.path().display()),
            "GlobalKnownHostsFile=/dev/null".to_owned(),
            "KnownHostsCommand=none".to_owned(),
            format!("HostKeyAlias={alias}"),
            "StrictHostKeyChecking=yes".to_owned(),
            "VerifyHostKeyDNS=no".to_owned(),
            "UpdateHostKeys=no".to_owned(),
            "CheckHostIP=no".to_owned(),
            // A connection that another ssh opened was checked by another rule.
            "ControlPath=none".to_owned(),
        ] {
            words.extend(["-o".to_owned(), option]);
        }
        words.extend(["-l".to_owned(), self.user.clone(), "--".to_owned(), nic.ipv4_address.to_string()]);
        words.extend(self.command.iter().cloned());
        Ok(words)
    }
}

async fn find(client: &Client, wanted: &str) -> Result<Instance, CliError> {
    if let Ok(id) = wanted.parse() {
        return Ok(client.instance(id).await?);
    }
    let mut named = client.instances_named(wanted).await?;
    // As the controller means it; one that does not know the question answers others too.
    named.retain(|instance| instance.name == wanted);
    match named.len() {
        1 => Ok(named.remove(0)),
        _ => Err(CliError::Name { name: wanted.to_owned(), found: named.iter().map(|instance| instance.id).collect() }),
    }
}

fn no_ssh(instance: &Instance, why: &'static str) -> CliError {
    CliError::NoSsh { id: instance.id, state: instance.state.clone(), why }
}

/// A terminal sends its signals to ssh too; what ends this process first would leave the file behind.
async fn patiently(mut child: Child) -> std::io::Result<ExitStatus> {
    let (mut interrupt, mut quit) = (signal(SignalKind::interrupt())?, signal(SignalKind::quit())?);
    let (mut terminate, mut hangup) = (signal(SignalKind::terminate())?, signal(SignalKind::hangup())?);
    loop {
        tokio::select! {
            status = child.wait() => return status,
            _ = interrupt.recv() => {}
            _ = quit.recv() => {}
            _ = terminate.recv() => child.start_kill()?,
            _ = hangup.recv() => child.start_kill()?,
        }
    }
}

/// As a shell tells it: 128 and the signal's number.
fn exit(status: ExitStatus) -> Exit {
    use std::os::unix::process::ExitStatusExt as _;
    let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal));
    Exit::Foreign(code.and_then(|code| u8::try_from(code).ok()).unwrap_or(255))
}
