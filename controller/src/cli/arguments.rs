//! What may stand on the command line.

use super::{
    address, agent, audit, endpoint::Endpoint, image, instance, plane, quota, receipt, server, ssh::Ssh, subnet, vpc,
};
use billet_proto::ProjectId;
use clap::{Args, Parser, Subcommand};
use std::path::PathBuf;

const AFTER_HELP: &str = "\
Exit codes: 0 done, 1 refused or failed, 2 wrong usage, 3 out of time, 4 controller not reached.
Settings are taken from the options, then the environment, then ~/.config/billet/config.toml
(endpoint, ca_file, project, token_file). The token is never an argument: it stands in a file.";

/// The whole command line.
#[derive(Debug, Parser)]
#[command(name = "billet", version, about = "The client of Billet, a bare-metal provisioning system", after_help = AFTER_HELP)]
pub struct Arguments {
    /// What every command takes.
    #[command(flatten)]
    pub globals: Globals,
    /// What it is about.
    #[command(subcommand)]
    pub noun: Noun,
}

/// What every command takes.
#[derive(Debug, Clone, Default, Args)]
pub struct Globals {
    /// URL of the controller's API; http only for this machine's own addresses
    #[arg(long, global = true, help_heading = "Settings", env = "BILLET_ENDPOINT", value_name = "URL")]
    pub endpoint: Option<Endpoint>,
    /// PEM of the authority that signed the controller's certificate; else the system's authorities
    #[arg(long, global = true, help_heading = "Settings", env = "BILLET_CA_FILE", value_name = "FILE")]
    pub ca_file: Option<PathBuf>,
    /// Project to work in
    #[arg(long, global = true, help_heading = "Settings", env = "BILLET_PROJECT", value_name = "ID")]
    pub project: Option<ProjectId>,
    /// File whose first line is the token
    #[arg(long, global = true, help_heading = "Settings", env = "BILLET_TOKEN_FILE", value_name = "FILE")]
    pub token_file: Option<PathBuf>,
    /// Configuration file instead of ~/.config/billet/config.toml
    #[arg(long, global = true, help_heading = "Settings", env = "BILLET_CONFIG", value_name = "FILE")]
    pub config: Option<PathBuf>,
    /// Print JSON: one document, or with --wait and --follow one line for each event and then the document
    #[arg(long, global = true, help_heading = "Settings")]
    pub json: bool,
}

/// What a command is about.
#[derive(Debug, Subcommand)]
pub enum Noun {
    /// Operating systems to install
    #[command(subcommand)]
    Image(image::Verb),
    /// Networks of a project
    #[command(subcommand)]
    Vpc(vpc::Verb),
    /// Parts of a VPC
    #[command(subcommand)]
    Subnet(subnet::Verb),
    /// Physical machines
    #[command(subcommand)]
    Server(server::Verb),
    /// Daemons that own servers
    #[command(subcommand)]
    Agent(agent::Verb),
    /// Installed operating systems
    #[command(subcommand)]
    Instance(instance::Verb),
    /// Addresses that a project holds without an instance
    #[command(subcommand)]
    Address(address::Verb),
    /// The accelerators' network: a subnet for each rail
    #[command(subcommand)]
    Plane(plane::Verb),
    /// Who did what
    #[command(subcommand)]
    Audit(audit::Verb),
    /// What projects may have
    #[command(subcommand)]
    Quota(quota::Verb),
    /// Signed birth certificates of instances
    #[command(subcommand)]
    Receipt(receipt::Verb),
    /// Log into an instance, or run something there: its host key is known beforehand
    Ssh(Ssh),
}
