//! The administrator's password: from a file or from the terminal, never from the arguments.

use crate::cli::{console::Console, error::CliError, secret};
use secrecy::{ExposeSecret as _, SecretString};
use std::path::Path;

/// The first line of `file`, or what is typed twice.
///
/// # Errors
/// When there is none, or the two differ.
pub fn read(file: Option<&Path>, console: &mut Console) -> Result<SecretString, CliError> {
    let Some(path) = file else {
        return twice(|prompt| rpassword::prompt_password(prompt).map(SecretString::from).map_err(CliError::Prompt));
    };
    let read = secret::read("password", path)?;
    if let Some(warning) = &read.warning {
        console.note(warning);
    }
    Ok(read.secret)
}

fn twice(mut ask: impl FnMut(&str) -> Result<SecretString, CliError>) -> Result<SecretString, CliError> {
    let first = ask("Password of the administrator: ")?;
    let second = ask("The same again: ")?;
    if first.expose_secret() == second.expose_secret() { Ok(first) } else { Err(CliError::PasswordsDiffer) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_is_taken_only_when_typed_twice_the_same() {
        for (second, taken) in [("Secret-1", true), ("Secret-2", false)] {
            let mut answers = ["Secret-1", second].into_iter();
            let answer = twice(|_| Ok(answers.next().unwrap().to_owned().into()));
            assert_eq!(answer.is_ok(), taken, "{second}");
        }
    }
}
