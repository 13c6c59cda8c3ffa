//! What is wrong with a configuration, all at once.

use std::{cell::RefCell, fmt, ops::Range};

/// As many problems as anybody reads.
const MAX_PROBLEMS: usize = 50;

/// One thing that is wrong.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Problem {
    /// Counts from 1.
    pub line: usize,
    /// Such as `rest.listen`; empty where the text is not TOML.
    pub key: String,
    /// The rule, and what was given.
    pub message: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "line {}: ", self.line)?;
        if !self.key.is_empty() {
            write!(f, "{}: ", self.key)?;
        }
        f.write_str(&self.message)
    }
}

/// Every problem of a configuration, in the order of the lines; displayed one on a line.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConfigErrors(pub Vec<Problem>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, problem) in self.0.iter().enumerate() {
            let end = if index == 0 { "" } else { "\n" };
            write!(f, "{end}{problem}")?;
        }
        Ok(())
    }
}
impl std::error::Error for ConfigErrors {}

/// Collects problems while the text is read.
pub(super) struct Problems<'a> {
    text: &'a str,
    found: RefCell<Vec<Problem>>,
}

impl<'a> Problems<'a> {
    pub(super) fn new(text: &'a str) -> Self {
        Self { text, found: RefCell::default() }
    }
    pub(super) fn text(&self) -> &'a str {
        self.text
    }
    /// `span`: bytes of the text that are wrong.
    pub(super) fn add(&self, span: &Range<usize>, key: &str, message: &str) {
        let before = self.text.as_bytes().iter().take(span.start);
        let line = 1 + before.filter(|byte| **byte == b'\n').count();
        self.found.borrow_mut().push(Problem { line, key: key.to_owned(), message: message.to_owned() });
    }
    pub(super) fn none_or<T>(self, value: T) -> Result<T, ConfigErrors> {
        let mut found = self.found.into_inner();
        if found.is_empty() {
            return Ok(value);
        }
        found.sort();
        found.dedup();
        found.truncate(MAX_PROBLEMS);
        Err(ConfigErrors(found))
    }
}
