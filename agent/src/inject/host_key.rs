//! The SSH host key, made where it will live: only its public half leaves the machine.

use super::InjectError;
use ssh_key::{Algorithm, LineEnding, PrivateKey};
use zeroize::Zeroizing;

/// An Ed25519 key pair.
pub struct HostKeyPair(PrivateKey);

impl HostKeyPair {
    /// A new key.
    ///
    /// # Errors
    /// When the kernel gives no randomness.
    pub fn generate() -> Result<Self, InjectError> {
        PrivateKey::random(&mut rand_core::OsRng, Algorithm::Ed25519).map(Self).map_err(InjectError::HostKey)
    }

    /// OpenSSH's form of the private key.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn private(&self) -> Result<Zeroizing<String>, InjectError> {
        self.0.to_openssh(LineEnding::LF).map_err(InjectError::HostKey)
    }

    /// `ssh-ed25519 AAAA…`.
    ///
    /// # Errors
    /// When it cannot be encoded.
    pub fn public(&self) -> Result<String, InjectError> {
        self.0.public_key().to_openssh().map_err(InjectError::HostKey)
    }
}

impl std::fmt::Debug for HostKeyPair {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("HostKeyPair")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::{fs, os::unix::fs::PermissionsExt, process::Command};

    #[test]
    fn openssh_reads_the_key_and_finds_the_same_public_half() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("key");
        let pair = HostKeyPair::generate().unwrap();
        fs::write(&path, pair.private().unwrap().as_bytes()).unwrap();
        fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
        let told = Command::new("ssh-keygen").args(["-y", "-f"]).arg(&path).output().unwrap();
        assert!(told.status.success(), "{told:?}");
        let told = String::from_utf8(told.stdout).unwrap();
        assert_eq!(told.split_whitespace().take(2).collect::<Vec<_>>().join(" "), pair.public().unwrap());
    }
}
