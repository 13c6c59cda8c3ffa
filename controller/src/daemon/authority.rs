//! The authority's files, which are read again on demand: so an authority is replaced without a stop.

use super::rest::OwnCertificate;
use crate::{ca::Ca, clock::Timestamp, store::access::Audited};
use std::sync::Arc;

/// The authority, and what is shown of it to callers of the REST API. The agents' door watches by itself.
pub(super) struct Authority {
    ca: Arc<Ca>,
    rest: Option<OwnCertificate>,
}

impl Authority {
    pub(super) fn new(ca: Arc<Ca>, rest: Option<OwnCertificate>) -> Self {
        Self { ca, rest }
    }

    /// Reads the files again; where they cannot be used, what was in force stays. Answers the audit log's line where
    /// something changed, or was to.
    pub(super) async fn reload(&self, at: Timestamp) -> Option<Audited> {
        match self.take().await {
            Ok(true) => {
                let authorities = self.ca.trusted_names();
                tracing::info!(?authorities, "read the authority again");
                Some(line(at, authorities, 200))
            }
            Ok(false) => None,
            Err(error) => {
                tracing::error!(error = format!("{error:#}"), "the authority's files are not used");
                Some(line(at, Vec::new(), 500))
            }
        }
    }

    async fn take(&self) -> anyhow::Result<bool> {
        let changed = self.ca.reload()?;
        if let (true, Some(rest)) = (changed, &self.rest) {
            rest.renew(&self.ca).await?;
        }
        Ok(changed)
    }
}

/// Whoever may write the files and signal the daemon did this. The objects are the authorities that are trusted now; the
/// first of them signs.
fn line(at: Timestamp, objects: Vec<String>, status: u16) -> Audited {
    Audited::by_host(at, super::callers::CALLER, "Credentials/Read: authority".to_owned(), objects, status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ca::replace, clock::Edge};

    #[tokio::test]
    async fn another_authority_is_a_line_of_the_audit_log_and_the_same_one_is_none() {
        let (dir, edge) = (tempfile::tempdir().unwrap(), Edge::system());
        let authority = Authority::new(Arc::new(Ca::load_or_create(dir.path(), &edge).unwrap()), None);
        assert_eq!(authority.reload(Timestamp(1)).await, None);
        replace::prepare(dir.path(), &edge).unwrap();
        let line = authority.reload(Timestamp(2)).await.unwrap();
        assert_eq!((line.at, line.status, line.objects.len()), (Timestamp(2), 200, 2));
        assert!(line.objects[0].contains("Billet CA ") && line.objects[0] != line.objects[1], "{line:?}");
        std::fs::write(dir.path().join("ca.pem"), "rubbish").unwrap();
        let line = authority.reload(Timestamp(3)).await.unwrap();
        assert_eq!((line.status, line.objects.len(), authority.ca.trusted_names().len()), (500, 0, 2));
    }
}
