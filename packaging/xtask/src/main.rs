//! The task runner: `cargo xtask test` and its kin. It says what it is about to do, shows what it does, and names the
//! step that failed.

mod bench;
mod build;
mod conformance;
mod crash;
mod demo;
mod fleet;
mod lab;
mod packages;
mod ramdisk;
mod simulate;
mod stage;
mod step;
mod test;
mod units;

use std::process::ExitCode;

use clap::{Parser, Subcommand};

/// Build, try and show Billet.
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Measure.
    #[command(subcommand)]
    Bench(bench::Task),
    /// Turn a powered-off virtual server into a running machine, before your eyes.
    Demo(demo::Options),
    /// A laboratory that stays.
    #[command(subcommand)]
    Lab(lab::Task),
    /// Live through thousands of hours in virtual time, with everything failing.
    Simulate(simulate::Options),
    /// Install what is missing, then check formatting, lints and documentation and run the tests.
    Test(test::Options),
}

fn main() -> ExitCode {
    let done = match Arguments::parse().task {
        Task::Bench(task) => bench::run(&task),
        Task::Demo(options) => demo::run(&options),
        Task::Lab(task) => lab::run(&task),
        Task::Simulate(options) => simulate::run(&options),
        Task::Test(options) => test::run(&options),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nfailed: {error:#}");
            ExitCode::FAILURE
        }
    }
}
