//! `billet instance delete`.

use super::wait::Deadline;
use crate::cli::{
    client::Client,
    console::Console,
    error::CliError,
    follow::{Display, Follow, Goal, follow, newest},
};
use billet_proto::InstanceId;
use clap::Args;
use serde_json::json;

/// The arguments.
#[derive(Debug, Args)]
pub struct Delete {
    /// The instance's id
    id: InstanceId,
    /// Wait until it is gone
    #[arg(long)]
    wait: bool,
    /// How long.
    #[command(flatten)]
    deadline: Deadline,
}

impl Delete {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let id = self.id;
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
