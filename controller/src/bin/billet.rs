//! The command-line client.

use std::process::ExitCode;

fn main() -> ExitCode {
    billet_controller::cli::run(std::env::args_os())
}
