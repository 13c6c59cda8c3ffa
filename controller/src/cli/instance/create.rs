//! `billet instance create`.

use super::{metadata, nic, password, show, wait::Deadline};
use crate::cli::{
    client::{Client, NewInstance, NewNic, Placement},
    console::Console,
    error::CliError,
    follow::{Display, Follow, Goal, follow},
    text,
};
use billet_proto::{ImageId, ServerId, VpcId};
use clap::Args;
use serde_json::json;
use std::{collections::BTreeMap, path::PathBuf, time::Instant};

/// The arguments.
#[derive(Debug, Args)]
pub struct Create {
    /// Name; the host name is derived from it
    #[arg(long)]
    name: String,
    /// The image to install
    #[arg(long, value_name = "ID")]
    image: ImageId,
    /// The VPC of all its NICs
    #[arg(long, value_name = "ID")]
    vpc: VpcId,
    /// A NIC: its subnet, and its address unless any will do (repeat for a second; the first is primary)
    #[arg(long, required = true, value_name = "SUBNET[=ADDRESS]", value_parser = nic::parse)]
    nic: Vec<NewNic>,
    /// File whose first line is the administrator's password; else it is asked for
    #[arg(long, value_name = "FILE")]
    password_file: Option<PathBuf>,
    /// File with the instance's metadata, a KEY=VALUE on each line
    #[arg(long, value_name = "FILE")]
    metadata_file: Option<PathBuf>,
    /// What it is for
    #[arg(long, default_value = "", hide_default_value = true, value_name = "TEXT")]
    description: String,
    /// That server or none; else any idle one
    #[arg(long, value_name = "ID")]
    server: Option<ServerId>,
    /// Wait until it is running
    #[arg(long)]
    wait: bool,
    /// How long.
    #[command(flatten)]
    deadline: Deadline,
}

impl Create {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let (wait, timeout) = (self.wait, self.deadline.timeout());
        let new = self.instance(console)?;
        let start = Instant::now();
        let id = client.create_instance(&new).await?;
        drop(new);
        if !wait {
            return console.result(&json!({ "instance_id": id }), || id.to_string());
        }
        console.note(&format!("instance {id} is accepted"));
        let mut display = Display::of_way(console);
        let what = Follow { id, after: 0, goal: Goal::Running, timeout };
        let Some(instance) = follow(client, console, &mut display, what).await? else { return Ok(()) };
        console.result(&instance, || show::success(&instance, &text::seconds(start.elapsed())))
    }

    fn instance(self, console: &mut Console) -> Result<NewInstance, CliError> {
        Ok(NewInstance {
            name: self.name,
            image_id: self.image,
            vpc_id: self.vpc,
            network_interfaces: self.nic,
            password: password::read(self.password_file.as_deref(), console)?,
            metadata: match &self.metadata_file {
                Some(path) => metadata::read(path)?,
                None => BTreeMap::new(),
            },
            description: self.description,
            placement: self.server.map(|server_id| Placement { server_id }),
        })
    }
}
