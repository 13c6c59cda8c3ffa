//! The host key of an installed system, in OpenSSH's public form.

use base64::{
    Engine,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use sha2::{Digest, Sha256};

/// `SHA256:…` of an OpenSSH public key, as `ssh-keygen -l` prints it; none when it is not one.
pub fn fingerprint(key: &str) -> Option<String> {
    let blob = STANDARD.decode(key.split_whitespace().nth(1)?).ok()?;
    Some(format!("SHA256:{}", STANDARD_NO_PAD.encode(Sha256::digest(blob))))
}

#[cfg(test)]
mod tests {
    /// By `ssh-keygen -lf` of the same key.
    #[test]
    fn a_fingerprint_is_that_of_ssh_keygen() {
        let dir = tempfile::tempdir().unwrap();
        let key = dir.path().join("key");
        let made =
            std::process::Command::new("ssh-keygen").args(["-q", "-t", "ed25519", "-N", "", "-f"]).arg(&key).status();
        assert!(made.unwrap().success());
        let told = std::process::Command::new("ssh-keygen").arg("-lf").arg(&key).output().unwrap();
        let told = String::from_utf8(told.stdout).unwrap();
        let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
        assert_eq!(super::fingerprint(&public).as_deref(), told.split_whitespace().nth(1));
        assert_eq!(super::fingerprint("ssh-ed25519"), None);
    }
}
