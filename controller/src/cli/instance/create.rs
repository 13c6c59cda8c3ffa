//! `billet instance create`.

use super::{metadata, nic, once::once, password, show, tag, wait::Deadline};
use crate::cli::{
    client::{Client, ClientToken, NewInstance, NewNic, NewTag, Placement},
    console::Console,
    document,
    error::CliError,
    follow::{Display, Follow, Goal, follow},
    text,
};
use base64::{Engine as _, engine::general_purpose::STANDARD};
use billet_proto::{ImageId, ServerId, VpcId};
use clap::Args;
use serde_json::json;
use std::{
    collections::BTreeMap,
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
    time::Instant,
};

/// The controller takes 32 KiB; one more byte lets it say so.
const MAX_FILE_BYTES: u64 = (32 << 10) + 1;

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
    /// A label (repeat for more)
    #[arg(long, value_name = "KEY=VALUE", value_parser = tag::pair)]
    tag: Vec<(String, String)>,
    /// File that cloud-init is given; it may hold secrets
    #[arg(long, value_name = "FILE")]
    user_data: Option<PathBuf>,
    /// File with OpenSSH public keys for the administrator, one on each line (repeat for more)
    #[arg(long, value_name = "FILE")]
    ssh_key: Vec<PathBuf>,
    /// So many at once, or none; their names get a number
    #[arg(long, conflicts_with_all = ["wait", "server", "dry_run"], value_parser = clap::value_parser!(u32).range(1..=50))]
    count: Option<u32>,
    /// Tell what would be chosen, or why nothing can be; change nothing
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,
    /// What makes the creation one, however often this is run with it (for 24 h); else a new one each time
    #[arg(long, value_name = "TOKEN", conflicts_with = "dry_run")]
    client_token: Option<ClientToken>,
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
        let (count, dry_run) = (self.count, self.dry_run);
        let token = self.client_token.clone().unwrap_or_else(ClientToken::random);
        let new = self.instance(console)?;
        if dry_run {
            return document::print(console, &client.try_instance(&new).await?, "it would be accepted");
        }
        if let Some(count) = count {
            let created = once(console, &token, async || client.create_instances(&new, count, &token).await).await?;
            return document::print(console, &created, "accepted");
        }
        let start = Instant::now();
        let id = once(console, &token, async || client.create_instance(&new, &token).await).await?;
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
            tags: self.tag.into_iter().map(|(key, value)| NewTag { key, value }).collect(),
            user_data: self
                .user_data
                .as_deref()
                .map(|path| file(path).map(|bytes| STANDARD.encode(bytes)))
                .transpose()?,
            ssh_keys: keys(&self.ssh_key)?,
        })
    }
}

fn file(path: &Path) -> Result<Vec<u8>, CliError> {
    let mut bytes = Vec::new();
    let read = File::open(path).and_then(|file| file.take(MAX_FILE_BYTES).read_to_end(&mut bytes));
    read.map(|_| bytes).map_err(|source| CliError::File { path: path.to_owned(), source })
}

/// As in an authorized_keys file: one on each line, and comments.
fn keys(paths: &[PathBuf]) -> Result<Vec<String>, CliError> {
    let mut keys = Vec::new();
    for path in paths {
        let bytes = file(path)?;
        let text = String::from_utf8_lossy(&bytes);
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        keys.extend(lines.map(str::to_owned));
    }
    Ok(keys)
}
