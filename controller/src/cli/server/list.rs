//! `billet server list`.

use crate::cli::{
    client::{Client, Server},
    console::Console,
    error::CliError,
    table,
};
use clap::Args;

/// The arguments.
#[derive(Debug, Args)]
pub struct List {
    /// Only those in this state
    #[arg(long, value_parser = ["onboard", "ready", "in-use", "maintain", "offboarding"])]
    state: Option<String>,
}

impl List {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let servers = client.servers(self.state.as_deref()).await?;
        console.result(&servers, || render(&servers))
    }
}

pub(super) fn render(servers: &[Server]) -> String {
    table::render(
        ["ID", "STATE", "AGENT", "LINK", "INSTANCE", "FOR", "SERIAL", "NOTE"],
        servers.iter().map(|server| {
            [
                server.id.to_string(),
                server.manage_state.clone(),
                server.agent.clone().unwrap_or_default(),
                if server.online { "online" } else { "offline" }.to_owned(),
                server.instance_id.clone().unwrap_or_default(),
                server.project_id.clone().unwrap_or_default(),
                server.serial.clone(),
                if server.unwiped { "not wiped" } else { "" }.to_owned(),
            ]
        }),
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn a_server_that_was_not_wiped_is_marked() {
        let servers: Vec<Server> = serde_json::from_value(json!([
            {"id": "0198170e-4ca7-7000-8000-000000000001", "manage_state": "maintain", "agent": "rack1", "online": true,
             "unwiped": true, "serial": "SN1"},
            {"id": "0198170e-4ca7-7000-8000-000000000002", "manage_state": "ready", "health_state": "Unknown"},
        ]))
        .unwrap();
        let expected = "\
ID                                    STATE     AGENT  LINK     INSTANCE  FOR  SERIAL  NOTE
0198170e-4ca7-7000-8000-000000000001  maintain  rack1  online                  SN1     not wiped
0198170e-4ca7-7000-8000-000000000002  ready            offline";
        assert_eq!(render(&servers), expected);
    }
}
