//! `billet address reserve`.

use crate::cli::{
    client::{Client, NewNic, Place},
    console::Console,
    document,
    error::CliError,
    instance::nic,
};
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

/// The arguments.
#[derive(Debug, Args)]
pub struct Reserve {
    /// The subnet, and the address unless any will do (repeat for more: all are held, or none)
    #[arg(required = true, num_args = 1..=100, value_name = "SUBNET[=ADDRESS]", value_parser = nic::parse)]
    addresses: Vec<NewNic>,
}

impl Reserve {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let wanted = self.addresses.iter();
        let wanted: Vec<Value> =
            wanted.map(|nic| json!({ "subnet_id": nic.subnet_id, "ip_address": nic.ipv4_address })).collect();
        let body = json!({ "privateips": wanted });
        let answer = client.order(Method::POST, Place::Project(&["privateips"]), &body).await?;
        document::print(console, &answer, "done")
    }
}
