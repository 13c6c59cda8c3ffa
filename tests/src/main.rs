//! What others call of the laboratory: the BMC's chassis program, the agent's network hook, SSH to an instance.

use anyhow::Result;
use billet_lab::{chassis, hook, ssh, trunk};
use clap::{Parser, Subcommand};
use std::{path::PathBuf, process::ExitCode};

/// Parts of the laboratory that other programs call.
#[derive(Debug, Parser)]
struct Arguments {
    #[command(subcommand)]
    part: Part,
}

#[derive(Debug, Subcommand)]
enum Part {
    /// Run a server's chassis.
    Chassis {
        /// The server's folder.
        #[arg(long)]
        dir: PathBuf,
    },
    /// Hand a command of `ipmi_sim` to the chassis.
    ChassisControl {
        /// The server's folder.
        #[arg(long)]
        dir: PathBuf,
        /// As `ipmi_sim` gives it.
        #[arg(last = true)]
        words: Vec<String>,
    },
    /// Move a port: JSON on standard input, JSON on standard output.
    NetworkHook {
        /// The laboratory's folder.
        #[arg(long)]
        dir: PathBuf,
    },
    /// Run a port that speaks 802.1Q, between a server's NIC and its taps.
    Trunk {
        /// The server's folder.
        #[arg(long)]
        dir: PathBuf,
        /// By number.
        #[arg(long)]
        nic: usize,
        /// The tap for what has no tag.
        #[arg(long)]
        tap: String,
        /// The tag.
        #[arg(long)]
        vlan: u16,
    },
    /// Run ssh, or a command that does, where instances can be reached.
    Ssh {
        /// The namespace of their VPC.
        #[arg(long)]
        namespace: String,
        /// A host with a command for it, or a whole command such as `sshpass -f FILE ssh …`.
        #[arg(last = true)]
        words: Vec<String>,
    },
}

fn main() -> ExitCode {
    let done: Result<bool> = match Arguments::parse().part {
        Part::Chassis { dir } => chassis::run(&dir).map(|()| true),
        Part::ChassisControl { dir, words } => chassis::control(&dir, &words).map(|()| true),
        Part::NetworkHook { dir } => Ok(hook::answer(&dir)),
        Part::Trunk { dir, nic, tap, vlan } => trunk::run(&dir, nic, &tap, vlan).map(|()| true),
        Part::Ssh { namespace, words } => ssh::run(&namespace, &words).map(|()| true),
    };
    match done {
        Ok(true) => ExitCode::SUCCESS,
        Ok(false) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!("billet-lab: {error:#}");
            ExitCode::FAILURE
        }
    }
}
