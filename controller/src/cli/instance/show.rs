//! `billet instance show`.

use crate::cli::{
    client::{Client, Instance},
    console::Console,
    error::CliError,
    table,
};
use billet_proto::InstanceId;
use clap::Args;

/// The arguments.
#[derive(Debug, Args)]
pub struct Show {
    /// The instance's id
    id: InstanceId,
}

impl Show {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let instance = client.instance(self.id).await?;
        console.result(&instance, || render(&instance))
    }
}

fn render(instance: &Instance) -> String {
    let optional = |text: &Option<String>| text.clone().unwrap_or_default();
    table::pairs([
        ("id", instance.id.to_string()),
        ("name", instance.name.clone()),
        ("state", instance.state.clone()),
        ("operation", instance.operation_state.clone()),
        ("phase", instance.phase.clone()),
        ("waiting for", instance.waits()),
        ("deadline", optional(&instance.deadline)),
        ("error", instance.error.as_ref().map(ToString::to_string).unwrap_or_default()),
        ("image", instance.image.as_ref().map(|image| format!("{} ({})", image.name, image.id)).unwrap_or_default()),
        ("vpc", instance.vpc_id.to_string()),
        ("addresses", instance.addresses()),
        ("server", instance.server_id.clone()),
        ("host key", optional(&instance.host_key_fingerprint)),
        ("proof", optional(&instance.proof)),
        ("boot trust", optional(&instance.boot_trust)),
        ("created", instance.created_at.clone()),
        ("launched", instance.launched_at.clone()),
    ])
}

/// What `create --wait` prints in the end.
pub(super) fn success(instance: &Instance, total: &str) -> String {
    table::pairs([
        ("name", instance.name.clone()),
        ("id", instance.id.to_string()),
        ("addresses", instance.addresses()),
        ("host key", instance.host_key_fingerprint.clone().unwrap_or_default()),
        ("total time", total.to_owned()),
    ])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn instance() -> Instance {
        serde_json::from_value(json!({
            "id": "0198170e-4ca7-7000-8000-000000000001", "name": "web", "created_at": "2026-01-02T03:04:05Z",
            "vpc_id": "0198170e-4ca7-7000-8000-000000000002", "state": "error", "phase": "install-failed",
            "operation_state": "install-failed", "server_id": "0198170e-4ca7-7000-8000-000000000003",
            "network_interfaces": [
                {"subnet_id": "0198170e-4ca7-7000-8000-000000000004", "ipv4_address": "10.0.0.5"},
                {"subnet_id": "0198170e-4ca7-7000-8000-000000000004", "ipv4_address": "10.0.0.6"}],
            "host_key_fingerprint": "SHA256:abc", "launched_at": "",
            "error": {"error_code": "iMetal.0903", "error_msg": "no BMC", "error_type": "bmc"},
        }))
        .unwrap()
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let expected = "\
id         0198170e-4ca7-7000-8000-000000000001
name       web
state      error
operation  install-failed
phase      install-failed
error      iMetal.0903: no BMC
vpc        0198170e-4ca7-7000-8000-000000000002
addresses  10.0.0.5, 10.0.0.6
server     0198170e-4ca7-7000-8000-000000000003
host key   SHA256:abc
created    2026-01-02T03:04:05Z";
        assert_eq!(render(&instance()), expected);
    }

    #[test]
    fn success_tells_how_to_get_in_and_how_long_it_took() {
        let expected = "\
name        web
id          0198170e-4ca7-7000-8000-000000000001
addresses   10.0.0.5, 10.0.0.6
host key    SHA256:abc
total time  92.4s";
        assert_eq!(success(&instance(), "92.4s"), expected);
    }
}
