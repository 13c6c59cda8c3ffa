//! The command-line client `billet`: one file for each verb.
//!
//! Results go to standard output, words for people to standard error. Exit codes: see [`Exit`].
//!
//! Invariants: a token or a Linux password is never an argument, and never in an error or in `Debug`; every call and
//! every wait has a deadline; control characters of an answer never reach a terminal.

pub mod arguments;
pub mod client;
pub mod console;
pub mod endpoint;
pub mod error;
pub mod settings;

mod address;
mod agent;
mod audit;
mod document;
mod follow;
mod image;
mod instance;
mod plane;
mod quota;
mod receipt;
mod secret;
mod server;
mod ssh;
mod subnet;
mod table;
mod text;
mod vpc;

pub use arguments::Arguments;
pub use client::{Client, ClientError};
pub use console::Console;
pub use error::{CliError, Exit};
pub use settings::Settings;

use arguments::Noun;
use clap::Parser as _;
use std::{ffi::OsString, process::ExitCode};

/// Runs `billet` with these arguments, of which the first is the program's name, on the process's own standard output
/// and error.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments = match Arguments::try_parse_from(arguments) {
        Ok(arguments) => arguments,
        Err(refusal) => {
            // A closed standard output leaves nobody to tell.
            let _ = refusal.print();
            return if refusal.use_stderr() { Exit::Usage.into() } else { Exit::Done.into() };
        }
    };
    let mut console = Console::standard(arguments.globals.json);
    match tokio::runtime::Builder::new_current_thread().enable_all().build() {
        Ok(runtime) => runtime.block_on(execute(arguments, &mut console)).into(),
        Err(source) => console.fail(&CliError::Runtime(source)).into(),
    }
}

/// Runs one parsed command; its error, if any, is told on the console.
pub async fn execute(arguments: Arguments, console: &mut Console) -> Exit {
    match Box::pin(perform(arguments, console)).await {
        Ok(exit) => exit,
        Err(error) => console.fail(&error),
    }
}

async fn perform(arguments: Arguments, console: &mut Console) -> Result<Exit, CliError> {
    let noun = match arguments.noun {
        Noun::Receipt(verb) => match verb.run_offline(console)? {
            Some(verb) => Noun::Receipt(verb),
            None => return Ok(Exit::Done),
        },
        noun => noun,
    };
    let settings = Settings::resolve(&arguments.globals)?;
    for warning in &settings.warnings {
        console.note(warning);
    }
    let client = Client::new(&settings)?;
    match noun {
        Noun::Image(verb) => verb.run(&client, console).await,
        Noun::Vpc(verb) => verb.run(&client, console).await,
        Noun::Subnet(verb) => verb.run(&client, console).await,
        Noun::Server(verb) => verb.run(&client, console).await,
        Noun::Agent(verb) => verb.run(&client, console).await,
        Noun::Instance(verb) => verb.run(&client, console).await,
        Noun::Address(verb) => verb.run(&client, console).await,
        Noun::Plane(verb) => verb.run(&client, console).await,
        Noun::Audit(verb) => verb.run(&client, console).await,
        Noun::Quota(verb) => verb.run(&client, console).await,
        Noun::Receipt(verb) => verb.run(&client, console).await,
        Noun::Ssh(verb) => return verb.run(&client, console).await,
    }
    .map(|()| Exit::Done)
}

#[cfg(test)]
mod tests;
