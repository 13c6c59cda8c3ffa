//! `billet instance ip`.

use super::nic;
use crate::cli::{
    client::{Client, NewNic, Place},
    console::Console,
    document,
    error::CliError,
};
use billet_proto::{InstanceId, VpcId};
use clap::Args;
use reqwest::Method;
use serde_json::{Value, json};

/// The arguments.
#[derive(Debug, Args)]
pub struct Ip {
    /// The instance's id
    id: InstanceId,
    /// Another VPC
    #[arg(long, value_name = "ID")]
    vpc: Option<VpcId>,
    /// A NIC: its subnet, and its address unless any will do (repeat for a second; the first is primary)
    #[arg(long, required = true, value_name = "SUBNET[=ADDRESS]", value_parser = nic::parse)]
    nic: Vec<NewNic>,
}

impl Ip {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id.to_string();
        let nics = self.nic.iter();
        let nics: Vec<Value> =
            nics.map(|nic| json!({ "subnet_id": nic.subnet_id, "ip_address": nic.ipv4_address })).collect();
        let body = json!({ "vpc_id": self.vpc, "nics": nics });
        let answer = client.order(Method::PUT, Place::Project(&["instances", &id, "ip"]), &body).await?;
        document::print(console, &answer, "its addresses are being changed")
    }
}
