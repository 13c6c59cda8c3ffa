//! Years in moments: an authority of the test's own, and its clock.

use super::*;
use crate::host::identity::paths;
use rcgen::{BasicConstraints, CertificateParams, CertificateSigningRequestParams, IsCa, Issuer, KeyPair};
use std::{
    collections::VecDeque,
    os::unix::fs::PermissionsExt as _,
    sync::{Mutex, MutexGuard},
};
use tonic::Status;

const DAY: Duration = Duration::from_secs(24 * 60 * 60);
/// Time begins here: 2026-01-01.
const BEGIN: Duration = Duration::from_secs(1_767_225_600);

struct Authority {
    issuer: Issuer<'static, KeyPair>,
    ca_pem: String,
}

impl Authority {
    fn new() -> Self {
        let key = KeyPair::generate().unwrap();
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
        let ca_pem = params.self_signed(&key).unwrap().pem();
        Self { issuer: Issuer::new(params, key), ca_pem }
    }

    /// Good for so many days from `now` on.
    fn sign(&self, csr_pem: &str, now: SystemTime, days: u32) -> String {
        let request = CertificateSigningRequestParams::from_pem(csr_pem).unwrap();
        let mut params = CertificateParams::new(vec!["agent".into()]).unwrap();
        (params.not_before, params.not_after) = (now.into(), (now + DAY * days).into());
        params.signed_by(&request.public_key, &self.issuer).unwrap().pem()
    }
}

/// The controller: answers what the test told it to, and notes when it was asked.
struct Played {
    authority: Authority,
    began: Instant,
    asked: Mutex<Vec<Duration>>,
    adopted: Mutex<Vec<Identity>>,
    failures: Mutex<VecDeque<Status>>,
    advice: watch::Sender<Advice>,
}

impl Played {
    fn now(&self) -> SystemTime {
        SystemTime::UNIX_EPOCH + BEGIN + self.began.elapsed()
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap()
}

impl Controller for Arc<Played> {
    async fn renew(&self, csr_pem: String) -> Result<RenewReply, Status> {
        lock(&self.asked).push(self.began.elapsed());
        if let Some(failure) = lock(&self.failures).pop_front() {
            return Err(failure);
        }
        let certificate_pem = self.authority.sign(&csr_pem, self.now(), 100);
        Ok(RenewReply { certificate_pem, ca_pem: self.authority.ca_pem.clone() })
    }
    fn adopt(&self, identity: &Identity) -> anyhow::Result<()> {
        lock(&self.adopted).push(identity.clone());
        Ok(())
    }
    fn advice(&self) -> watch::Receiver<Advice> {
        self.advice.subscribe()
    }
}

struct Agent {
    controller: Arc<Played>,
    alarm: watch::Receiver<Option<u64>>,
    state_dir: tempfile::TempDir,
    _stop: watch::Sender<bool>,
}

impl Agent {
    /// One that joined now, with a certificate for 100 days; the controller's first answers are these failures.
    fn new(failures: usize) -> Self {
        Self::whose_clock_is_ahead(Duration::ZERO, failures)
    }

    fn whose_clock_is_ahead(ahead: Duration, failures: usize) -> Self {
        let state_dir = tempfile::tempdir().unwrap();
        let controller = Arc::new(Played {
            authority: Authority::new(),
            began: Instant::now(),
            asked: Mutex::default(),
            adopted: Mutex::default(),
            failures: Mutex::new((0..failures).map(|_| Status::unavailable("away")).collect()),
            advice: watch::channel(Advice::default()).0,
        });
        let key = KeyPair::generate().unwrap();
        let request = CertificateParams::new(Vec::new()).unwrap().serialize_request(&key).unwrap().pem().unwrap();
        let certificate = controller.authority.sign(&request, controller.now(), 100);
        // As joining leaves it: in two files.
        let [certificate_path, key_path, ca_path] = paths(state_dir.path());
        std::fs::write(&certificate_path, certificate).unwrap();
        std::fs::write(&key_path, key.serialize_pem()).unwrap();
        std::fs::write(&ca_path, &controller.authority.ca_pem).unwrap();
        let identity = Identity::load(state_dir.path()).unwrap().unwrap();
        let (alarm_told, alarm) = watch::channel(None);
        let (stop, stopped) = watch::channel(false);
        let clock = controller.clone();
        let renewer = Renewer {
            controller: controller.clone(),
            identity,
            state_dir: state_dir.path().to_owned(),
            now: Arc::new(move || clock.now() + ahead),
            alarm: alarm_told,
        };
        tokio::spawn(renewer.run(stopped));
        Self { controller, alarm, state_dir, _stop: stop }
    }

    fn asked(&self) -> Vec<Duration> {
        lock(&self.controller.asked).clone()
    }

    fn adopted(&self) -> Vec<Identity> {
        lock(&self.controller.adopted).clone()
    }

    fn kept(&self) -> Identity {
        Identity::load(self.state_dir.path()).unwrap().unwrap()
    }
}

#[tokio::test(start_paused = true)]
async fn a_certificate_is_renewed_at_half_its_life_and_the_next_at_half_of_its_own() {
    let agent = Agent::new(0);
    tokio::time::sleep(DAY * 50 - Duration::from_secs(60)).await;
    assert!(agent.asked().is_empty());
    tokio::time::sleep(DAY * 51).await;
    let asked = agent.asked();
    let days: Vec<_> = asked.iter().map(|at| days(*at + Duration::from_secs(60))).collect();
    assert_eq!(days, [50, 100], "{asked:?}");
    assert_eq!(*agent.alarm.borrow(), None);
}

#[tokio::test(start_paused = true)]
async fn a_renewed_certificate_is_on_disk_with_its_key_before_it_is_used() {
    let agent = Agent::new(0);
    let before = agent.kept();
    tokio::time::sleep(DAY * 51).await;
    let (kept, adopted) = (agent.kept(), agent.adopted());
    assert_eq!(adopted.len(), 1);
    assert_eq!((&kept.certificate_pem, &kept.key_pem), (&adopted[0].certificate_pem, &adopted[0].key_pem));
    assert_ne!(kept.lifetime, before.lifetime);
    let [certificate, key, _] = paths(agent.state_dir.path());
    assert_eq!(std::fs::metadata(certificate).unwrap().permissions().mode() & 0o777, 0o600);
    assert!(!key.exists(), "the key of the one before");
}

#[tokio::test(start_paused = true)]
async fn a_failure_is_tried_again_after_pauses_that_grow_to_an_hour_and_the_last_quarter_is_told() {
    let agent = Agent::new(10_000);
    tokio::time::sleep(DAY * 52).await;
    let asked = agent.asked();
    let pauses: Vec<_> = asked.windows(2).map(|pair| pair[1] - pair[0]).collect();
    assert!((24..=110).contains(&asked.len()), "in two days: {}", asked.len());
    assert!(pauses.iter().all(|pause| *pause >= FIRST_PAUSE / 2 && *pause <= MAX_PAUSE), "{pauses:?}");
    assert!(pauses.windows(2).any(|pair| pair[0] != pair[1]), "jittered: {pauses:?}");
    assert_eq!(*agent.alarm.borrow(), None, "half of it is left");
    tokio::time::sleep(DAY * 25).await;
    assert_eq!(*agent.alarm.borrow(), Some(23));
    lock(&agent.controller.failures).clear();
    tokio::time::sleep(MAX_PAUSE * 2).await;
    assert_eq!((agent.adopted().len(), *agent.alarm.borrow()), (1, None), "the controller is back");
}

#[tokio::test(start_paused = true)]
async fn what_the_controller_names_is_trusted_and_what_cannot_be_read_is_not() {
    let agent = Agent::new(0);
    let before = agent.kept();
    let both = format!("{}{}", before.ca_pem, Authority::new().ca_pem);
    agent.controller.advice.send_replace(Advice { ca_pem: both.clone(), renew: false });
    tokio::time::sleep(Duration::from_secs(1)).await;
    assert_eq!(agent.kept().ca_pem, both);
    assert_eq!(agent.adopted().pop().unwrap().ca_pem, both);
    for bad in ["rubbish", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"] {
        agent.controller.advice.send_replace(Advice { ca_pem: bad.into(), renew: false });
        tokio::time::sleep(Duration::from_secs(1)).await;
        assert_eq!(agent.kept().ca_pem, both, "{bad}");
    }
    assert!(agent.asked().is_empty());
}

#[tokio::test(start_paused = true)]
async fn a_controller_that_asks_for_it_gets_the_certificate_renewed_once_and_not_each_moment() {
    let agent = Agent::new(0);
    for _ in 0..100 {
        agent.controller.advice.send_replace(Advice { ca_pem: String::new(), renew: true });
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
    let asked = agent.asked();
    assert!((2..=4).contains(&asked.len()), "{asked:?}");
    assert!(asked[0] < Duration::from_secs(2), "{asked:?}");
}

#[tokio::test(start_paused = true)]
async fn where_the_clock_is_wrong_and_each_certificate_seems_old_one_is_asked_for_no_oftener_than_each_half_hour() {
    let agent = Agent::whose_clock_is_ahead(DAY * 90, 0);
    tokio::time::sleep(DAY).await;
    let asked = agent.asked().len();
    assert!((24..=49).contains(&asked), "in a day: {asked}");
}

#[test]
fn a_certificate_of_another_key_is_refused() {
    let authority = Authority::new();
    let [mine, other] = [(); 2].map(|()| KeyPair::generate().unwrap());
    let request = CertificateParams::new(Vec::new()).unwrap().serialize_request(&other).unwrap().pem().unwrap();
    let certificate = authority.sign(&request, SystemTime::now(), 100);
    let refused = Identity::new(certificate.clone(), mine.serialize_pem(), authority.ca_pem.clone());
    assert!(format!("{:#}", refused.unwrap_err()).contains("not of the agent's key"));
    assert!(Identity::new(certificate, other.serialize_pem(), String::new()).is_err(), "nobody to trust");
}
