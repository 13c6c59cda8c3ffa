//! The moment to strike: an installation has come to a step.

use anyhow::{Context, Result, bail, ensure};
use billet_lab::{chassis, crash::Step, site::Site};
use serde_json::Value;
use std::{
    fs,
    io::{BufRead, BufReader},
    process::{Child, Stdio},
    sync::mpsc::{Receiver, RecvTimeoutError, channel},
    time::{Duration, Instant},
};

/// Every step is come to within this time after the creation, with nothing struck before.
const BOUND: Duration = Duration::from_secs(400);

/// The generation of the order that the agent has in its journal for the first server; 0 when there is none.
pub fn order(site: &Site) -> u64 {
    let file = site.agents[0].state_dir().join(format!("servers/{}.json", site.lab.servers[0].id));
    let record: Value = fs::read(file).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
    record["generation"].as_u64().unwrap_or_default()
}

/// Returns at once when the installation has come to `step`; `before` is the order that was there before it.
pub fn wait(site: &Site, id: &str, step: Step, before: u64) -> Result<()> {
    let events = || Following::start(site, id);
    match step {
        Step::Accept => Ok(()),
        Step::Prepare => seen("the order to be in the agent's journal", || Ok(order(site) > before)),
        // Told that the BMC is asked; it is the power itself that is waited for.
        Step::Power => {
            events()?.until("started", "power")?;
            let server = &site.lab.servers[0].dir;
            seen("the server to have power", || Ok(chassis::ask(server, "get power")?.contains("power:1")))
        }
        // Some of the image is on the disk, and more is missing.
        Step::Write => events()?.until("progress", "write"),
        _ => events()?.until("started", step.word()),
    }
}

fn seen(what: &str, mut is_it: impl FnMut() -> Result<bool>) -> Result<()> {
    let began = Instant::now();
    while !is_it()? {
        ensure!(began.elapsed() < BOUND, "{what}: not within {} s", BOUND.as_secs());
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}

/// A client that follows an instance's events.
struct Following {
    client: Child,
    events: Receiver<Value>,
}

impl Following {
    fn start(site: &Site, id: &str) -> Result<Self> {
        let bound = BOUND.as_secs().to_string();
        let mut client = site.billet(false, &["--json", "instance", "events", id, "--follow", "--timeout", &bound]);
        let mut client = client.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().context("follow the events")?;
        let lines = BufReader::new(client.stdout.take().context("the client has an output")?).lines();
        let (sender, events) = channel();
        // Ends with the client.
        std::thread::spawn(move || {
            let read = lines.map_while(|line| serde_json::from_str(&line.ok()?).ok());
            read.map_while(|event| sender.send(event).ok()).for_each(drop);
        });
        Ok(Self { client, events })
    }

    fn until(&self, kind: &str, step: &str) -> Result<()> {
        let end = Instant::now() + BOUND;
        let mut last = Value::Null;
        loop {
            let event: Value = match self.events.recv_timeout(end.saturating_duration_since(Instant::now())) {
                Ok(event) => event,
                Err(RecvTimeoutError::Timeout) => bail!("{step} {kind}: not within {} s, last {last}", BOUND.as_secs()),
                Err(RecvTimeoutError::Disconnected) => bail!("{step} {kind}: not seen, last {last}"),
            };
            let is_it = event["kind"] == kind && event["step"] == step;
            if is_it && (kind != "progress" || event["done_bytes"].as_u64().is_some_and(|done| done > 0)) {
                return Ok(());
            }
            last = event;
        }
    }
}

impl Drop for Following {
    fn drop(&mut self) {
        let _ = self.client.kill();
        let _ = self.client.wait();
    }
}
