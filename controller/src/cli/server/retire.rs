//! `billet server retire`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
};
use billet_proto::ServerId;
use clap::Args;

/// The arguments.
#[derive(Debug, Args)]
pub struct Retire {
    /// The server's id
    id: ServerId,
    /// Forget it also where what a tenant wrote on it was not erased in full
    #[arg(long)]
    accept_unwiped: bool,
}

impl Retire {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let query: &[(&str, &str)] = if self.accept_unwiped { &[("accept_unwiped", "true")] } else { &[] };
        let answer = client.delete_with(Place::Operators(&["servers", &id]), query).await?;
        document::print(console, &answer, "forgotten")
    }
}
