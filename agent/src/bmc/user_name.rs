//! The name of a BMC's account, byte by byte: what is shown of it is not what is written back.

use std::fmt;

/// A name has so many bytes, filled up with zeros (IPMI v2.0 §22.28).
const BYTES: usize = 16;

/// The name of an account, as the BMC has it. Shown with another byte than of ASCII's printable ones as `\xNN`, so that no two
/// names look alike.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub struct UserName([u8; BYTES]);

impl UserName {
    /// As a BMC tells it.
    #[must_use]
    pub fn new(bytes: [u8; BYTES]) -> Self {
        Self(bytes)
    }

    /// As a BMC takes it.
    #[must_use]
    pub fn bytes(&self) -> [u8; BYTES] {
        self.0
    }

    /// The name that is shown so; none where that has more than 16 bytes, or is no name as it is shown here.
    #[must_use]
    pub fn parse(shown: &str) -> Option<Self> {
        let mut name = Self::default();
        let mut places = name.0.iter_mut();
        let mut shown = shown.bytes();
        while let Some(byte) = shown.next() {
            *places.next()? = match byte {
                b'\\' => escaped(&mut shown)?,
                b' '..=b'~' => byte,
                _ => return None,
            };
        }
        Some(name)
    }

    /// Whether it is this, which is not escaped.
    #[must_use]
    pub fn is(&self, text: &str) -> bool {
        self.told() == text.as_bytes()
    }

    /// Without what fills it up.
    fn told(&self) -> &[u8] {
        let end = self.0.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
        &self.0[..end]
    }
}

/// The byte that is meant by what follows a backslash.
fn escaped(shown: &mut impl Iterator<Item = u8>) -> Option<u8> {
    let digit = |shown: &mut dyn Iterator<Item = u8>| char::from(shown.next()?).to_digit(16);
    match shown.next()? {
        b't' => Some(b'\t'),
        b'n' => Some(b'\n'),
        b'r' => Some(b'\r'),
        itself @ (b'\\' | b'\'' | b'"') => Some(itself),
        b'x' => {
            let (high, low) = (digit(shown)?, digit(shown)?);
            u8::try_from(high << 4 | low).ok()
        }
        _ => None,
    }
}

impl fmt::Display for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.told().escape_ascii().fmt(f)
    }
}

impl fmt::Debug for UserName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "'{self}'")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_name_that_does_not_fit_is_none() {
        assert!(UserName::parse("sixteen-bytes-16").unwrap().is("sixteen-bytes-16"));
        // Sixteen bytes, though it is shown with more.
        assert!(UserName::parse(&"\\xff".repeat(16)).is_some());
        for shown in ["seventeen-bytes-1", "\\x1", "\\x+1", "\\", "\\q", "\u{e9}", "a\nb"] {
            assert_eq!(UserName::parse(shown), None, "{shown:?}");
        }
        assert!(UserName::parse("").unwrap().is(""));
        assert!(!UserName::default().is("oper"));
    }

    proptest! {
        #[test]
        fn what_is_shown_of_a_name_is_that_name_and_no_other(bytes: [u8; BYTES]) {
            let name = UserName::new(bytes);
            prop_assert_eq!(UserName::parse(&name.to_string()), Some(name));
        }

        #[test]
        fn no_text_makes_it_panic(text: String) {
            let _ = UserName::parse(&text);
        }
    }
}
