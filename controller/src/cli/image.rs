//! `billet image`.

mod delete;
mod import;
mod import_url;
mod list;
mod share;
mod show;

use super::{client::Client, console::Console, error::CliError};
use clap::Subcommand;

/// What to do with images.
#[derive(Debug, Subcommand)]
pub enum Verb {
    /// Bring a raw image into the controller's store
    Import(import::Import),
    /// Show the images that the project may use
    List(list::List),
    /// Show one image
    Show(show::Show),
    /// Have the controller fetch a raw image
    ImportUrl(import_url::ImportUrl),
    /// Let every project use an image; operators only
    Share(share::Share),
    /// Delete an image that nothing uses
    Delete(delete::Delete),
}

impl Verb {
    /// Does it.
    ///
    /// # Errors
    /// When a call does not succeed, or nobody takes the result.
    pub async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        match self {
            Self::Import(verb) => Box::pin(verb.run(client, console)).await,
            Self::List(verb) => verb.run(client, console).await,
            Self::Share(verb) => verb.run(client, console).await,
            Self::ImportUrl(verb) => verb.run(client, console).await,
            Self::Show(verb) => verb.run(client, console).await,
            Self::Delete(verb) => verb.run(client, console).await,
        }
    }
}
