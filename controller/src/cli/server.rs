//! `billet server`.

mod accept_unwiped;
mod baseline;
mod cancel;
mod events;
mod firmware;
mod hardware;
mod inspect;
mod list;
mod maintain;
mod offboard;
mod onboard;
mod power;
mod ready;
mod register;
mod retire;
mod show;
mod tag;
mod untag;
mod wipe;
mod wipe_receipts;

use super::{client::Client, console::Console, error::CliError};
use clap::Subcommand;

/// What to do with servers.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Show the servers that the project may see
    List(list::List),
    /// Give the operator's word for a server, or change it
    Register(register::Register),
    /// Register a server, and follow its first inspection until it is ready
    Onboard(onboard::Onboard),
    /// Give a server that was not wiped back to the pool, after an inspection where nobody looked since its last tenant; the next
    /// one may read what that one wrote
    AcceptUnwiped(accept_unwiped::AcceptUnwiped),
    /// Show one server
    Show(show::Show),
    /// Show what an inspection saw
    Hardware(hardware::Hardware),
    /// Show the versions of its firmware
    Firmware(firmware::Firmware),
    /// Show what it is compared with after each wipe
    Baseline(baseline::Baseline),
    /// Show what happened to servers, newest first
    Events(events::Events),
    /// Put labels on a server
    Tag(tag::Tag),
    /// Take labels off a server
    Untag(untag::Untag),
    /// Boot a server only to look at it
    Inspect(inspect::Inspect),
    /// Take a server out, with a reason; one in use is set aside, and stays out when its instance is deleted
    Maintain(maintain::Maintain),
    /// Put a server back
    Ready(ready::Ready),
    /// Erase the disks of a server that is out
    Wipe(wipe::Wipe),
    /// Give up its inspection, its wipe, or that it is powered on; it is powered off
    Cancel(cancel::Cancel),
    /// Show the signed receipts of a server's erased disks, newest first
    WipeReceipts(wipe_receipts::WipeReceipts),
    /// Let a server leave service; one in use only by your word that it is off and unplugged
    Offboard(offboard::Offboard),
    /// Forget a server that left service
    Retire(retire::Retire),
    /// Power on
    On(power::Power),
    /// Power off
    Off(power::Power),
    /// Power off and on
    Reboot(power::Power),
}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// When a call does not succeed, or nobody takes the result.
    pub async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        match self {
            Self::List(verb) => verb.run(client, console).await,
            Self::Register(verb) => verb.run(client, console).await,
            Self::Onboard(verb) => verb.run(client, console).await,
            Self::AcceptUnwiped(verb) => verb.run(client, console).await,
            Self::Show(verb) => verb.run(client, console).await,
            Self::Hardware(verb) => verb.run(client, console).await,
            Self::Firmware(verb) => verb.run(client, console).await,
            Self::Baseline(verb) => verb.run(client, console).await,
            Self::Events(verb) => verb.run(client, console).await,
            Self::Tag(verb) => verb.run(client, console).await,
            Self::Untag(verb) => verb.run(client, console).await,
            Self::Inspect(verb) => verb.run(client, console).await,
            Self::Maintain(verb) => verb.run(client, console).await,
            Self::Ready(verb) => verb.run(client, console).await,
            Self::Wipe(verb) => verb.run(client, console).await,
            Self::Cancel(verb) => verb.run(client, console).await,
            Self::WipeReceipts(verb) => verb.run(client, console).await,
            Self::Offboard(verb) => verb.run(client, console).await,
            Self::Retire(verb) => verb.run(client, console).await,
            Self::On(verb) => verb.run("power on", client, console).await,
            Self::Off(verb) => verb.run("power off", client, console).await,
            Self::Reboot(verb) => verb.run("rebooting", client, console).await,
        }
    }
}
