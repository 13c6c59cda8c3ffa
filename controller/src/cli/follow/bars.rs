//! One progress bar for each step, on the process's standard error.

use super::line;
use crate::cli::{client::Event, text};
use indicatif::{MultiProgress, ProgressBar, ProgressFinish, ProgressStyle};
use std::time::Duration;

const TICK: Duration = Duration::from_millis(200);
/// An installation has nine steps; more bars than this only come of a step tried again and again.
const MAX_BARS: usize = 32;

/// The bars of one timeline.
#[derive(Debug, Default)]
pub struct Bars {
    all: MultiProgress,
    count: usize,
    current: Option<(String, ProgressBar)>,
}

impl Bars {
    /// Shows the event: a step's start opens a bar, and closes the one before.
    pub fn show(&mut self, event: &Event) {
        if event.step.is_empty() {
            return self.note(&line::without_time(event));
        }
        let ended = matches!(event.kind.as_str(), "finished" | "failed");
        if let Some(bar) = self.bar(event) {
            advance(&bar, event);
            if ended {
                bar.abandon();
                self.current = None;
            }
        } else {
            self.note(&line::without_time(event));
        }
    }

    /// A line above the bars.
    pub fn note(&self, line: &str) {
        // A terminal that is gone shows nothing; the work goes on.
        let _ = self.all.println(text::plain(line));
    }

    /// Leaves all bars as they are.
    pub fn end(&mut self) {
        if let Some((_, bar)) = self.current.take() {
            bar.abandon();
        }
    }

    /// The step's bar; none when there are too many already.
    fn bar(&mut self, event: &Event) -> Option<ProgressBar> {
        if let Some((step, bar)) = &self.current
            && *step == event.step
        {
            return Some(bar.clone());
        }
        self.end();
        if self.count == MAX_BARS {
            return None;
        }
        self.count += 1;
        let bar = self.all.add(ProgressBar::new_spinner().with_finish(ProgressFinish::Abandon));
        bar.set_style(style("{prefix:<10} {spinner} {elapsed:>4}  {msg}"));
        bar.set_prefix(text::plain(&event.step));
        bar.enable_steady_tick(TICK);
        self.current = Some((event.step.clone(), bar.clone()));
        Some(bar)
    }
}

fn advance(bar: &ProgressBar, event: &Event) {
    if let (Some(done), Some(total)) = (event.done_bytes, event.total_bytes.filter(|total| *total > 0)) {
        if bar.length() != Some(total) {
            bar.set_style(style("{prefix:<10} {spinner} {elapsed:>4}  [{bar:30}] {msg}"));
            bar.set_length(total);
        }
        bar.set_position(done.min(total));
    }
    // The last progress told is seldom the last byte.
    if let ("finished", Some(total)) = (event.kind.as_str(), bar.length()) {
        bar.set_position(total);
    }
    bar.set_message(line::happening(event));
}

/// A bar for the bytes of one upload.
pub fn upload(total_bytes: u64) -> ProgressBar {
    let bar = ProgressBar::new(total_bytes).with_finish(ProgressFinish::Abandon);
    bar.set_style(style("{prefix:<10} {spinner} {elapsed:>4}  [{bar:30}] {msg}"));
    bar.enable_steady_tick(TICK);
    bar
}

fn style(template: &str) -> ProgressStyle {
    ProgressStyle::with_template(template).expect("the templates above are well formed")
}

#[cfg(test)]
mod tests {
    use super::*;
    use indicatif::ProgressDrawTarget;

    fn event(step: &str, kind: &str, done: Option<u64>) -> Event {
        Event {
            seq: 1,
            at: String::new(),
            kind: kind.to_owned(),
            step: step.to_owned(),
            message: String::new(),
            done_bytes: done,
            total_bytes: done.map(|_| 100),
            bytes_per_second: None,
        }
    }

    #[test]
    fn each_step_has_its_bar_and_they_stay_few() {
        let mut bars = Bars { all: MultiProgress::with_draw_target(ProgressDrawTarget::hidden()), ..Bars::default() };
        bars.show(&event("write", "started", None));
        bars.show(&event("write", "progress", Some(40)));
        let (_, bar) = bars.current.clone().unwrap();
        assert_eq!((bar.position(), bar.length()), (40, Some(100)));
        bars.show(&event("write", "finished", None));
        assert_eq!((bar.is_finished(), bar.position()), (true, 100));
        for _ in 0..100 {
            bars.show(&event("boot", "started", None));
            bars.show(&event("boot", "failed", None));
        }
        assert_eq!(bars.count, MAX_BARS);
    }
}
