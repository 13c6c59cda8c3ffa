//! The authority's files, which are read again on demand: so an authority is replaced without a stop. And the certificates that it
//! issues for the listeners, which are made anew while they are good for long.

use super::rest::OwnCertificate;
use crate::{
    ca::{Ca, SERVER_VALIDITY},
    clock::{Edge, Timestamp},
    store::access::Audited,
};
use std::{sync::Arc, time::Duration};

/// How often the clock is looked at: somebody may have set it. A certificate is good from an hour before it was made.
const LOOK: Duration = Duration::from_secs(60 * 60);

/// The authority, and what is shown of it to callers of the REST API. The agents' door watches by itself.
#[derive(Clone)]
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

    /// Issues the listeners' certificates anew at half of their life, for ever; the first ones were issued just now.
    pub(super) async fn keep(self, edge: Edge) {
        let mut issued_at = edge.now();
        loop {
            tokio::time::sleep(LOOK).await;
            let now = edge.now();
            // One of a time to come, because the clock was set back, is not good yet.
            if now >= issued_at && now.since(issued_at) < SERVER_VALIDITY / 2 {
                continue;
            }
            match self.renew().await {
                Ok(()) => {
                    tracing::info!("the listeners' certificates are made anew");
                    issued_at = now;
                }
                Err(error) => {
                    tracing::error!(error = format!("{error:#}"), "the REST API's certificate is not made anew")
                }
            }
        }
    }

    async fn renew(&self) -> anyhow::Result<()> {
        self.ca.reissue();
        match &self.rest {
            Some(rest) => rest.renew(&self.ca).await,
            None => Ok(()),
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
    use crate::{
        ca::replace,
        clock::{Clock, SystemEntropy},
        config::{self, Tls},
        daemon::rest::Rest,
    };
    use std::sync::atomic::{AtomicU64, Ordering};

    const DAY: Duration = Duration::from_secs(24 * 60 * 60);

    /// A clock that is set by hand.
    struct Hands(AtomicU64);

    impl Clock for Hands {
        fn now(&self) -> Timestamp {
            Timestamp(self.0.load(Ordering::Relaxed))
        }
        fn passed(&self) -> Duration {
            Duration::from_millis(self.0.load(Ordering::Relaxed))
        }
    }

    impl Hands {
        async fn set(&self, to: Timestamp) {
            self.0.store(to.0, Ordering::Relaxed);
            // Virtual time, and enough for whoever looks at the clock.
            tokio::time::sleep(LOOK * 2).await;
        }
    }

    #[tokio::test(start_paused = true)]
    async fn the_listeners_certificates_are_made_anew_at_half_of_their_life_and_where_the_clock_was_set_back() {
        let (dir, start) = (tempfile::tempdir().unwrap(), Timestamp(1_800_000_000_000));
        let hands = Arc::new(Hands(AtomicU64::new(start.0)));
        let edge = Edge { clock: hands.clone(), entropy: Arc::new(SystemEntropy) };
        let ca = Arc::new(Ca::load_or_create(dir.path(), &edge).unwrap());
        let listener = config::Rest { listen: "127.0.0.1:0".parse().unwrap(), tls: Tls::OwnCa, names: vec![] };
        let own = Rest::open(&listener, &ca).await.unwrap().own_certificate().unwrap();
        let (mut door, mut shown) = (ca.changes(), own.shown());
        tokio::spawn(Authority::new(ca, Some(own.clone())).keep(edge));
        hands.set(start).await;
        let half = SERVER_VALIDITY / 2;
        for (at, is_due) in [
            (start.after(half - DAY), false),
            (start.after(half), true),
            (start.after(half + DAY), false),
            (start.after(half * 2), true),
            (start, true),
            (start.after(DAY), false),
        ] {
            hands.set(at).await;
            assert_eq!(door.has_changed().unwrap(), is_due, "{at}");
            assert_eq!(!Arc::ptr_eq(&shown, &own.shown()), is_due, "{at}");
            door.mark_unchanged();
            shown = own.shown();
        }
    }

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
