//! An administrator's password, in plain text as short as can be.

use super::{
    fields::{Fault, kind},
    image::ImageOs,
    problem::Invalid,
};
use serde_json::Value;
use std::fmt;
use zeroize::{Zeroize, Zeroizing};

const SPECIAL: &str = "!@$%^-_=+[{}]:,./?";
const FIELD: &str = "password";

/// A password that keeps the rule which no image can change: 8 to 26 characters of four classes, at least three of them.
///
/// It is wiped when dropped, and has no revealing `Debug`.
pub struct Password(Zeroizing<String>);

impl Password {
    pub(crate) fn from_json(value: Value) -> Result<Self, Fault> {
        match value {
            // The string is taken, not copied: what is dropped here is the only place where it stood.
            Value::String(text) => Self::parse(Zeroizing::new(text)),
            other => Err(Fault::new("must be a string", kind(&other))),
        }
    }

    pub(crate) fn parse(text: Zeroizing<String>) -> Result<Self, Fault> {
        if !(8..=26).contains(&text.chars().count()) {
            return Err(Fault::secret("must have 8 to 26 characters"));
        }
        let mut classes = [false; 4];
        for c in text.chars() {
            let class = match c {
                'A'..='Z' => 0,
                'a'..='z' => 1,
                '0'..='9' => 2,
                c if SPECIAL.contains(c) => 3,
                _ => return Err(Fault::secret(format!("must consist of A-Z, a-z, 0-9 and {SPECIAL}"))),
            };
            classes[class] = true;
        }
        if classes.iter().filter(|present| **present).count() < 3 {
            return Err(Fault::secret(format!(
                "must mix at least three of: upper case, lower case, digits, special characters ({SPECIAL})"
            )));
        }
        Ok(Self(text))
    }

    /// Checks the rule that depends on the image: the administrator's name, also reversed and in any case, is not part
    /// of it; on Windows no three characters in a row of the name are.
    ///
    /// # Errors
    /// When it is; the answer does not repeat the password.
    pub fn check_for(&self, os: ImageOs) -> Result<(), Invalid> {
        let lower = Zeroizing::new(self.0.to_ascii_lowercase());
        for name in os.administrators() {
            let reversed: String = name.chars().rev().collect();
            if lower.contains(name) || lower.contains(&reversed) {
                return Err(Invalid::secret(FIELD, format!("must not contain '{name}', also not reversed")));
            }
            // The names are ASCII, so that windows of bytes are windows of characters.
            let in_a_row = |run: &[u8]| lower.as_bytes().windows(run.len()).any(|part| part == run);
            if os == ImageOs::Windows && name.as_bytes().windows(3).any(in_a_row) {
                return Err(Invalid::secret(FIELD, format!("must not contain three characters in a row of '{name}'")));
            }
        }
        Ok(())
    }

    /// The plain text, to be hashed and for nothing else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// A copy that is wiped on its own.
    pub(crate) fn bytes(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(self.0.as_bytes().to_vec())
    }

    /// Moves the plain text out; what stays is empty.
    pub(crate) fn take(&mut self) -> Self {
        Self(std::mem::take(&mut self.0))
    }

    /// Wipes the plain text, once it was hashed.
    pub fn forget(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(redacted)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parse(text: &str) -> Result<Password, Fault> {
        Password::parse(Zeroizing::new(text.to_owned()))
    }

    #[test]
    fn the_rule_holds_on_both_sides_of_each_limit() {
        for (text, good) in [
            ("Abcdef1", false),
            ("Abcdefg1", true),
            ("Abcdefghijklmnopqrstuvwxy1", true),
            ("Abcdefghijklmnopqrstuvwxyz1", false),
            ("abcdefg1", false),
            ("ABCDEFG1", false),
            ("abcdef1!", true),
            ("ABCDEF1!", true),
            ("Abcdefg!", true),
            ("Abcdefgh", false),
            ("!@$%^-_=", false),
            ("!@$%^-_=+[{}]:,./?aA", true),
            ("Abcdef1#", false),
            ("Abcdef1~", false),
            ("Abcdef 1", false),
            ("Abcdef1\n", false),
            ("Abcdef1\0", false),
            ("Äbcdefg1!", false),
        ] {
            assert_eq!(parse(text).is_ok(), good, "{text:?}");
        }
    }

    #[test]
    fn the_administrators_name_is_refused_in_any_case_and_reversed_by_os() {
        use ImageOs::{Linux, Other, Windows};
        for (text, os, good) in [
            ("xxRooT12", Linux, false),
            ("xxTOOr12", Linux, false),
            ("xxRo0t12", Linux, true),
            ("xxRooT12", Windows, true),
            ("xxRooT12", Other, false),
            ("1aDMINISTRATOr", Linux, true),
            ("1aDMINISTRATOr", Windows, false),
            ("1ROTARTSINIMDa", Windows, false),
            ("1ROTARTSINIMDa", Other, false),
            ("12345aDm", Windows, false),
            ("12345aDm", Other, true),
            ("12345aDx", Windows, true),
            ("12345TOr", Windows, false),
        ] {
            assert_eq!(parse(text).unwrap().check_for(os).is_ok(), good, "{text} on {os:?}");
        }
    }

    #[test]
    fn no_problem_and_no_debug_repeats_the_password() {
        let fault = parse("Secret~123").unwrap_err();
        assert!(fault.given.is_none() && !fault.rule.contains("Secret"));
        let password = parse("1rootSecret").unwrap();
        assert!(!format!("{:?} {password:?}", password.check_for(ImageOs::Linux)).contains("Secret"));
    }

    #[test]
    fn a_forgotten_password_is_gone() {
        let mut password = parse("Abcdefg1").unwrap();
        password.forget();
        assert_eq!(password.expose(), "");
    }

    proptest! {
        #[test]
        fn no_text_makes_the_rule_panic(text in any::<String>()) {
            if let Ok(password) = parse(&text) {
                let _ = password.check_for(ImageOs::Windows);
            }
        }
    }
}
