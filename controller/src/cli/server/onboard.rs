//! `billet server onboard`: the operator's word, and then the inspection that makes a server ready.

use super::{list, register::Register};
use crate::cli::{
    client::{Client, ClientError, Server},
    console::Console,
    document,
    error::CliError,
    follow::Backoff,
    instance::Deadline,
};
use billet_proto::ServerId;
use clap::Args;
use std::time::Duration;
use tokio::time::{sleep, timeout};

/// A server's inspection takes minutes, and has no stream of its own.
const PAUSE: Duration = Duration::from_secs(1);

/// The arguments.
#[derive(Debug, Args)]
pub struct Onboard {
    /// What is said of it.
    #[command(flatten)]
    word: Register,
    /// Go on until it is ready, or cannot get there by itself
    #[arg(long)]
    wait: bool,
    /// How long.
    #[command(flatten)]
    deadline: Deadline,
}

impl Onboard {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        if !self.wait {
            return self.word.run(client, console).await;
        }
        // Before anything is registered: a server is looked at from within a project.
        client.in_project()?;
        let server = self.word.send(client).await?;
        let (id, limit) = (server.id, self.deadline.timeout());
        let mut run = Run { client, console, seen: String::new() };
        let ended = timeout(limit, run.until_ready(server)).await;
        let server = ended.map_err(|_| CliError::ServerTimeout { id, timeout: limit, last_seen: run.seen })??;
        console.result(&server, || list::render(std::slice::from_ref(&server)))
    }
}

struct Run<'a> {
    client: &'a Client,
    console: &'a mut Console,
    seen: String,
}

impl Run<'_> {
    async fn until_ready(&mut self, mut server: Server) -> Result<Server, CliError> {
        let mut backoff = Backoff::default();
        loop {
            self.show(&server)?;
            match verdict(&server) {
                Some(Ok(())) => return Ok(server),
                Some(Err(cause)) => return Err(CliError::Server { id: server.id, cause }),
                None => sleep(PAUSE).await,
            }
            server = self.look(server.id, &mut backoff).await?;
        }
    }

    /// A controller that restarts is waited out.
    async fn look(&mut self, id: ServerId, backoff: &mut Backoff) -> Result<Server, ClientError> {
        loop {
            match self.client.server(id).await {
                Ok(server) => {
                    *backoff = Backoff::default();
                    return Ok(server);
                }
                Err(error) => {
                    let Some(pause) = backoff.pause(&error) else { return Err(error) };
                    let seconds = pause.as_secs_f32();
                    self.console.note(&format!("the controller does not answer; asking again in {seconds:.1} s"));
                    sleep(pause).await;
                }
            }
        }
    }

    fn show(&mut self, server: &Server) -> Result<(), CliError> {
        let seen = standing(server);
        if seen == self.seen {
            return Ok(());
        }
        if self.console.json() {
            self.console.document(server)?;
        } else {
            self.console.note(&seen);
        }
        self.seen = seen;
        Ok(())
    }
}

/// None while it is on its way.
fn verdict(server: &Server) -> Option<Result<(), String>> {
    let error = server.more.get("error").filter(|error| !error.is_null());
    match (server.manage_state.as_str(), error) {
        ("ready" | "in-use", _) => Some(Ok(())),
        (_, Some(error)) => {
            let hint = match error["error_code"].as_str() {
                Some("server_is_on") => " (--allow-reset lets it be powered off)",
                _ => "",
            };
            Some(Err(format!(
                "{}: {}{hint}",
                document::text(&error["error_code"]),
                document::text(&error["error_msg"])
            )))
        }
        ("onboard", None) => None,
        (other, None) => Some(Err(format!("it is {other}"))),
    }
}

/// `onboard  boot: the ramdisk's call`.
fn standing(server: &Server) -> String {
    let step = server.more.get("task").map(|task| document::text(&task["step"])).unwrap_or_default();
    let waiting_for = server.more.get("waiting_for").map(document::text).unwrap_or_default();
    match (step.is_empty(), waiting_for.is_empty()) {
        (true, true) => server.manage_state.clone(),
        (true, false) => format!("{}  {waiting_for}", server.manage_state),
        (false, true) => format!("{}  {step}", server.manage_state),
        (false, false) => format!("{}  {step}: {waiting_for}", server.manage_state),
    }
}
