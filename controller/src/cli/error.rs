//! How a command ends.

use super::{client::ClientError, secret::SecretFileError, settings::SettingsError};
use crate::receipt::VerifyError;
use billet_proto::{InstanceId, ServerId};
use std::{error::Error as _, fmt::Write as _, io, path::PathBuf, process::ExitCode, time::Duration};

/// The process's exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// 0: done.
    Done,
    /// 1: the controller refused, or what was asked for failed.
    Failed,
    /// 2: wrong arguments, settings or local files; nothing was asked of the controller.
    Usage,
    /// 3: the given time was over; the work goes on.
    Timeout,
    /// 4: the controller was not reached, or did not answer.
    Unreachable,
    /// As the program that was run ended.
    Foreign(u8),
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(match exit {
            Exit::Done => 0,
            Exit::Failed => 1,
            Exit::Usage => 2,
            Exit::Timeout => 3,
            Exit::Unreachable => 4,
            Exit::Foreign(code) => code,
        })
    }
}

/// Why a command did not do what it should.
#[derive(Debug, thiserror::Error)]
pub enum CliError {
    /// Nothing to work with.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A call did not succeed.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The file of a secret cannot be used.
    #[error(transparent)]
    SecretFile(#[from] SecretFileError),
    /// No password came from the terminal.
    #[error("read the password from the terminal (give --password-file where there is none)")]
    Prompt(#[source] io::Error),
    /// The two passwords differ.
    #[error("take the password: the two entries differ")]
    PasswordsDiffer,
    /// The metadata's file cannot be read.
    #[error("read the metadata in {path}")]
    MetadataFile {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A line of it is no pair.
    #[error("read the metadata in {path}: line {line} is not KEY=VALUE")]
    MetadataLine {
        /// Which.
        path: PathBuf,
        /// From 1.
        line: usize,
    },
    /// A local file cannot be read.
    #[error("read {path}")]
    File {
        /// Which.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// The image's file is not what the caller says.
    #[error("import {path}: its SHA-256 is {found}, not {expected}")]
    Digest {
        /// Which.
        path: PathBuf,
        /// By `--sha256`, hex.
        expected: String,
        /// Hex.
        found: String,
    },
    /// The instance did not come where it should.
    #[error("bring instance {id} to '{goal}': {cause}")]
    Instance {
        /// Which.
        id: InstanceId,
        /// Where it should have come.
        goal: &'static str,
        /// For a person.
        cause: String,
    },
    /// The time was over first. The instance goes on.
    #[error("see instance {id} reach '{goal}' within {} s; last seen: {last_seen}", timeout.as_secs())]
    Timeout {
        /// Which.
        id: InstanceId,
        /// Where it should have come.
        goal: &'static str,
        /// How long it was waited for.
        timeout: Duration,
        /// For a person.
        last_seen: String,
    },
    /// The server did not become ready.
    #[error("make server {id} ready: {cause}")]
    Server {
        /// Which.
        id: ServerId,
        /// For a person.
        cause: String,
    },
    /// The time was over first. The inspection goes on.
    #[error("see server {id} become ready within {} s; last seen: {last_seen}", timeout.as_secs())]
    ServerTimeout {
        /// Which.
        id: ServerId,
        /// How long it was waited for.
        timeout: Duration,
        /// For a person.
        last_seen: String,
    },
    /// The name is none's, or more than one's.
    #[error("find the instance '{name}': {}", having(.found))]
    Name {
        /// As given.
        name: String,
        /// Whose it is, the first ten.
        found: Vec<InstanceId>,
    },
    /// There is nothing to log into, or nothing by which to know it.
    #[error("log into instance {id}, which is {state}: {why}")]
    NoSsh {
        /// Which.
        id: InstanceId,
        /// Its state.
        state: String,
        /// For a person.
        why: &'static str,
    },
    /// Its host key cannot be given to ssh.
    #[error("tell ssh the host key of instance {id}")]
    KnownHosts {
        /// Which.
        id: InstanceId,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// ssh, or what stands before it, cannot be run.
    #[error("run {program}")]
    Ssh {
        /// Which program.
        program: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// Not a receipt of that key.
    #[error(transparent)]
    Receipt(VerifyError),
    /// Nobody takes the result.
    #[error("write the result")]
    Output(#[source] io::Error),
    /// No event loop.
    #[error("start")]
    Runtime(#[source] io::Error),
}

impl CliError {
    /// The process's exit code for it.
    pub fn exit(&self) -> Exit {
        match self {
            Self::Settings(_)
            | Self::SecretFile(_)
            | Self::Prompt(_)
            | Self::PasswordsDiffer
            | Self::Name { .. }
            | Self::Ssh { .. }
            | Self::File { .. }
            | Self::MetadataFile { .. }
            | Self::MetadataLine { .. }
            | Self::Client(ClientError::NoProject) => Exit::Usage,
            Self::Client(ClientError::Unreachable { .. }) => Exit::Unreachable,
            Self::Client(ClientError::Upload { .. }) | Self::Timeout { .. } | Self::ServerTimeout { .. } => {
                Exit::Timeout
            }
            Self::Client(ClientError::Refused(_) | ClientError::Garbled { .. })
            | Self::Digest { .. }
            | Self::Instance { .. }
            | Self::Server { .. }
            | Self::NoSsh { .. }
            | Self::KnownHosts { .. }
            | Self::Receipt(_)
            | Self::Output(_)
            | Self::Runtime(_) => Exit::Failed,
        }
    }

    /// The line for a person: a refusal in the controller's own words, all else as "failed to …" with its causes.
    pub fn line(&self) -> String {
        if let Self::Client(ClientError::Refused(refusal)) = self {
            return format!("error: {refusal}");
        }
        let mut line = format!("error: failed to {self}");
        let mut source = self.source();
        // A chain of causes is short; the bound keeps a loop of them from being endless.
        for _ in 0..8 {
            let Some(cause) = source else { break };
            let text = cause.to_string();
            if !line.ends_with(&text) {
                // Writing to a String cannot fail.
                let _ = write!(line, ": {text}");
            }
            source = cause.source();
        }
        line
    }
}

fn having(found: &[InstanceId]) -> String {
    if found.is_empty() {
        return "none has that name".to_owned();
    }
    let ids: Vec<String> = found.iter().map(ToString::to_string).collect();
    format!("more than one has that name; give the id: {}", ids.join(", "))
}
