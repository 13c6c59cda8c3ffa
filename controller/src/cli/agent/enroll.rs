//! `billet agent enroll`.

use crate::cli::{client::Client, console::Console, error::CliError};
use clap::Args;
use secrecy::ExposeSecret as _;
use serde_json::json;

/// The arguments.
#[derive(Debug, Args)]
pub struct Enroll {
    /// Name of the new agent
    #[arg(long)]
    name: String,
}

impl Enroll {
    /// Prints the token alone, so that it can be sent straight to a file.
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let token = client.new_join_token(&self.name).await?;
        if !console.json() {
            let (name, expires) = (&token.agent_name, &token.expires_at);
            console.note(&format!(
                "Put this into the file that join_token_file of agent '{name}' names. It is good once, until {expires}."
            ));
        }
        let secret = token.token.expose_secret();
        let document = json!({ "token": secret, "agent_name": token.agent_name, "expires_at": token.expires_at });
        console.result(&document, || secret.to_owned())
    }
}
