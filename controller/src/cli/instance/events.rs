//! `billet instance events`.

use super::wait::Deadline;
use crate::cli::{
    client::{Client, Event},
    console::Console,
    error::CliError,
    follow::{Display, Follow, Goal, follow, happening, subject},
    table,
};
use billet_proto::InstanceId;
use clap::Args;
use std::time::Duration;

/// As many thousands of events as are read at most.
const MAX_PAGES: usize = 100;

/// The arguments.
#[derive(Debug, Args)]
pub struct Events {
    /// The instance's id
    id: InstanceId,
    /// Only those after this number
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    after: u64,
    /// Go on until nothing is in progress any more
    #[arg(long)]
    follow: bool,
    /// How long.
    #[command(flatten)]
    deadline: Deadline,
}

impl Events {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        if !self.follow {
            let events = self.all(client).await?;
            return console.result(&events, || render(&events));
        }
        let mut display = Display::of_result(console);
        let what = Follow { id: self.id, after: self.after, goal: Goal::Settled, timeout: self.deadline.timeout() };
        let instance = follow(client, console, &mut display, what).await?;
        match instance {
            Some(instance) if console.json() => console.document(&instance),
            _ => Ok(()),
        }
    }

    async fn all(&self, client: &Client) -> Result<Vec<Event>, CliError> {
        let mut all: Vec<Event> = Vec::new();
        for _ in 0..MAX_PAGES {
            let after = all.last().map_or(self.after, |event| event.seq);
            let page = client.events(self.id, after, Duration::ZERO).await?;
            if page.last().is_none_or(|last| last.seq <= after) {
                break;
            }
            all.extend(page);
        }
        Ok(all)
    }
}

fn render(events: &[Event]) -> String {
    table::render(
        ["SEQ", "AT", "STEP", "EVENT"],
        events
            .iter()
            .map(|event| [event.seq.to_string(), event.at.clone(), subject(event).to_owned(), happening(event)]),
    )
}
