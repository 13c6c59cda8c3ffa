//! The tenant's key for signatures, in the file that the controller reads.

use crate::{daemons::write_private, site::PROJECT};
use anyhow::{Context, Result};
use std::{fs::File, io::Read, path::Path};

/// A key for signatures.
#[derive(Debug, Clone)]
pub struct AccessKey {
    /// Its name in signatures.
    pub access: String,
    /// The HMAC's key.
    pub secret: String,
}

impl AccessKey {
    /// Makes one, and writes it into `file`, which its owner alone reads.
    ///
    /// # Errors
    /// When it cannot be written.
    pub fn make(file: &Path) -> Result<Self> {
        let key = Self { access: random_word(10)?, secret: random_word(20)? };
        let entry = format!(
            "[[key]]\nname = \"tenant-key\"\naccess_key = \"{}\"\nsecret_key = \"{}\"\nproject = \"{PROJECT}\"\nrole = \"tenant\"\n",
            key.access, key.secret
        );
        write_private(file, &entry)?;
        Ok(key)
    }
}

/// Random bytes in upper-case hexadecimal digits.
fn random_word(bytes: usize) -> Result<String> {
    let mut random = vec![0; bytes];
    File::open("/dev/urandom").and_then(|mut source| source.read_exact(&mut random)).context("make a key")?;
    Ok(hex::encode_upper(random))
}
