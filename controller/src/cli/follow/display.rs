//! How a timeline is shown.

use super::{bars::Bars, line};
use crate::cli::{client::Event, console::Console, error::CliError};
use time::OffsetDateTime;

/// How a timeline is shown.
#[derive(Debug)]
pub enum Display {
    /// One JSON document a line, on standard output.
    Json,
    /// One line an event, on standard output, because it is the result.
    Result(Lines),
    /// One line an event, on standard error, because the result comes after it.
    Notes(Lines),
    /// A bar for each step, on standard error.
    Bars(Bars),
}

/// What lines count their time from: the first event.
#[derive(Debug, Default)]
pub struct Lines(Option<OffsetDateTime>);

impl Lines {
    fn line(&mut self, event: &Event) -> String {
        if self.0.is_none() {
            self.0 = line::at(event);
        }
        line::with_time(event, self.0)
    }
}

impl Display {
    /// For events that are the result.
    pub fn of_result(console: &Console) -> Self {
        if console.json() { Self::Json } else { Self::Result(Lines::default()) }
    }

    /// For events on the way to a result.
    pub fn of_way(console: &Console) -> Self {
        match (console.json(), console.bars()) {
            (true, _) => Self::Json,
            (false, true) => Self::Bars(Bars::default()),
            (false, false) => Self::Notes(Lines::default()),
        }
    }

    /// Shows one event.
    ///
    /// # Errors
    /// When it is a result and nobody takes it.
    pub fn show(&mut self, console: &mut Console, event: &Event) -> Result<(), CliError> {
        match self {
            Self::Json => console.document(event)?,
            Self::Result(lines) => console.print(&lines.line(event))?,
            Self::Notes(lines) => console.note(&lines.line(event)),
            Self::Bars(bars) => bars.show(event),
        }
        Ok(())
    }

    /// Tells a person something, without tearing the bars.
    pub fn note(&self, console: &mut Console, text: &str) {
        match self {
            Self::Bars(bars) => bars.note(text),
            Self::Json | Self::Result(_) | Self::Notes(_) => console.note(text),
        }
    }

    /// Nothing more will come.
    pub fn end(&mut self) {
        if let Self::Bars(bars) = self {
            bars.end();
        }
    }
}
