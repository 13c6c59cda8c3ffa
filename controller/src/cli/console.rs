//! Where a command's words go: results to standard output, words for people to standard error.

use super::{error::CliError, error::Exit, text};
use serde::Serialize;
use std::io::{self, IsTerminal as _, Write};

/// Standard output and error, or what stands in for them.
pub struct Console {
    out: Box<dyn Write + Send>,
    err: Box<dyn Write + Send>,
    json: bool,
    bars: bool,
}

impl Console {
    /// The process's own; progress bars where standard error is a terminal.
    pub fn standard(json: bool) -> Self {
        let bars = !json && io::stderr().is_terminal();
        Self { out: Box::new(io::stdout()), err: Box::new(io::stderr()), json, bars }
    }

    /// These two, without progress bars.
    pub fn new(out: Box<dyn Write + Send>, err: Box<dyn Write + Send>, json: bool) -> Self {
        Self { out, err, json, bars: false }
    }

    /// Whether results are JSON.
    pub fn json(&self) -> bool {
        self.json
    }

    /// Whether progress bars may be drawn on the process's standard error.
    pub fn bars(&self) -> bool {
        self.bars
    }

    /// Prints a result: `value` as JSON, or `text` for people.
    ///
    /// # Errors
    /// When nobody takes it.
    pub fn result<T: Serialize + ?Sized>(&mut self, value: &T, text: impl FnOnce() -> String) -> Result<(), CliError> {
        if self.json { self.document(value) } else { self.print(&text()) }
    }

    /// Prints `value` as one line of JSON.
    ///
    /// # Errors
    /// When nobody takes it.
    pub fn document<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), CliError> {
        let line = serde_json::to_string(value).map_err(|error| CliError::Output(error.into()))?;
        self.print(&line)
    }

    /// Prints `text` and a line's end on standard output.
    ///
    /// # Errors
    /// When nobody takes it.
    pub fn print(&mut self, text: &str) -> Result<(), CliError> {
        writeln!(self.out, "{text}").and_then(|()| self.out.flush()).map_err(CliError::Output)
    }

    /// Tells a person something. It may be lost: nothing depends on it.
    pub fn note(&mut self, line: &str) {
        let _ = writeln!(self.err, "{}", text::plain(line));
    }

    /// Tells the error, and gives its exit code. A closed pipe (`billet … | head`) is no news to anyone.
    pub fn fail(&mut self, error: &CliError) -> Exit {
        if !matches!(error, CliError::Output(source) if source.kind() == io::ErrorKind::BrokenPipe) {
            self.note(&error.line());
        }
        error.exit()
    }
}

impl std::fmt::Debug for Console {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Console").field("json", &self.json).field("bars", &self.bars).finish_non_exhaustive()
    }
}
