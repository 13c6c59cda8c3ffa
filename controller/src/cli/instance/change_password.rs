//! `billet instance password`.

use super::password;
use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
};

use billet_proto::InstanceId;
use clap::Args;
use reqwest::Method;
use secrecy::ExposeSecret as _;
use serde_json::json;
use std::path::PathBuf;

/// The arguments.
#[derive(Debug, Args)]
pub struct ChangePassword {
    /// The instances' ids
    #[arg(required = true, num_args = 1..=50, value_name = "ID")]
    ids: Vec<InstanceId>,
    /// File whose first line is the new password; else it is asked for
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
}

impl ChangePassword {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let password = password::read(self.password_file.as_deref(), console)?;
        let body = json!({ "new_password": password.expose_secret(), "instance_id_set": self.ids });
        let answer = client.order(Method::PUT, Place::Project(&["instances", "password"]), &body).await?;
        document::print(console, &answer, "done")
    }
}
