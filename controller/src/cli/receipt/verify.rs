//! `billet receipt verify`.

use crate::{
    cli::{console::Console, error::CliError},
    receipt::PublicKey,
};
use clap::Args;
use serde_json::Value;
use std::{
    fs::File,
    io::{self, Read as _},
    path::{Path, PathBuf},
};

/// Longer than a thousand receipts.
const MAX_BYTES: u64 = 16 << 20;

/// The arguments.
#[derive(Debug, Args)]
pub struct Verify {
    /// A receipt, as `billet receipt show` printed it with --jws or --json; or several, as `billet server
    /// wipe-receipts` did
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
        // All of them are good, or nothing is said of any.
        let said: Result<Vec<Value>, _> = jws(&text).iter().map(|jws| key.verify(jws)).collect();
        let mut said = said.map_err(CliError::Receipt)?;
        console.note(&format!("good: signed by the key {}", key.id()));
        let said = if said.len() == 1 { said.remove(0) } else { Value::Array(said) };
        console.result(&said, || format!("{said:#}"))
    }
}

/// The compact forms: in one of the API's answers, or each on a line of its own. Never none: no receipt is not a good
/// one.
fn jws(text: &str) -> Vec<String> {
    let answer: Option<Value> = serde_json::from_str(text).ok();
    let one = |answer: &Value| answer["jws"].as_str().unwrap_or_default().to_owned();
    let mut all: Vec<String> = match answer {
        Some(answer) => match answer["receipts"].as_array() {
            Some(receipts) => receipts.iter().map(one).collect(),
            None => vec![one(&answer)],
        },
        None => text.split_whitespace().map(str::to_owned).collect(),
    };
    if all.is_empty() {
        all.push(String::new());
    }
    all
}

fn read(path: &Path) -> Result<String, CliError> {
    let failed = |source| CliError::File { path: path.to_owned(), source };
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_BYTES + 1).read_to_string(&mut text));
    let length = read.map_err(failed)? as u64;
    if length > MAX_BYTES {
        let rule = format!("must be at most {} MiB", MAX_BYTES >> 20);
        return Err(failed(io::Error::new(io::ErrorKind::FileTooLarge, rule)));
    }
    Ok(text)
}
