//! The laboratory's network hook: moves a NIC's tap from bridge to bridge (see packaging/doc/network-hook.md).

use crate::net::ip;
use anyhow::{Context, Result, bail};
use serde::{Deserialize, Serialize};
use std::{collections::HashMap, fs, io::Read, path::Path, process::Command};

/// What the hook knows of its laboratory: `hook.json` in the laboratory's folder.
#[derive(Debug, Default, Clone, Serialize, Deserialize)]
pub struct Knowledge {
    /// The namespace of bridges and taps.
    pub fabric: String,
    /// Tap of each MAC.
    pub taps: HashMap<String, String>,
    /// Tap of each MAC for what has its port's tag.
    #[serde(default)]
    pub tagged: HashMap<String, String>,
    /// Bridge of each VPC, by id.
    pub vpcs: HashMap<String, String>,
}

/// Its file.
pub const FILE: &str = "hook.json";

impl Knowledge {
    /// Reads it from a laboratory's folder.
    ///
    /// # Errors
    /// When it is not there.
    pub fn load(dir: &Path) -> Result<Self> {
        let path = dir.join(FILE);
        let bytes = fs::read(&path).with_context(|| format!("read {}", path.display()))?;
        serde_json::from_slice(&bytes).with_context(|| format!("read {}", path.display()))
    }

    /// Writes it to a laboratory's folder.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn save(&self, dir: &Path) -> Result<()> {
        let (path, new) = (dir.join(FILE), dir.join("hook.new"));
        let bytes = serde_json::to_vec_pretty(self).context("write the hook's file")?;
        fs::write(&new, bytes)
            .and_then(|()| fs::rename(&new, &path))
            .with_context(|| format!("write {}", path.display()))
    }
}

#[derive(Deserialize)]
struct Call {
    action: String,
    mac: String,
    network: Network,
    vlan: Option<u16>,
}

#[derive(Deserialize)]
#[serde(tag = "kind", rename_all = "kebab-case")]
enum Network {
    Provisioning,
    Vpc { vpc_id: String },
}

/// Answers one call: JSON on standard input, JSON on standard output. True when it was done.
#[must_use]
pub fn answer(dir: &Path) -> bool {
    match run(dir) {
        Ok(()) => {
            println!("{{\"ok\":true}}");
            true
        }
        Err(error) => {
            println!("{}", serde_json::json!({ "ok": false, "error": format!("{error:#}") }));
            false
        }
    }
}

fn run(dir: &Path) -> Result<()> {
    let mut text = String::new();
    std::io::stdin().take(64 << 10).read_to_string(&mut text).context("read the call")?;
    let call: Call = serde_json::from_str(&text).context("read the call")?;
    let known = Knowledge::load(dir)?;
    // Which tag it is, its port knows.
    let taps = if call.vlan.is_some() { &known.tagged } else { &known.taps };
    let tap = taps.get(&call.mac).with_context(|| format!("no NIC has the MAC {}", call.mac))?;
    let bridge = match &call.network {
        Network::Provisioning => "prov",
        Network::Vpc { vpc_id } => known.vpcs.get(vpc_id).with_context(|| format!("no bridge for VPC {vpc_id}"))?,
    };
    let now = master(&known.fabric, tap)?;
    match call.action.as_str() {
        "attach" if now.as_deref() == Some(bridge) => Ok(()),
        "attach" => ip(&format!("-n {} link set {tap} master {bridge}", known.fabric)),
        "detach" if now.as_deref() == Some(bridge) => ip(&format!("-n {} link set {tap} nomaster", known.fabric)),
        "detach" => Ok(()),
        other => bail!("action {other}: attach or detach"),
    }
}

/// The bridge that a tap is on.
///
/// # Errors
/// When there is no such tap.
pub fn master(fabric: &str, tap: &str) -> Result<Option<String>> {
    let output =
        Command::new("ip").args(["-n", fabric, "-j", "link", "show", "dev", tap]).output().context("run ip")?;
    let links: Vec<serde_json::Value> =
        serde_json::from_slice(&output.stdout).with_context(|| format!("look at {tap} in {fabric}"))?;
    Ok(links.first().and_then(|link| link["master"].as_str()).map(str::to_owned))
}
