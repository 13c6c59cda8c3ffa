//! One table of the configuration: each key is taken once, and what is left at the end is unknown.

use super::{Tls, problem::Problems};
use std::{
    net::{IpAddr, SocketAddr},
    ops::{Range, RangeInclusive},
    path::PathBuf,
};
use toml::{
    Spanned,
    de::{DeTable, DeValue},
};

/// Longer than any path, name or address.
const MAX_SHOWN_CHARS: usize = 64;

/// A table, or the lack of one, with the keys that were not asked for yet.
pub(super) struct Section<'a> {
    problems: &'a Problems<'a>,
    /// Dotted, such as `rest`; empty for the whole text.
    name: String,
    /// Where problems without a place of their own are reported.
    place: Range<usize>,
    table: DeTable<'a>,
    /// Where the keys taken so far stand.
    taken: Vec<(&'static str, Range<usize>)>,
}

impl<'a> Section<'a> {
    /// The whole text; what is not TOML is reported, and the rest is read all the same.
    pub(super) fn of_text(problems: &'a Problems<'a>) -> Self {
        let (table, errors) = DeTable::parse_recoverable(problems.text());
        for error in errors {
            problems.add(&error.span().unwrap_or(0..0), "", error.message());
        }
        Self::new(problems, String::new(), 0..0, table.into_inner())
    }

    fn new(problems: &'a Problems<'a>, name: String, place: Range<usize>, table: DeTable<'a>) -> Self {
        Self { problems, name, place, table, taken: Vec::new() }
    }

    /// The table at `key`; an empty one where there is none.
    pub(super) fn section(&mut self, key: &'static str) -> Self {
        let name = self.path_of(key);
        match self.take(key) {
            Some((span, DeValue::Table(table))) => Self::new(self.problems, name, span, table),
            Some((span, other)) => {
                self.wrong(&span, key, "a table", &other);
                Self::new(self.problems, name, span, DeTable::new())
            }
            None => Self::new(self.problems, name, self.place.clone(), DeTable::new()),
        }
    }

    /// An integer within `range`.
    pub(super) fn integer(&mut self, key: &'static str, default: u64, range: RangeInclusive<u64>) -> u64 {
        let Some((span, value)) = self.take(key) else { return default };
        let number = value.as_integer().and_then(|integer| {
            // TOML allows `_` between digits; the parser has already checked their places.
            u64::from_str_radix(&integer.as_str().replace('_', ""), integer.radix()).ok()
        });
        match number {
            Some(number) if range.contains(&number) => number,
            Some(_) | None => {
                let expected = format!("a whole number from {} to {}", range.start(), range.end());
                self.wrong(&span, key, &expected, &value);
                default
            }
        }
    }

    /// `true` or `false`.
    pub(super) fn boolean(&mut self, key: &'static str, default: bool) -> bool {
        let Some((span, value)) = self.take(key) else { return default };
        value.as_bool().unwrap_or_else(|| {
            self.wrong(&span, key, "true or false", &value);
            default
        })
    }

    /// An absolute path.
    pub(super) fn path(&mut self, key: &'static str, default: PathBuf) -> PathBuf {
        let Some((span, value)) = self.take(key) else { return default };
        match value.as_str().map(PathBuf::from).filter(|path| path.is_absolute()) {
            Some(path) => path,
            None => {
                self.wrong(&span, key, "an absolute path", &value);
                default
            }
        }
    }

    /// An address with a port.
    pub(super) fn listen(&mut self, key: &'static str, default: SocketAddr) -> SocketAddr {
        let Some((span, value)) = self.take(key) else { return default };
        value.as_str().and_then(|text| text.parse().ok()).unwrap_or_else(|| {
            self.wrong(&span, key, "an IP address with a port, such as \"0.0.0.0:8443\"", &value);
            default
        })
    }

    /// DNS names and IP addresses, at most `most`.
    pub(super) fn names(&mut self, key: &'static str, most: usize) -> Vec<String> {
        let Some((span, value)) = self.take(key) else { return Vec::new() };
        let Some(array) = value.as_array().filter(|array| array.len() <= most) else {
            self.wrong(&span, key, &format!("a list of at most {most} names"), &value);
            return Vec::new();
        };
        let mut names = Vec::new();
        for entry in array.iter() {
            match entry.get_ref().as_str().filter(|text| is_name(text)) {
                Some(name) => names.push(name.to_owned()),
                None => self.wrong(&entry.span(), key, "DNS names and IP addresses", entry.get_ref()),
            }
        }
        names
    }

    /// A text that `parse` takes; `expected` says which those are.
    pub(super) fn text<T>(
        &mut self,
        key: &'static str,
        default: T,
        expected: &str,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> T {
        let Some((span, value)) = self.take(key) else { return default };
        value.as_str().and_then(parse).unwrap_or_else(|| {
            self.wrong(&span, key, expected, &value);
            default
        })
    }

    /// Words of at most 255 characters, at most `most`.
    pub(super) fn words(&mut self, key: &'static str, default: Vec<String>, most: usize) -> Vec<String> {
        let Some((span, value)) = self.take(key) else { return default };
        let word = |text: &str| (1..=255).contains(&text.chars().count()).then(|| text.to_owned());
        let words = value.as_array().filter(|array| array.len() <= most).and_then(|array| {
            array.iter().map(|entry| entry.get_ref().as_str().and_then(word)).collect::<Option<Vec<_>>>()
        });
        words.unwrap_or_else(|| {
            self.wrong(&span, key, &format!("a list of at most {most} words"), &value);
            default
        })
    }

    /// `"own-ca"`, `"off"`, or a table of two files.
    pub(super) fn tls(&mut self, key: &'static str, default: Tls) -> Tls {
        let Some((span, value)) = self.take(key) else { return default };
        match value {
            DeValue::Table(table) => {
                let mut files = Self::new(self.problems, self.path_of(key), span, table);
                let tls = Tls::Files { certificate: files.needed_path("certificate"), key: files.needed_path("key") };
                files.finish();
                tls
            }
            other => match other.as_str() {
                Some("own-ca") => Tls::OwnCa,
                Some("off") => Tls::Off,
                Some(_) | None => {
                    let expected = "\"own-ca\", \"off\" or { certificate = \"/…\", key = \"/…\" }";
                    self.wrong(&span, key, expected, &other);
                    default
                }
            },
        }
    }

    fn needed_path(&mut self, key: &'static str) -> PathBuf {
        if !self.table.contains_key(key) {
            self.problem(key, "is missing");
        }
        self.path(key, PathBuf::new())
    }

    /// Reports a problem of `key`, at its place where it was given, else at the table's.
    pub(super) fn problem(&self, key: &str, message: &str) {
        let place = self.taken.iter().find(|(taken, _)| *taken == key).map_or(&self.place, |(_, span)| span);
        self.problems.add(place, &self.path_of(key), message);
    }

    /// Reports every key that nobody asked for.
    pub(super) fn finish(self) {
        let known: Vec<_> = self.taken.iter().map(|(key, _)| *key).collect();
        for key in self.table.keys() {
            self.problems.add(&key.span(), &self.path_of(key.get_ref()), &unknown(key.get_ref(), &known));
        }
    }

    fn take(&mut self, key: &'static str) -> Option<(Range<usize>, DeValue<'a>)> {
        let found = self.table.remove_entry(key);
        // An absent key was asked for too.
        let span = found.as_ref().map_or_else(|| self.place.clone(), |(key, _)| key.span());
        self.taken.push((key, span));
        found.map(|(_, value): (_, Spanned<_>)| (value.span(), value.into_inner()))
    }

    fn wrong(&self, span: &Range<usize>, key: &str, expected: &str, given: &DeValue<'_>) {
        let text = self.problems.text().get(span.clone()).unwrap_or_default();
        let given = match given {
            DeValue::Table(_) | DeValue::Array(_) => given.type_str().to_owned(),
            DeValue::String(_)
            | DeValue::Integer(_)
            | DeValue::Float(_)
            | DeValue::Boolean(_)
            | DeValue::Datetime(_) => text.chars().take(MAX_SHOWN_CHARS).collect(),
        };
        self.problems.add(span, &self.path_of(key), &format!("must be {expected}, not {given}"));
    }

    fn path_of(&self, key: &str) -> String {
        let key: String = key.chars().take(MAX_SHOWN_CHARS).collect();
        if self.name.is_empty() { key } else { format!("{}.{key}", self.name) }
    }
}

fn unknown(key: &str, known: &[&str]) -> String {
    // `hand-over` for `hand_over` is the commonest slip.
    let plain = |text: &str| text.to_lowercase().replace(['-', '_'], "");
    match known.iter().find(|known| plain(known) == plain(key)) {
        Some(meant) => format!("is unknown; '{meant}' was meant?"),
        None => format!("is unknown; known here: {}", known.join(", ")),
    }
}

fn is_name(text: &str) -> bool {
    text.parse::<IpAddr>().is_ok() || rustls::pki_types::DnsName::try_from(text).is_ok()
}
