//! What strikes an installation.

use anyhow::{Context, Result};
use billet_lab::{
    chassis,
    crash::{Cell, Step, Victim},
    net::ip,
    process,
    site::Site,
    small_disk::SmallDisk,
};
use nix::sys::signal::Signal;
use std::time::Duration;

/// As long is a network cut.
const CUT: Duration = Duration::from_secs(60);
/// As long an order finds no room in the journal.
const FULL: Duration = Duration::from_secs(10);
/// The agent's keys and journal.
const JOURNAL_MIB: u32 = 2;

/// What must be so before the installation is asked for.
pub fn before(site: &mut Site, cell: Cell) -> Result<()> {
    if cell.victim != Victim::Journal {
        return Ok(());
    }
    if site.agents[0].disk.is_none() {
        kill(site, &["agent0"])?;
        let disk = SmallDisk::under(&site.agents[0].state_dir(), JOURNAL_MIB)?;
        site.lab.hold(disk.holder.clone())?;
        site.agents[0].disk = Some(disk);
        site.start_agent(0)?;
    }
    if cell.step == Step::Accept { journal(site)?.fill() } else { Ok(()) }
}

/// Strikes, and starts again at once what was killed, as systemd would. A server that lost its power has it again, and
/// stays off, as most are set to.
pub fn at(site: &mut Site, cell: Cell) -> Result<()> {
    match cell.victim {
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
            let port = port(cell.victim);
            set(site, port, "down")?;
            std::thread::sleep(CUT);
            set(site, port, "up")
        }
        // It was full when the order came.
        Victim::Journal if cell.step == Step::Accept => {
            std::thread::sleep(FULL);
            journal(site)?.free()
        }
        Victim::Journal => journal(site)?.fill(),
    }
}

/// Puts every cable in that a cell cut and, having failed, left so; and gives a full disk room again.
pub fn mend(site: &Site) -> Result<()> {
    if let Some(disk) = &site.agents[0].disk {
        disk.free()?;
    }
    [Victim::ControllerLink, Victim::ServerLink, Victim::BmcLink]
        .iter()
        .try_for_each(|link| set(site, port(*link), "up"))
}

fn journal(site: &Site) -> Result<&SmallDisk> {
    site.agents[0].disk.as_ref().context("the journal has a disk of its own")
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
