//! `billet plane create`.

use crate::{
    addresses::Cidr,
    cli::{
        client::{Client, Place},
        console::Console,
        document,
        error::CliError,
    },
};
use clap::Args;
use reqwest::Method;
use serde_json::json;
use std::net::Ipv4Addr;

/// The arguments.
#[derive(Debug, Args)]
pub struct Create {
    /// Which rail
    #[arg(long, value_parser = clap::value_parser!(u32).range(0..=63))]
    rail: u32,
    /// All its addresses
    #[arg(long)]
    cidr: Cidr,
    /// Where the rail is routed
    #[arg(long, value_name = "ADDRESS")]
    gateway: Option<Ipv4Addr>,
    /// Of its NICs; 9000 where not given
    #[arg(long)]
    mtu: Option<u32>,
    /// Address that no instance may get (repeat for more)
    #[arg(long, value_name = "ADDRESS")]
    reserve: Vec<Ipv4Addr>,
}

impl Create {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let (rail, cidr, gateway, mtu) = (self.rail, self.cidr, self.gateway, self.mtu);
        let body = json!({ "rail": rail, "cidr": cidr, "gateway": gateway, "mtu": mtu, "reserved": self.reserve });
        let answer = client.order(Method::POST, Place::Operators(&["parameter-plane", "subnets"]), &body).await?;
        document::print(console, &answer, "done")
    }
}
