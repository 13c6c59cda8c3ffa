//! A change of the password that ends anywhere, at a BMC that the test plays.

use super::*;
use secrecy::ExposeSecret;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::Path,
    sync::{Mutex as StdMutex, MutexGuard},
    time::Duration,
};

/// Where the agent ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Crash {
    BeforeTold,
    AfterTold,
    BeforeTried,
    AfterTried,
}

const CRASHES: [Crash; 4] = [Crash::BeforeTold, Crash::AfterTold, Crash::BeforeTried, Crash::AfterTried];

/// What the BMC is, whatever becomes of the agent.
#[derive(Debug, Default)]
struct Device {
    password: String,
    refused_logins: u32,
    crash: Option<Crash>,
    /// It does as it is told, and its answer is lost.
    loses_answer: bool,
    /// It hears nothing of what it is told.
    is_deaf: bool,
    /// It says yes, and cuts the password.
    cuts: bool,
    refuses: bool,
}

struct Fake {
    peer: Peer,
    device: Arc<StdMutex<Device>>,
    using: StdMutex<String>,
}

impl Fake {
    fn device(&self) -> MutexGuard<'_, Device> {
        self.device.lock().unwrap()
    }

    fn log_in(&self, password: &str) -> Result<(), BmcError> {
        let mut device = self.device();
        if device.password == password {
            return Ok(());
        }
        device.refused_logins += 1;
        Err(BmcError::AuthFailed { peer: self.peer.clone(), reason: "as the test says" })
    }

    /// The agent ends here, if it is to.
    async fn end_at(&self, crash: Crash) {
        if self.device().crash == Some(crash) {
            std::future::pending::<()>().await;
        }
    }

    fn tell(&self, password: &str) -> Result<(), BmcError> {
        let mut device = self.device();
        let (peer, doing) = (self.peer.clone(), "change the password");
        if device.refuses {
            return Err(BmcError::Refused { peer, doing, code: 0xcc, reason: "as the test says" });
        }
        if !device.is_deaf {
            device.password = password.chars().take(if device.cuts { 15 } else { 20 }).collect();
        }
        // What follows is as it should be: once is enough.
        device.cuts = false;
        let (is_lost, source) = (device.loses_answer || device.is_deaf, None);
        if is_lost { Err(BmcError::Unreachable { peer, doing, source }) } else { Ok(()) }
    }
}

impl Bmc for Fake {
    fn peer(&self) -> &Peer {
        &self.peer
    }
    fn identity(&self) -> BoxFuture<'_, Result<Identity, BmcError>> {
        Box::pin(async { Ok(Identity::default()) })
    }
    fn power_state(&self) -> BoxFuture<'_, Result<PowerState, BmcError>> {
        let using = self.using.lock().unwrap().clone();
        Box::pin(async move { self.log_in(&using).map(|()| PowerState::Off) })
    }
    fn reset(&self, _: ResetType) -> BoxFuture<'_, Result<(), BmcError>> {
        Box::pin(async { Ok(()) })
    }
    fn set_boot_override<'a>(&'a self, _: &'a BootOverride) -> BoxFuture<'a, Result<(), BmcError>> {
        Box::pin(async { Ok(()) })
    }
    fn boot_override(&self) -> BoxFuture<'_, Result<BootOverride, BmcError>> {
        Box::pin(async { Ok(BootOverride::disabled()) })
    }
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {})
    }
}

impl Login for Fake {
    fn try_password<'a>(&'a self, password: &'a SecretString) -> BoxFuture<'a, Result<(), BmcError>> {
        Box::pin(async {
            self.end_at(Crash::BeforeTried).await;
            let tried = self.log_in(password.expose_secret());
            self.end_at(Crash::AfterTried).await;
            tried
        })
    }
    fn set_password<'a>(&'a self, password: &'a SecretString) -> BoxFuture<'a, Result<(), BmcError>> {
        Box::pin(async {
            self.end_at(Crash::BeforeTold).await;
            let told = self.tell(password.expose_secret());
            self.end_at(Crash::AfterTold).await;
            told
        })
    }
    fn use_password(&self, password: SecretString) -> BoxFuture<'_, ()> {
        *self.using.lock().unwrap() = password.expose_secret().to_owned();
        Box::pin(async {})
    }
}

/// A BMC, and the folder of the agent that has its password.
struct Site {
    dir: tempfile::TempDir,
    device: Arc<StdMutex<Device>>,
}

impl Site {
    fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let configured = dir.path().join("configured");
        fs::write(&configured, "first").unwrap();
        fs::set_permissions(&configured, fs::Permissions::from_mode(0o400)).unwrap();
        let device = Device { password: "first".into(), ..Device::default() };
        Self { dir, device: Arc::new(StdMutex::new(device)) }
    }

    fn device(&self) -> MutexGuard<'_, Device> {
        self.device.lock().unwrap()
    }

    fn password(&self) -> BmcPassword {
        let id = "0198170e-4ca7-7000-8000-000000000001".parse().unwrap();
        BmcPassword::open(self.dir.path(), id, &self.dir.path().join("configured")).unwrap()
    }

    /// The agent starts.
    fn start(&self) -> Keyed {
        let peer = Peer { address: "192.0.2.1:623".parse().unwrap(), user: "billet".into() };
        let using = StdMutex::new(self.password().current().unwrap().expose_secret().to_owned());
        Keyed::new(Arc::new(Fake { peer, device: self.device.clone(), using }), self.password())
    }

    fn has_next(&self) -> bool {
        self.password().next().unwrap().is_some()
    }
}

async fn lets_in(agent: &Keyed) -> bool {
    agent.power_state().await.is_ok()
}

#[tokio::test]
async fn a_changed_password_is_the_one_and_nothing_is_left_of_the_change() {
    let site = Site::new();
    let agent = site.start();
    agent.change_password().await.unwrap();
    assert!(lets_in(&agent).await && lets_in(&site.start()).await);
    let now = site.device().password.clone();
    assert!(now != "first" && now == site.password().current().unwrap().expose_secret());
    assert_eq!((site.device().refused_logins, site.has_next()), (0, false));
}

#[tokio::test(start_paused = true)]
async fn wherever_the_agent_ends_while_the_password_is_changed_it_gets_in_at_its_next_start() {
    for crash in CRASHES {
        let site = Site::new();
        site.device().crash = Some(crash);
        let agent = site.start();
        let ended = tokio::time::timeout(Duration::from_secs(60), agent.change_password()).await;
        assert!(ended.is_err(), "{crash:?}: it ended before");
        drop(agent);
        site.device().crash = None;
        let agent = site.start();
        assert!(lets_in(&agent).await, "{crash:?}");
        assert!(site.device().refused_logins <= 1, "{crash:?}: more wrong passwords may lock the account");
        // It is not half-way for ever: the next change goes well, and so does the start after it.
        agent.change_password().await.unwrap();
        assert!(lets_in(&site.start()).await && !site.has_next(), "{crash:?}");
    }
}

#[tokio::test]
async fn a_file_that_was_half_written_is_not_looked_at() {
    let site = Site::new();
    site.password();
    let half = Path::new("bmc/0198170e-4ca7-7000-8000-000000000001.password.next.new");
    fs::write(site.dir.path().join(half), "ha").unwrap();
    let agent = site.start();
    assert!(lets_in(&agent).await);
    agent.change_password().await.unwrap();
    assert!(lets_in(&site.start()).await);
}

#[tokio::test]
async fn an_answer_that_was_lost_is_found_out_by_a_login() {
    let site = Site::new();
    site.device().loses_answer = true;
    site.start().change_password().await.unwrap();
    assert!(lets_in(&site.start()).await);
    assert_ne!(site.device().password, "first");

    let site = Site::new();
    site.device().is_deaf = true;
    let agent = site.start();
    agent.change_password().await.unwrap_err();
    site.device().is_deaf = false;
    assert!(lets_in(&agent).await && lets_in(&site.start()).await);
    assert_eq!(site.device().password, "first");
}

#[tokio::test]
async fn a_bmc_that_says_yes_and_keeps_another_password_gets_the_one_before_again() {
    let site = Site::new();
    site.device().cuts = true;
    let agent = site.start();
    let error = agent.change_password().await.unwrap_err();
    assert_eq!(error.cause(), "bmc_auth_failed");
    assert_eq!((site.device().password.as_str(), site.has_next()), ("first", false));
    assert!(lets_in(&agent).await && lets_in(&site.start()).await);
}

#[tokio::test]
async fn a_bmc_that_refuses_keeps_the_one_before_and_is_not_logged_in_to_again() {
    let site = Site::new();
    site.device().refuses = true;
    let agent = site.start();
    assert_eq!(agent.change_password().await.unwrap_err().cause(), "bmc_refused");
    assert_eq!((site.device().refused_logins, site.has_next()), (0, false));
    assert!(lets_in(&agent).await);
}

#[tokio::test(start_paused = true)]
async fn the_next_password_is_tried_once_and_no_more() {
    let site = Site::new();
    site.device().crash = Some(Crash::BeforeTold);
    let _ = tokio::time::timeout(Duration::from_secs(60), site.start().change_password()).await;
    // Somebody gave the account a third one.
    *site.device() = Device { password: "third".into(), ..Device::default() };
    let agent = site.start();
    for refused in [2, 3, 4] {
        assert!(!lets_in(&agent).await);
        assert_eq!(site.device().refused_logins, refused);
    }
    // It may have been the BMC that let nobody in for a while: the password is still there.
    assert!(site.has_next());
}
