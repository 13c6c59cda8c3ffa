//! An instance's metadata: from a file, never from the arguments, for a value may be a secret.

use crate::cli::error::CliError;
use std::{collections::BTreeMap, fs::File, io::Read as _, path::Path};

/// Ten pairs of the longest keys and values are far below.
const MAX_BYTES: u64 = 64 << 10;

/// The pairs of `file`, one on each line; empty lines are skipped. Only the first `=` counts.
///
/// # Errors
/// When it cannot be read, or a line is no pair; the error tells the line's number and not what is on it.
pub fn read(file: &Path) -> Result<BTreeMap<String, String>, CliError> {
    let unread = |source| CliError::MetadataFile { path: file.to_owned(), source };
    let mut text = String::new();
    File::open(file).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text)).map_err(unread)?;
    let mut pairs = BTreeMap::new();
    for (index, line) in text.lines().enumerate().filter(|(_, line)| !line.is_empty()) {
        let (key, value) =
            line.split_once('=').ok_or(CliError::MetadataLine { path: file.to_owned(), line: index + 1 })?;
        pairs.insert(key.to_owned(), value.to_owned());
    }
    Ok(pairs)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_a_pair_and_another_is_told_by_its_number_alone() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("metadata");
        std::fs::write(&file, "k=a=b\n\nempty=\n").unwrap();
        let pairs = read(&file).unwrap();
        assert_eq!(pairs, BTreeMap::from([("k".into(), "a=b".into()), ("empty".into(), String::new())]));
        std::fs::write(&file, "k=v\ntops3cret\n").unwrap();
        let told = read(&file).unwrap_err().to_string();
        assert!(told.contains("line 2") && !told.contains("tops3cret"), "{told}");
        assert!(read(&dir.path().join("none")).is_err());
    }
}
