//! `cargo xtask bench`: how fast, and how small.

use std::{fs, path::Path, process::Command};

use anyhow::{Context, Result};
use clap::{Args, Subcommand};
use serde_json::Value;

use crate::fleet::{self, Fleet};
use crate::{build, stage, step};

/// What to measure.
#[derive(Debug, Subcommand)]
pub enum Task {
    /// The API over a simulated fleet: calls each second, how long they take, and the controller's memory.
    Api(Api),
}

/// How to measure the API.
#[derive(Debug, Args)]
pub struct Api {
    /// Fleets of so many servers.
    #[arg(long, value_delimiter = ',', default_value = "1000,10000")]
    servers: Vec<u32>,
    /// Agents of each fleet.
    #[arg(long, default_value_t = 250)]
    agents: u32,
    /// Clients at once.
    #[arg(long, value_delimiter = ',', default_value = "1,8,64")]
    clients: Vec<usize>,
    /// Leave out what runs inside the controller's own process.
    #[arg(long)]
    no_accept: bool,
}

const NAME: &str = "bench";
const MIB: f64 = 1024.0;

/// Measures.
///
/// # Errors
/// Naming the step that failed. A figure that is missed is no failure: it is printed as missed.
pub fn run(task: &Task) -> Result<()> {
    let Task::Api(api) = task;
    let mut goals = Goals::default();
    if !api.no_accept {
        accept(&mut goals)?;
    }
    for &servers in &api.servers {
        over_http(api, servers, &mut goals)?;
    }
    goals.print();
    Ok(())
}

/// Accepting without HTTP and without hashing, in the bench's own process: how fast the durable part is.
fn accept(goals: &mut Goals) -> Result<()> {
    println!("\n==> accepting, inside a process of its own");
    let out = stage::cache().join("bench-accept.json");
    let mut command = build::bench_command("billet-controller", "accept");
    command.arg(&out);
    step::run("accepting", &mut command)?;
    let text = fs::read_to_string(&out).with_context(|| format!("read {}", out.display()))?;
    let figures: Value = serde_json::from_str(&text).context("read the figures")?;
    let accepted = number(&figures, "accepted_per_second");
    goals.hashes = number(&figures, "hashes_per_second");
    goals.at_least("durable accepts a second, hash ready, in-process", accepted, 2000.0);
    Ok(())
}

fn over_http(api: &Api, servers: u32, goals: &mut Goals) -> Result<()> {
    // The load's own tokens have no limit; what is measured is the way, and not the bound.
    let (binaries, dir) = (build::binaries()?, fleet::dir(NAME));
    let fleet = Fleet::up(&binaries, NAME, servers, api.agents.min(servers), &dir.join("site.json"))?;
    let controller = fleet.site["controller_pid"].as_i64().context("the fleet's controller has a process")?;
    let fresh = memory(controller)?;
    let figures = dir.join("figures.json");
    let clients: Vec<String> = api.clients.iter().map(ToString::to_string).collect();
    let mut load = Command::new(&binaries.fleet);
    load.args(["load", "--clients", &clients.join(","), "--site"]).arg(&fleet.file).arg("--json").arg(&figures);
    step::run("load", &mut load)?;
    let after = memory(controller)?;
    println!(
        "    the controller's memory: {:.1} MiB with the fleet ready, {:.1} MiB after the load, {:.1} MiB at most",
        fresh.resident, after.resident, after.peak
    );
    goals.judge(servers, &read(&figures)?, &after);
    Ok(())
}

fn read(path: &Path) -> Result<Vec<Value>> {
    let text = fs::read_to_string(path).with_context(|| format!("read {}", path.display()))?;
    serde_json::from_str(&text).context("read the figures")
}

fn number(value: &Value, name: &str) -> f64 {
    value[name].as_f64().unwrap_or(f64::NAN)
}

/// In MiB.
struct Memory {
    resident: f64,
    peak: f64,
}

/// VmRSS and VmHWM of proc_pid_status(5).
fn memory(pid: i64) -> Result<Memory> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).context("read the controller's memory")?;
    let field = |name: &str| -> Option<f64> {
        text.lines().find_map(|line| line.strip_prefix(name))?.split_whitespace().next()?.parse().ok()
    };
    let kib = |name: &str| field(name).with_context(|| format!("there is no {name}"));
    Ok(Memory { resident: kib("VmRSS:")? / MIB, peak: kib("VmHWM:")? / MIB })
}

/// What was wanted, and what there is.
#[derive(Default)]
struct Goals {
    hashes: f64,
    lines: Vec<String>,
}

impl Goals {
    fn at_least(&mut self, what: &str, is: f64, wanted: f64) {
        self.line(what, is, "at least", wanted, is >= wanted);
    }

    fn at_most(&mut self, what: &str, is: f64, wanted: f64) {
        self.line(what, is, "at most", wanted, is <= wanted);
    }

    fn line(&mut self, what: &str, is: f64, bound: &str, wanted: f64, good: bool) {
        let word = if good { "met   " } else { "MISSED" };
        self.lines.push(format!("{word} {what}: {is:.1} ({bound} {wanted:.1})"));
    }

    fn judge(&mut self, servers: u32, samples: &[Value], memory: &Memory) {
        let find = |call: &str, clients: u64| {
            samples.iter().find(|sample| sample["call"] == call && sample["clients"] == clients)
        };
        for (call, clients) in [("status", 8), ("list", 8), ("servers", 8)] {
            if let Some(sample) = find(call, clients) {
                let what = format!("{call}, {servers} servers, {clients} clients, p99 ms");
                self.at_most(&what, number(sample, "p99_ms"), 10.0);
            }
        }
        let deploys = |clients| find("deploy", clients).map(|sample| number(sample, "per_second"));
        if let Some(one) = find("deploy", 1) {
            let what = format!("create to running, hashing included, {servers} servers, one client, p50 ms");
            self.at_most(&what, number(one, "p50_ms"), 15.0);
        }
        if let Some(many) = deploys(64) {
            self.at_least(
                &format!("deployments a second, hashing included, {servers} servers, 64 clients"),
                many,
                200.0,
            );
            if let Some(few) = deploys(8) {
                self.at_least(&format!("the same, against 8 clients, {servers} servers"), many, few);
            }
        }
        let accepts = samples.iter().filter(|sample| sample["call"] == "accept");
        let accepts = accepts.map(|sample| number(sample, "per_second"));
        if let (true, Some(best)) = (self.hashes > 0.0, accepts.reduce(f64::max)) {
            let share = best / self.hashes * 100.0;
            self.at_least(
                &format!("accepts over HTTP, hashing included, {servers} servers, % of the machine's hash rate"),
                share,
                60.0,
            );
        }
        self.at_most(&format!("the controller's memory, {servers} servers, MiB"), memory.resident, 64.0);
    }

    fn print(&self) {
        println!("\n==> what was wanted");
        for line in &self.lines {
            println!("    {line}");
        }
    }
}
