//! The way out of a row, as its last cell tells it.

use super::super::documents::words;

/// What to ask for.
#[derive(Debug)]
pub(super) struct WayOut {
    /// One after the other.
    pub(super) commands: Vec<String>,
    /// Whether it is open when what is in progress has failed, and not before.
    pub(super) is_after_failure: bool,
}

impl WayOut {
    /// A command; the same with an option that is named by itself, as another way; and behind each of them the servers' verbs that
    /// are named by themselves.
    pub(super) fn all(cell: &'static str) -> Vec<Self> {
        let first = words(cell).next().unwrap_or_else(|| panic!("no command: {cell}"));
        let options = words(cell).filter(|word| word.starts_with("--")).map(|option| format!("{first} {option}"));
        let verbs = words(cell).filter(|word| word.bytes().all(|byte| byte.is_ascii_lowercase()));
        let then: Vec<String> = verbs.map(|verb| format!("billet server {verb} SERVER")).collect();
        let is_after_failure = cell.contains("when it has failed");
        let way = |first: String| Self { commands: [vec![first], then.clone()].concat(), is_after_failure };
        std::iter::once(first.to_owned()).chain(options).map(way).collect()
    }
}
