//! Another authority takes the place of the one that signs, while the daemon runs: three steps of the operator's, each on
//! the files of the state folder, each taken over when the daemon reads them again.
//!
//! ```text
//! settled --prepare--> prepared --switch--> switched --retire--> settled
//! ```
//!
//! Prepared: the next authority is trusted and told to agents, and does not sign yet. Switched: it signs, and agents renew;
//! the old one is trusted still, and its key is gone. The controller then shows a certificate for the new authority by the
//! old one beside its own, so that an agent which was away, and knows the old one alone, is served too.
//!
//! Invariants: each step may be repeated after a crash; at each instant the key that signs has its certificate, or the next
//! look at the files gives it to it.

use super::{CaError, authority, failed, is_for, load_or_make, read_if_there, read_key};
use crate::{clock::Edge, seal::file};
use rcgen::Issuer;
use std::{
    fs::{self, File},
    io,
    path::Path,
};

/// The next authority's certificate.
pub(crate) const NEXT: &str = "ca-next.pem";
/// Its key.
pub(crate) const NEXT_KEY: &str = "ca-next.key";
/// The authority before.
pub(crate) const OLD: &str = "ca-old.pem";
/// The authority that signs, by the one before.
pub(crate) const CROSS: &str = "ca-cross.pem";

/// How far a replacement is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// There is one authority.
    Settled,
    /// The next one is trusted and does not sign.
    Prepared,
    /// The next one signs, and the old one is trusted.
    Switched,
}

/// How far the replacement in this folder is.
pub fn stage(dir: &Path) -> Stage {
    let is_there = |name: &str| dir.join(name).exists();
    match (is_there(NEXT), is_there(OLD)) {
        (true, _) => Stage::Prepared,
        (false, true) => Stage::Switched,
        (false, false) => Stage::Settled,
    }
}

/// Makes the next authority, to be trusted and not yet to sign.
///
/// # Errors
/// When a replacement is under way, or a file cannot be written.
pub fn prepare(dir: &Path, edge: &Edge) -> Result<(), CaError> {
    let step = "prepare another authority";
    finish_switch(dir)?;
    match stage(dir) {
        Stage::Settled => load_or_make(dir, [NEXT_KEY, NEXT], edge).map(drop),
        Stage::Prepared => Err(CaError::Step { step, why: "one is prepared; switch to it" }),
        Stage::Switched => Err(CaError::Step { step, why: "the one before is still trusted; retire it" }),
    }
}

/// Makes the next authority the one that signs. The old one's key is gone afterwards.
///
/// # Errors
/// When none is prepared, or a file cannot be written.
pub fn switch(dir: &Path, edge: &Edge) -> Result<(), CaError> {
    finish_switch(dir)?;
    if stage(dir) != Stage::Prepared {
        return Err(CaError::Step { step: "switch to another authority", why: "none is prepared" });
    }
    let (old_key, old_pem) = load_or_make(dir, ["ca.key", "ca.pem"], edge)?;
    let (next_key, _) = load_or_make(dir, [NEXT_KEY, NEXT], edge)?;
    let old = Issuer::from_ca_cert_pem(&old_pem, old_key).map_err(CaError::Unreadable)?;
    let mut params = authority(&next_key, edge);
    params.use_authority_key_identifier_extension = true;
    let cross = params.signed_by(&next_key, &old).map_err(CaError::Sign)?.pem();
    write_anew(&dir.join(CROSS), &cross)?;
    write_anew(&dir.join(OLD), &old_pem)?;
    rename(dir, NEXT_KEY, "ca.key")?;
    finish_switch(dir)
}

/// Removes the old authority: whoever knows it alone is not served any more.
///
/// # Errors
/// When there is none, or a file cannot be removed.
pub fn retire(dir: &Path) -> Result<(), CaError> {
    finish_switch(dir)?;
    if stage(dir) != Stage::Switched {
        return Err(CaError::Step { step: "retire the authority before", why: "there is none, or it still signs" });
    }
    // The one by which the stage is known is the last.
    for name in [CROSS, OLD] {
        let path = dir.join(name);
        match fs::remove_file(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(&path)(error)),
            _ => {}
        }
    }
    flush(dir)
}

/// Gives the key that signs its certificate, where a switch was cut off between the two.
pub(super) fn finish_switch(dir: &Path) -> Result<(), CaError> {
    if dir.join(NEXT_KEY).exists() {
        return Ok(());
    }
    let (Some(next), Some(key)) = (read_if_there(&dir.join(NEXT))?, read_key(&dir.join("ca.key"))?) else {
        return Ok(());
    };
    if is_for(&next, &key) { rename(dir, NEXT, "ca.pem") } else { Ok(()) }
}

fn write_anew(path: &Path, pem: &str) -> Result<(), CaError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(failed(path)(error)),
        _ => {}
    }
    file::create_private(path, pem.as_bytes()).map_err(failed(path))
}

fn rename(dir: &Path, from: &str, to: &str) -> Result<(), CaError> {
    let to = dir.join(to);
    fs::rename(dir.join(from), &to).map_err(failed(&to))?;
    flush(dir)
}

fn flush(dir: &Path) -> Result<(), CaError> {
    File::open(dir).and_then(|dir| dir.sync_all()).map_err(failed(dir))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ca::Ca;
    use std::os::unix::fs::PermissionsExt as _;

    fn files(dir: &Path) -> Vec<String> {
        let mut names: Vec<_> =
            fs::read_dir(dir).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }

    fn made() -> (tempfile::TempDir, Edge, Ca) {
        let (folder, edge) = (tempfile::tempdir().unwrap(), Edge::system());
        let ca = Ca::load_or_create(folder.path(), &edge).unwrap();
        (folder, edge, ca)
    }

    #[test]
    fn the_steps_follow_each_other_and_no_other_way() {
        let (folder, edge, ca) = made();
        let dir = folder.path();
        let old = ca.certificate_pem();
        assert!(switch(dir, &edge).is_err() && retire(dir).is_err());
        prepare(dir, &edge).unwrap();
        assert_eq!(stage(dir), Stage::Prepared);
        assert!(prepare(dir, &edge).is_err() && retire(dir).is_err());
        assert!(ca.reload().unwrap());
        assert_eq!((ca.certificate_pem(), ca.trusted_names().len()), (old.clone(), 2));
        switch(dir, &edge).unwrap();
        assert_eq!(stage(dir), Stage::Switched);
        assert!(prepare(dir, &edge).is_err() && switch(dir, &edge).is_err());
        assert!(ca.reload().unwrap());
        let new = ca.certificate_pem();
        assert_ne!(new, old);
        assert_eq!(ca.trusted_pem(), format!("{new}{old}"));
        retire(dir).unwrap();
        assert_eq!((stage(dir), files(dir)), (Stage::Settled, vec!["ca.key".to_owned(), "ca.pem".to_owned()]));
        assert!(ca.reload().unwrap() && !ca.reload().unwrap());
        assert_eq!(ca.trusted_pem(), new);
        assert_eq!(fs::metadata(dir.join("ca.key")).unwrap().permissions().mode() & 0o777, 0o600);
    }

    #[test]
    fn a_switch_that_was_cut_off_anywhere_leaves_an_authority_that_signs_and_can_be_repeated() {
        let (whole, edge, _) = made();
        prepare(whole.path(), &edge).unwrap();
        let text = |name: &str| fs::read_to_string(whole.path().join(name)).unwrap();
        let before: Vec<_> = files(whole.path()).into_iter().map(|name| (text(&name), name)).collect();
        switch(whole.path(), &edge).unwrap();
        let (old, cross) = (text(OLD), text(CROSS));
        for done in 0..=3 {
            let folder = tempfile::tempdir().unwrap();
            let dir = folder.path();
            for (text, name) in &before {
                file::create_private(&dir.join(name), text.as_bytes()).unwrap();
            }
            let steps: [&dyn Fn(); 3] = [
                &|| write_anew(&dir.join(CROSS), &cross).unwrap(),
                &|| write_anew(&dir.join(OLD), &old).unwrap(),
                &|| rename(dir, NEXT_KEY, "ca.key").unwrap(),
            ];
            steps[..done].iter().for_each(|step| step());
            let ca = Ca::load_or_create(dir, &edge).unwrap();
            assert_eq!(ca.trusted_names().len(), 2, "after {done}");
            assert_eq!(ca.certificate_pem() == old, done < 3, "after {done}");
            ca.issue_server(&[]).unwrap();
            if done < 3 {
                switch(dir, &edge).unwrap();
                assert!(ca.reload().unwrap());
            }
            assert_eq!((stage(dir), ca.certificate_pem()), (Stage::Switched, text("ca.pem")), "after {done}");
        }
    }
}
