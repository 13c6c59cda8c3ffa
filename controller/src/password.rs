//! Hashes passwords: sha512-crypt, as every Linux understands, on a bounded number of threads.
//!
//! A hash costs milliseconds of a core by design, so that requests could occupy the machine with them. Whoever would
//! wait behind too many others is refused instead.

use crate::{clock::Edge, request::Password};
use sha_crypt::{PasswordHasher, ShaCrypt};
use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

/// Encodes to 16 characters, the longest salt that libcrypt reads; it cuts a longer one, and the hash never matches.
const SALT_BYTES: usize = 12;
/// Passwords that may wait for each thread: at some 5 ms each, the last waits for less than a second.
const WAITING_PER_THREAD: usize = 64;

/// Hashes passwords on a bounded number of threads. Clones share the bound.
#[derive(Clone)]
pub struct Hasher {
    edge: Edge,
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
    begun: Arc<AtomicU64>,
}

/// Why a password was not hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum HashError {
    /// Too many wait already.
    #[error("hash the password: too many wait")]
    Busy,
    /// The library refuses, or the program is stopping.
    #[error("hash the password")]
    Failed,
}

impl Hasher {
    /// Hashes up to `threads` passwords at once (at least 1), with salts from the edge's entropy.
    pub fn new(threads: usize, edge: &Edge) -> Self {
        let threads = threads.clamp(1, 1024);
        Self {
            edge: edge.clone(),
            admitted: Arc::new(Semaphore::new(threads * (1 + WAITING_PER_THREAD))),
            running: Arc::new(Semaphore::new(threads)),
            begun: Arc::default(),
        }
    }

    /// Answers the crypt(3) hash, `$6$…`, with 5000 rounds (sha512-crypt's default) and a fresh salt.
    ///
    /// # Errors
    /// [`HashError::Busy`] when too many wait; then the caller should be told to come again.
    pub async fn hash(&self, password: &Password) -> Result<String, HashError> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| HashError::Busy)?;
        self.begun.fetch_add(1, Ordering::Relaxed);
        let plain = password.bytes();
        let mut salt = [0; SALT_BYTES];
        self.edge.entropy.fill(&mut salt);
        // Bounded by those admitted, each of which ends.
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| HashError::Failed)?;
        let hashing = tokio::task::spawn_blocking(move || {
            // The permits end with the work: a caller that gives up does not make room before.
            let _permits = (admitted, running);
            sha512_crypt(&plain, &salt)
        });
        hashing.await.map_err(|_| HashError::Failed)?
    }

    /// How many passwords it was given and did not refuse, since the start.
    pub fn begun(&self) -> u64 {
        self.begun.load(Ordering::Relaxed)
    }
}

impl std::fmt::Debug for Hasher {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Hasher({} begun)", self.begun())
    }
}

fn sha512_crypt(plain: &Zeroizing<Vec<u8>>, salt: &[u8; SALT_BYTES]) -> Result<String, HashError> {
    let hash = ShaCrypt::SHA512.hash_password_with_salt(plain, salt).map_err(|_| HashError::Failed)?;
    Ok(hash.as_str().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::{
        io::Write,
        process::{Command, Stdio},
    };

    fn password(text: &str) -> Password {
        Password::parse(Zeroizing::new(text.to_owned())).unwrap()
    }

    /// What OpenSSL's own implementation makes of the same password, salt and rounds.
    fn openssl(plain: &str, setting: &str) -> String {
        let mut child = Command::new("openssl")
            .args(["passwd", "-6", "-stdin", "-salt", setting])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("openssl is installed where the tests run");
        child.stdin.take().unwrap().write_all(format!("{plain}\n").as_bytes()).unwrap();
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success());
        String::from_utf8(output.stdout).unwrap().trim().to_owned()
    }

    #[tokio::test]
    async fn openssl_makes_the_same_hash() {
        let hasher = Hasher::new(2, &Edge::system());
        for plain in ["Abcdefg1", "aA1!@$%^-_=+[{}]:,./?", "Abcdefghijklmnopqrstuvwxy1"] {
            let hash = hasher.hash(&password(plain)).await.unwrap();
            let setting = hash.strip_prefix("$6$").unwrap().rsplit_once('$').unwrap().0;
            let salt = setting.rsplit('$').next().unwrap();
            assert_eq!(salt.len(), 16, "{hash}");
            assert_eq!(openssl(plain, setting), hash);
        }
    }

    #[test]
    fn the_hash_is_the_one_of_the_specification() {
        // "Unix crypt using SHA-256 and SHA-512" (U. Drepper), with a salt whose 16 characters are whole bytes: the
        // expected text is libxcrypt's, crypt("Abcdefg1", "$6$rounds=5000$................").
        let hash = sha512_crypt(&Zeroizing::new(b"Abcdefg1".to_vec()), &[0; SALT_BYTES]).unwrap();
        assert_eq!(hash, LIBXCRYPT);
    }
    const LIBXCRYPT: &str = "$6$rounds=5000$................$xpML7LG9O4e831Ks7m8cKejPRydQviSqlEYZmDWpxWIiDe6LX.KBYvonWym7WbtfKdku3y.OOT2kMYKwaTgyJ.";

    #[tokio::test]
    async fn two_hashes_of_one_password_differ() {
        let hasher = Hasher::new(1, &Edge::system());
        let password = password("Abcdefg1");
        assert_ne!(hasher.hash(&password).await.unwrap(), hasher.hash(&password).await.unwrap());
        assert_eq!(hasher.begun(), 2);
    }

    #[tokio::test]
    async fn whoever_would_wait_behind_too_many_is_refused_at_once() {
        let hasher = Hasher::new(1, &Edge::system());
        let password = password("Abcdefg1");
        let held = hasher.running.clone().acquire_owned().await.unwrap();
        let waiting: Vec<_> = (0..=WAITING_PER_THREAD).map(|_| hasher.hash(&password)).collect();
        let mut waiting = Box::pin(futures_util::future::join_all(waiting));
        assert!((&mut waiting).now_or_never().is_none(), "they all wait");
        assert_eq!(hasher.hash(&password).await, Err(HashError::Busy));
        drop(held);
        assert!(waiting.await.iter().all(Result::is_ok));
        assert!(hasher.hash(&password).await.is_ok());
    }
}
