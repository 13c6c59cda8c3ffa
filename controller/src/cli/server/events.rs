//! `billet server events`.

use crate::{
    cli::{
        client::{Client, Place},
        console::Console,
        error::CliError,
        table,
    },
    clock::{Clock as _, SystemClock, Timestamp},
};
use billet_proto::ServerId;
use clap::Args;
use serde_json::Value;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// The arguments.
#[derive(Debug, Args)]
pub struct Events {
    /// Only this server's
    id: Option<ServerId>,
    /// How many days back
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u64).range(1..=30))]
    days: u64,
    /// Only those of this weight
    #[arg(long, value_parser = ["critical", "major", "minor", "info"])]
    level: Option<String>,
    /// How many at most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

impl Events {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let now = SystemClock.now().0;
        let from = now.saturating_sub(self.days * DAY_MS);
        let given = [("resource_id", self.id.map(|id| id.to_string())), ("event_level", self.level)];
        let mut query = vec![("from", from.to_string()), ("to", now.to_string()), ("limit", self.limit.to_string())];
        query.extend(given.into_iter().filter_map(|(name, value)| Some((name, value?))));
        let answer = client.document(Place::Project(&["physicalservers", "events"]), &query).await?;
        let events = answer["events"].as_array().map(Vec::as_slice).unwrap_or_default();
        console.result(events, || render(events))
    }
}

fn render(events: &[Value]) -> String {
    let text = |event: &Value, name: &str| event[name].as_str().unwrap_or_default().to_owned();
    table::render(
        ["AT", "LEVEL", "EVENT", "SERVER", "MESSAGE"],
        events.iter().map(|event| {
            let at = event["time"].as_u64().map(|ms| Timestamp(ms).to_string()).unwrap_or_default();
            [
                at,
                text(event, "event_level"),
                text(event, "event_id"),
                text(event, "resource_id"),
                text(event, "event_message"),
            ]
        }),
    )
}
