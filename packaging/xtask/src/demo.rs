//! `cargo xtask demo`: one API call turns a powered-off server into a running machine, before your eyes.

use std::{
    path::Path,
    process::Command,
    time::{Duration, Instant},
};

use anyhow::{Context, Result, ensure};
use billet_lab::{Firmware, site::Site};
use clap::Args;
use serde_json::Value;

use crate::{packages, stage};

/// How to show it.
#[derive(Debug, Args)]
pub struct Options {
    /// Install missing Debian packages without asking.
    #[arg(long)]
    yes: bool,
    /// A server that boots by BIOS instead of UEFI.
    #[arg(long)]
    bios: bool,
}

const LAB: &str = "demo";
/// A server without KVM takes about two minutes.
const PATIENCE: Duration = Duration::from_secs(600);

/// Shows it.
///
/// # Errors
/// Naming the step that failed and where the logs are.
pub fn run(options: &Options) -> Result<()> {
    packages::install(&packages::for_lab(), options.yes)?;
    let stage = stage::prepare()?;
    let began = Instant::now();
    let firmware = if options.bios { Firmware::Bios } else { Firmware::Uefi };
    stage::with_labs(&[LAB], || show(&stage, firmware, began))
}

fn show(stage: &stage::Stage, firmware: Firmware, began: Instant) -> Result<()> {
    println!("\n==> the laboratory ({} server)", firmware.word());
    let mut site = Site::start(stage.site(LAB, vec![stage::server(firmware)], 1))?;
    println!("\n==> one call");
    // Random, so that nobody finds it in a document.
    let password = format!("Demo-{}", uuid());
    let file = site.password_file(&password[..26.min(password.len())])?;
    let address = format!("{}=10.20.0.10", site.subnets[0]);
    let metadata = site.private_file("metadata", "role=demo\n")?;
    let nics = ["--nic", &address, "--nic", &site.subnets[1], "--metadata-file", &metadata];
    println!("    billet instance create --name demo-1 --image … --vpc … --nic …=10.20.0.10 --nic … --password-file …");
    let id = site.create("demo-1", "cloudinit", &file, &nics)?;
    let mut follow = site.billet(false, &["instance", "events", &id, "--follow", "--timeout", "600"]);
    let followed = site.lab.run("billet", &mut follow)?;
    ensure!(followed.success(), "step \"events\": billet ended with {followed}");
    let instance = site.settled(&id, PATIENCE)?;
    ensure!(
        instance["state"] == "running",
        "step \"{}\": {}",
        instance["phase"].as_str().unwrap_or_default(),
        instance["error"]["error_msg"].as_str().unwrap_or("no cause was given")
    );
    println!("\n==> a login over SSH, with the password and the host key that the API told");
    let inside = site.ssh(&instance, &file, "hostname; ip -brief -4 address; cat /etc/billet/metadata.json")?;
    for line in inside.lines() {
        println!("    {line}");
    }
    for part in ["demo-1", "10.20.0.10/24", "10.20.1.", "\"role\": \"demo\""] {
        ensure!(inside.contains(part), "step \"login\": {part} is not seen inside");
    }
    table(&site, &id)?;
    memory(&site)?;
    println!("\nfrom an empty laboratory to a running machine: {:.0} s", began.elapsed().as_secs_f32());
    Ok(())
}

/// Steps and their times, from the events.
fn table(site: &Site, id: &str) -> Result<()> {
    let events = site.json(false, &["instance", "events", id])?;
    let events = events.as_array().or(events["events"].as_array()).context("a list of events")?;
    let at = |event: &Value| event["at"].as_str().and_then(seconds).unwrap_or_default();
    let began: Vec<(&str, f64)> = events
        .iter()
        .filter(|event| ["accepted", "started", "running"].iter().any(|kind| event["kind"] == *kind))
        .map(|event| (event["step"].as_str().filter(|step| !step.is_empty()).unwrap_or("accepted"), at(event)))
        .collect();
    println!("\n    {:<12} {:>8}", "step", "seconds");
    for pair in began.windows(2) {
        println!("    {:<12} {:>8.1}", pair[0].0, since(pair[0].1, pair[1].1));
    }
    if let (Some(first), Some(last)) = (began.first(), began.last()) {
        println!("    {:<12} {:>8.1}", "all", since(first.1, last.1));
    }
    Ok(())
}

/// Seconds between two times of the day; midnight may lie between.
fn since(earlier: f64, later: f64) -> f64 {
    (later - earlier).rem_euclid(86_400.0)
}

/// Seconds of the day of an RFC 3339 time.
fn seconds(at: &str) -> Option<f64> {
    let time = at.split_once('T')?.1.trim_end_matches('Z');
    let mut parts = time.split(':');
    let mut next = || parts.next()?.parse::<f64>().ok();
    Some(next()? * 3600.0 + next()? * 60.0 + next()?)
}

/// What the daemons have in memory.
fn memory(site: &Site) -> Result<()> {
    for what in ["controller", "agent0"] {
        let process = site.lab.process(what).with_context(|| format!("{what} is on record"))?;
        let status = std::fs::read_to_string(format!("/proc/{}/status", process.pid)).context("read its status")?;
        let most = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).map(str::trim).unwrap_or_default();
        println!("    {what}: {most} resident at most");
        let kilobytes: u64 = most.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(u64::MAX);
        ensure!(kilobytes <= 64 << 10, "step \"memory\": {what} has {most} resident, more than 64 MB");
    }
    Ok(())
}

fn uuid() -> String {
    std::fs::read_to_string("/proc/sys/kernel/random/uuid").unwrap_or_default().replace('-', "").trim().to_owned()
}

/// The end of each log, after a failure.
pub fn logs(dir: &Path) {
    println!(
        "    logs: {}/controller/controller.log, rack*/agent.log, server*/{{console,bmc,chassis}}.log",
        dir.display()
    );
    let _ = Command::new("sh")
        .args([
            "-c",
            "for log in \"$0\"/controller/*.log \"$0\"/rack*/*.log; do echo \"--- $log\"; tail -n 12 \"$log\"; done",
        ])
        .arg(dir)
        .status();
}
