//! `billet instance`.

mod cancel;
mod change_password;
mod create;
mod delete;
mod events;
mod ip;
mod list;
mod metadata;
pub(super) mod nic;
mod once;
mod password;
mod power;
mod reinstall;
mod retry;
mod show;
mod tag;
mod untag;
mod wait;

pub(super) use tag::pair;
pub(super) use wait::Deadline;

use super::{client::Client, console::Console, error::CliError};
use clap::Subcommand;

/// What to do with instances.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Install an operating system on a server
    Create(Box<create::Create>),
    /// Show the project's instances
    List(list::List),
    /// Show one instance
    Show(show::Show),
    /// Show what happened to an instance
    Events(events::Events),
    /// Release an instance and its server
    Delete(delete::Delete),
    /// Write the image anew: server, addresses and metadata stay
    Reinstall(reinstall::Reinstall),
    /// Give an instance other addresses; one that runs is shut down for it, and starts again
    Ip(ip::Ip),
    /// Label an instance
    Tag(tag::Tag),
    /// Take labels away
    Untag(untag::Untag),
    /// Change the administrator's password, at the next `instance on` or `reboot`
    Password(change_password::ChangePassword),
    /// Power on
    On(power::Power),
    /// Power off; its system is asked first
    Off(power::Power),
    /// Power off, as by `off`, and on
    Reboot(power::Power),
    /// For operators: ask once more for a deletion, a change of address or a power action that failed
    Retry(retry::Retry),
    /// For operators: give up what is in progress; the server is powered off
    Cancel(cancel::Cancel),
}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// When a call does not succeed, what was waited for does not come, or nobody takes the result.
    pub async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        match self {
            Self::Create(verb) => Box::pin(verb.run(client, console)).await,
            Self::List(verb) => verb.run(client, console).await,
            Self::Show(verb) => verb.run(client, console).await,
            Self::Events(verb) => Box::pin(verb.run(client, console)).await,
            Self::Delete(verb) => Box::pin(verb.run(client, console)).await,
            Self::Reinstall(verb) => verb.run(client, console).await,
            Self::Ip(verb) => verb.run(client, console).await,
            Self::Tag(verb) => verb.run(client, console).await,
            Self::Untag(verb) => verb.run(client, console).await,
            Self::Password(verb) => verb.run(client, console).await,
            Self::On(verb) => verb.run("power on", client, console).await,
            Self::Off(verb) => verb.run("power off", client, console).await,
            Self::Reboot(verb) => verb.run("rebooting", client, console).await,
            Self::Retry(verb) => verb.run(client, console).await,
            Self::Cancel(verb) => verb.run(client, console).await,
        }
    }
}
