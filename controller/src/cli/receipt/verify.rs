//! `billet receipt verify`.

use crate::{
    cli::{console::Console, error::CliError},
    receipt::PublicKey,
};
use clap::Args;
use serde_json::Value;
use std::{
    fs::File,
    io::Read as _,
    path::{Path, PathBuf},
};

/// Longer than any receipt or key.
const MAX_BYTES: u64 = 1 << 20;

/// The arguments.
#[derive(Debug, Args)]
pub struct Verify {
    /// A receipt, as `billet receipt show` printed it with --jws or --json
    file: PathBuf,
    /// The controller's key, as `billet receipt key` printed it
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
}

impl Verify {
    pub(super) fn run(self, console: &mut Console) -> Result<(), CliError> {
        let text = read(&self.key)?;
        let jwk = serde_json::from_str(&text).unwrap_or(Value::Null);
        let key = PublicKey::from_jwk(&jwk).map_err(CliError::Receipt)?;
        let text = read(&self.file)?;
        let said = key.verify(&jws(&text)).map_err(CliError::Receipt)?;
        console.note(&format!("good: signed by the key {}", key.id()));
        console.result(&said, || format!("{said:#}"))
    }
}

/// The compact form, on its own or in the API's answer.
fn jws(text: &str) -> String {
    let answer: Option<Value> = serde_json::from_str(text).ok();
    let within = answer.as_ref().and_then(|answer| answer["jws"].as_str());
    within.unwrap_or(text).trim().to_owned()
}

fn read(path: &Path) -> Result<String, CliError> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
    read.map(|_| text).map_err(|source| CliError::File { path: path.to_owned(), source })
}
