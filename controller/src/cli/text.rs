//! Numbers and foreign words as people read them.

use std::time::Duration;

/// The text without what could command a terminal: each control character, and each mark that turns the direction of
/// writing, becomes `?`.
pub fn plain(text: &str) -> String {
    let unsafe_mark = |c: char| c.is_control() || matches!(c, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    text.chars().map(|c| if unsafe_mark(c) { '?' } else { c }).collect()
}

/// A number of bytes with two figures or more: `312 MiB`, `1.4 GiB`. Rounded down, so that it never says more than
/// there is.
pub fn bytes(count: u64) -> String {
    let units = [(1_u64 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB")];
    match units.into_iter().find(|(unit, _)| count >= *unit) {
        None => format!("{count} B"),
        Some((unit, name)) if count / unit >= 10 => format!("{} {name}", count / unit),
        Some((unit, name)) => {
            let tenths = u128::from(count) * 10 / u128::from(unit);
            format!("{}.{} {name}", tenths / 10, tenths % 10)
        }
    }
}

/// `312 MiB of 1.4 GiB, 85 MiB/s`, as far as it is known.
pub fn progress(done: u64, total: Option<u64>, per_second: Option<u64>) -> String {
    let mut text = bytes(done);
    if let Some(total) = total {
        text = format!("{text} of {}", bytes(total));
    }
    if let Some(rate) = per_second {
        text = format!("{text}, {}/s", bytes(rate));
    }
    text
}

/// `12.3s`.
pub fn seconds(duration: Duration) -> String {
    format!("{}.{}s", duration.as_secs(), duration.subsec_millis() / 100)
}

/// `yes` or `no`.
pub fn yes_no(value: bool) -> &'static str {
    if value { "yes" } else { "no" }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_have_two_figures_and_never_exceed_the_truth() {
        for (count, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (10 * 1024 - 1, "9.9 KiB"),
            (10 * 1024, "10 KiB"),
            (312 << 20, "312 MiB"),
            (1_503_238_553, "1.3 GiB"),
            (1_503_238_554, "1.4 GiB"),
            (u64::MAX, "16777215 TiB"),
        ] {
            assert_eq!(bytes(count), text);
        }
    }

    #[test]
    fn progress_says_only_what_is_known() {
        let total = Some(3 << 29);
        assert_eq!(progress(312 << 20, total, Some(85 << 20)), "312 MiB of 1.5 GiB, 85 MiB/s");
        assert_eq!(progress(312 << 20, None, None), "312 MiB");
    }

    #[test]
    fn a_foreign_text_cannot_command_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\u{202e}c\r\nd ü"), "a?[2Jb?c??d ü");
    }

    #[test]
    fn seconds_have_one_decimal() {
        assert_eq!(seconds(Duration::from_millis(12_399)), "12.3s");
    }
}
