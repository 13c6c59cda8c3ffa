//! `billet server wipe-receipts`.

use crate::cli::{
    client::{Client, Place},
    console::Console,
    error::CliError,
    table, text,
};
use billet_proto::ServerId;
use clap::Args;
use serde_json::Value;

/// The arguments.
#[derive(Debug, Args)]
pub struct WipeReceipts {
    /// The server's id; also that of one that was forgotten
    id: ServerId,
    /// Print the signed forms alone, one a line, for `billet receipt verify` or any JOSE library
    #[arg(long)]
    jws: bool,
    /// How many at most
    #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=1000))]
    limit: u32,
}

impl WipeReceipts {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let (id, query) = (self.id.to_string(), [("limit", self.limit.to_string())]);
        let answer = client.document(Place::Operators(&["servers", &id, "wipe-receipts"]), &query).await?;
        let receipts = answer["receipts"].as_array().map(Vec::as_slice).unwrap_or_default();
        if self.jws {
            let lines = receipts.iter().filter_map(|receipt| receipt["jws"].as_str()).map(text::plain);
            return console.print(&lines.collect::<Vec<_>>().join("\n"));
        }
        console.result(&answer, || render(receipts))
    }
}

fn render(receipts: &[Value]) -> String {
    let row = |shown: &Value| {
        let (said, word) = (&shown["receipt"], |value: &Value| value.as_str().unwrap_or_default().to_owned());
        let zeroed = if said["zeroed_after"] == true { ", then zeros" } else { "" };
        [
            word(&shown["recorded_at"]),
            word(&shown["disk_serial"]),
            word(&said["policy"]),
            format!("{}{zeroed}", word(&said["method"])),
            text::bytes(said["bytes"].as_u64().unwrap_or_default()),
            said["samples"]["count"].to_string(),
        ]
    };
    table::render(["AT", "DISK", "POLICY", "METHOD", "ERASED", "SAMPLES"], receipts.iter().map(row))
}
