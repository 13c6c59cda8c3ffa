//! What strikes an installation.

use anyhow::{Context, Result};
use billet_lab::{chassis, crash::Victim, net::ip, process, site::Site};
use nix::sys::signal::Signal;
use std::time::Duration;

/// As long is a network cut.
const CUT: Duration = Duration::from_secs(60);

/// Strikes, and starts again at once what was killed, as systemd would. A server that lost its power has it again, and
/// stays off, as most are set to.
pub fn at(site: &mut Site, victim: Victim) -> Result<()> {
    match victim {
        Victim::Controller => {
            kill(site, &["controller"])?;
            site.start_controller().map(drop)
        }
        Victim::Agent => {
            kill(site, &["agent0"])?;
            site.start_agent(0).map(drop)
        }
        Victim::Both => {
            kill(site, &["controller", "agent0"])?;
            site.start_agent(0)?;
            site.start_controller().map(drop)
        }
        Victim::Power => chassis::ask(&site.lab.servers[0].dir, "set power 0").map(drop),
        Victim::ControllerLink | Victim::ServerLink | Victim::BmcLink => {
            let port = port(victim);
            set(site, port, "down")?;
            std::thread::sleep(CUT);
            set(site, port, "up")
        }
    }
}

/// Puts every cable in that a cell cut and, having failed, left so.
pub fn mend(site: &Site) -> Result<()> {
    [Victim::ControllerLink, Victim::ServerLink, Victim::BmcLink]
        .iter()
        .try_for_each(|link| set(site, port(*link), "up"))
}

/// All are dead before any is waited for.
fn kill(site: &Site, names: &[&str]) -> Result<()> {
    let victims = names.iter().map(|name| site.lab.process(name).with_context(|| format!("{name} is on record")));
    let victims = victims.collect::<Result<Vec<_>>>()?;
    victims.iter().try_for_each(|victim| process::signal(victim, Signal::SIGKILL))?;
    victims.iter().try_for_each(process::end)
}

/// The agent's port at the switch.
const fn port(link: Victim) -> &'static str {
    match link {
        Victim::ServerLink => "r0prov",
        Victim::BmcLink => "r0bmc",
        _ => "r0mgmt",
    }
}

fn set(site: &Site, port: &str, state: &str) -> Result<()> {
    ip(&format!("-n {} link set {port} {state}", site.lab.names.fabric()))
}
