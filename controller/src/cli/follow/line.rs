//! An event as one line.

use crate::cli::{client::Event, text};
use std::time::Duration;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};

/// `   12.3s  write      312 MiB of 1.4 GiB, 85 MiB/s`: time since `start`, step, what happened.
pub fn with_time(event: &Event, start: Option<OffsetDateTime>) -> String {
    let time = since(event, start).map_or_else(|| "?".to_owned(), text::seconds);
    format!("{time:>8}  {:<10} {}", text::plain(subject(event)), happening(event))
}

/// `write: 312 MiB of 1.4 GiB, 85 MiB/s`.
pub fn without_time(event: &Event) -> String {
    format!("{}: {}", text::plain(subject(event)), happening(event))
}

/// When it happened; none when its time is not RFC 3339.
pub fn at(event: &Event) -> Option<OffsetDateTime> {
    OffsetDateTime::parse(&event.at, &Rfc3339).ok()
}

/// The step, or what became of the instance as a whole.
pub fn subject(event: &Event) -> &str {
    if event.step.is_empty() { &event.kind } else { &event.step }
}

/// What happened, for a person.
pub fn happening(event: &Event) -> String {
    let message = text::plain(&event.message);
    let bytes = event.done_bytes.map(|done| text::progress(done, event.total_bytes, event.bytes_per_second));
    match (event.kind.as_str(), bytes) {
        ("progress", Some(bytes)) => bytes,
        // The agents' words for these say more than the kind's own.
        ("progress" | "note" | "accepted" | "running" | "deleting" | "terminated", _) if !message.is_empty() => message,
        (kind, _) if message.is_empty() => text::plain(kind),
        (kind, _) => format!("{}: {message}", text::plain(kind)),
    }
}

/// None too when it happened before `start`.
fn since(event: &Event, start: Option<OffsetDateTime>) -> Option<Duration> {
    (at(event)? - start?).try_into().ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn event(kind: &str, step: &str, message: &str) -> Event {
        Event {
            seq: 1,
            at: "2026-01-02T03:04:17.399Z".to_owned(),
            kind: kind.to_owned(),
            step: step.to_owned(),
            message: message.to_owned(),
            done_bytes: None,
            total_bytes: None,
            bytes_per_second: None,
        }
    }

    #[test]
    fn an_event_reads_as_time_step_and_happening() {
        let start = OffsetDateTime::parse("2026-01-02T03:04:05Z", &Rfc3339).ok();
        let mut write = event("progress", "write", "");
        (write.done_bytes, write.total_bytes, write.bytes_per_second) =
            (Some(312 << 20), Some(3 << 29), Some(85 << 20));
        for (event, text) in [
            (write, "   12.3s  write      312 MiB of 1.5 GiB, 85 MiB/s"),
            (event("started", "boot", ""), "   12.3s  boot       started"),
            (event("failed", "power", "no answer"), "   12.3s  power      failed: no answer"),
            (event("accepted", "", ""), "   12.3s  accepted   accepted"),
            (event("running", "", "SSH answers\u{1b}[2J"), "   12.3s  running    SSH answers?[2J"),
        ] {
            assert_eq!(with_time(&event, start), text);
        }
    }

    #[test]
    fn a_time_that_is_not_known_is_a_question_mark() {
        let start = OffsetDateTime::parse("2027-01-01T00:00:00Z", &Rfc3339).ok();
        for start in [None, start] {
            assert_eq!(with_time(&event("started", "boot", ""), start), "       ?  boot       started");
        }
    }

    proptest! {
        #[test]
        fn no_event_makes_it_panic_or_break_the_line(at in ".{0,30}", kind in ".{0,10}", message in "\\PC{0,40}|.{0,9}") {
            let mut event = event(&kind, "", &message);
            event.at = at;
            let line = with_time(&event, Some(OffsetDateTime::UNIX_EPOCH));
            prop_assert!(!line.contains('\n'));
        }
    }
}
