//! `billet image import`.

use crate::cli::{
    client::{Client, NewImage},
    console::Console,
    error::CliError,
    follow::bars,
    table, text,
};
use clap::Args;
use std::{
    io::{self, Read, Seek as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

const READ_BYTES: usize = 1 << 20;

/// The arguments.
#[derive(Debug, Args)]
pub struct Import {
    /// The raw image: the bytes of a whole disk
    file: PathBuf,
    /// Name for people
    #[arg(long)]
    name: String,
    /// Kind of operating system
    #[arg(long, default_value = "Linux", value_parser = ["Linux", "Windows", "Other"])]
    os_type: String,
    /// The SHA-256 that the file must have, in hex
    #[arg(long, value_name = "HEX", value_parser = sha256)]
    sha256: Option<String>,
    /// For every project; operators only
    #[arg(long)]
    shared: bool,
    /// Seconds that the upload may take
    #[arg(long, value_name = "SECONDS", default_value_t = 3600, value_parser = clap::value_parser!(u64).range(1..=604_800))]
    timeout: u64,
}

/// Of 32 bytes; in lower case, as the controller writes it.
fn sha256(text: &str) -> Result<String, String> {
    let bytes = hex::decode(text).map_err(|error| error.to_string())?;
    if bytes.len() == 32 { Ok(hex::encode(bytes)) } else { Err("a SHA-256 has 64 hexadecimal digits".to_owned()) }
}

impl Import {
    pub(super) async fn run(self, client: &Client, console: &mut Console) -> Result<(), CliError> {
        let unreadable = |source| CliError::File { path: self.file.clone(), source };
        let mut file = std::fs::File::open(&self.file).map_err(unreadable)?;
        // Before gigabytes are read and sent: may this caller do anything here at all?
        client.images().await?;
        let (digest, size_bytes) = digest(&mut file).map_err(unreadable)?;
        self.check(&digest, &self.file)?;
        file.rewind().map_err(unreadable)?;
        let image =
            NewImage { name: self.name, os_type: self.os_type, size_bytes, sha256: digest, shared: self.shared };
        let sent = progress(console, size_bytes);
        let timeout = Duration::from_secs(self.timeout);
        let image = client.import_image(&image, tokio::fs::File::from_std(file), sent, timeout).await?;
        console.result(&image, || {
            table::pairs([
                ("id", image.id.to_string()),
                ("name", image.name.clone()),
                ("size", text::bytes(image.size_bytes)),
                ("sha256", image.sha256.clone()),
            ])
        })
    }

    fn check(&self, found: &str, path: &Path) -> Result<(), CliError> {
        match &self.sha256 {
            Some(expected) if expected != found => {
                Err(CliError::Digest { path: path.to_owned(), expected: expected.clone(), found: found.to_owned() })
            }
            _ => Ok(()),
        }
    }
}

/// SHA-256 in hex, and the number of bytes.
fn digest(file: &mut impl Read) -> io::Result<(String, u64)> {
    let mut context = ring::digest::Context::new(&ring::digest::SHA256);
    let mut buffer = vec![0; READ_BYTES];
    let mut size_bytes = 0;
    loop {
        match file.read(&mut buffer) {
            Ok(0) => return Ok((hex::encode(context.finish()), size_bytes)),
            Ok(length) => {
                context.update(&buffer[..length]);
                size_bytes += length as u64;
            }
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
}

/// A bar on a terminal, else nothing: the result comes soon enough.
fn progress(console: &Console, size_bytes: u64) -> impl FnMut(u64) + Send + 'static {
    let bar = console.bars().then(|| bars::upload(size_bytes));
    let start = Instant::now();
    move |done| {
        if let Some(bar) = &bar {
            let rate = u128::from(done) * 1000 / start.elapsed().as_millis().max(1);
            bar.set_prefix("upload");
            bar.set_position(done);
            bar.set_message(text::progress(done, Some(size_bytes), u64::try_from(rate).ok()));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_that_of_fips_180() {
        let (digest, size) = digest(&mut &b"abc"[..]).unwrap();
        assert_eq!(digest, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
        assert_eq!(size, 3);
    }

    #[test]
    fn only_64_digits_are_a_sha256() {
        assert_eq!(sha256(&"AB".repeat(32)), Ok("ab".repeat(32)));
        for bad in ["", "ab", &"zz".repeat(32), &"ab".repeat(33)] {
            assert!(sha256(bad).is_err(), "{bad}");
        }
    }
}
