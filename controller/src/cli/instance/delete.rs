//! `billet instance delete`.

use super::wait::Deadline;
use crate::cli::{
    client::{Client, Place},
    console::Console,
    document,
    error::CliError,
    follow::{Display, Follow, Goal, follow, newest},
};
use billet_proto::InstanceId;
use clap::Args;
use reqwest::Method;
use serde_json::json;

/// The arguments.
#[derive(Debug, Args)]
pub struct Delete {
    /// The instances' ids
    #[arg(required = true, num_args = 1..=50, value_name = "ID")]
    ids: Vec<InstanceId>,
    /// Wait until it is gone
    #[arg(long)]
    wait: bool,
    /// How long.
    #[command(flatten)]
    deadline: Deadline,
}

impl Delete {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        match self.ids[..] {
            [id] => self.one(id, client, console).await,
            _ => self.several(client, console).await,
        }
    }

    /// All of them in one call; all or none are accepted.
    async fn several(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let body = json!({ "instance_id_set": self.ids });
        let answer = client.order(Method::POST, Place::Project(&["instances", "batch-delete"]), &body).await?;
        if !self.wait {
            return document::print(console, &answer, "they are being deleted");
        }
        for id in self.ids {
            let mut display = Display::of_way(console);
            let what = Follow { id, after: 0, goal: Goal::Terminated, timeout: self.deadline.timeout() };
            follow(client, console, &mut display, what).await?;
        }
        document::print(console, &answer, "they are terminated")
    }

    async fn one(self, id: InstanceId, client: &Client, console: &mut Console) -> Result<(), CliError> {
        // What happened before is not shown again.
        let after = if self.wait { newest(client, id).await? } else { 0 };
        client.delete_instance(id).await?;
        if !self.wait {
            return console.result(&json!({ "instance_id": id }), || format!("instance {id} is being deleted"));
        }
        let mut display = Display::of_way(console);
        let what = Follow { id, after, goal: Goal::Terminated, timeout: self.deadline.timeout() };
        let instance = follow(client, console, &mut display, what).await?;
        let text = || format!("instance {id} is terminated");
        match instance {
            Some(instance) => console.result(&instance, text),
            None => console.result(&json!({ "id": id, "state": "terminated" }), text),
        }
    }
}
