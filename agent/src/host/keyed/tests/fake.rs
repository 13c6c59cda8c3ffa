//! A BMC that the test plays, and the agent's folder beside it.

use crate::host::{bmc_password::BmcPassword, keyed::*};
use secrecy::ExposeSecret;
use std::{
    fs,
    os::unix::fs::PermissionsExt,
    path::PathBuf,
    sync::{Mutex as StdMutex, MutexGuard},
};
use tokio::sync::Notify;

/// What is wrong with a BMC.
#[derive(Debug, Clone, Default)]
pub(super) struct Ways {
    /// A session goes on when the password is another.
    pub(super) sessions_outlive: bool,
    /// It does as it is told, and its answer is lost.
    pub(super) loses_answer: bool,
    /// It does as it is told, and refuses when it is told again.
    pub(super) does_then_refuses: bool,
    /// It hears nothing of what it is told.
    pub(super) is_deaf: bool,
    /// It refuses.
    pub(super) refuses: bool,
    /// It says yes, and cuts the password.
    pub(super) cuts: bool,
    /// It says yes, and has the password so many logins later.
    pub(super) late_by: u32,
    /// So many of the passwords that are tried, it does not answer to.
    pub(super) unreachable: u32,
    /// So many of them, it has no session for.
    pub(super) has_no_session: u32,
}

/// What happens to the agent at one of its calls, before it or after it.
#[derive(Debug, Clone)]
pub(super) enum Stop {
    /// It ends, and nothing of it goes on.
    Killed,
    /// It waits until the test lets it go on.
    Held(Arc<Notify>),
}

/// What the BMC is, whatever becomes of the agent.
#[derive(Debug, Default)]
pub(super) struct Device {
    pub(super) password: String,
    pub(super) ways: Ways,
    /// Where the account's sessions ended last.
    changes: u32,
    pub(super) refused_logins: u32,
    /// Since one was let in, and the most that there were.
    pub(super) refused_in_a_row: (u32, u32),
    /// Calls that were made and answered.
    pub(super) points: usize,
    pub(super) stop: Option<(usize, Stop)>,
    /// What it was told, and the logins until it has that.
    late: Option<(String, u32)>,
    /// A folder is put in this place when a password lets somebody in that was tried.
    pub(super) obstacle: Option<PathBuf>,
}

struct Fake {
    peer: Peer,
    device: Arc<StdMutex<Device>>,
    using: StdMutex<String>,
    /// The open session, by the changes that there were.
    session: StdMutex<Option<u32>>,
}

impl Fake {
    fn device(&self) -> MutexGuard<'_, Device> {
        self.device.lock().unwrap()
    }

    fn log_in(&self, password: &str) -> Result<(), BmcError> {
        let mut device = self.device();
        let is_right = device.password == password;
        if let Some((told, left)) = device.late.take() {
            if left > 1 {
                device.late = Some((told, left - 1));
            } else {
                device.password = told;
                device.changes += 1;
            }
        }
        if is_right {
            device.refused_in_a_row.0 = 0;
            return Ok(());
        }
        device.refused_logins += 1;
        let (now, most) = device.refused_in_a_row;
        device.refused_in_a_row = (now + 1, most.max(now + 1));
        Err(BmcError::AuthFailed { peer: self.peer.clone(), reason: "as the test says" })
    }

    /// By the session that is open, or another.
    fn in_session(&self) -> Result<(), BmcError> {
        let is_open = {
            let device = self.device();
            self.session.lock().unwrap().is_some_and(|at| device.ways.sessions_outlive || at == device.changes)
        };
        if !is_open {
            let using = self.using.lock().unwrap().clone();
            self.log_in(&using)?;
            *self.session.lock().unwrap() = Some(self.device().changes);
        }
        Ok(())
    }

    /// One side of a call.
    async fn point(&self) {
        let stop = {
            let mut device = self.device();
            device.points += 1;
            let points = device.points;
            device.stop.clone().filter(|(at, _)| *at == points)
        };
        match stop {
            Some((_, Stop::Killed)) => std::future::pending().await,
            Some((_, Stop::Held(gate))) => gate.notified().await,
            None => {}
        }
    }

    fn unreachable(&self, doing: &'static str) -> BmcError {
        BmcError::Unreachable { peer: self.peer.clone(), doing, source: None }
    }

    fn refusal(&self, code: u8) -> BmcError {
        BmcError::Refused { peer: self.peer.clone(), doing: "do it", code, reason: "as the test says" }
    }

    fn tell(&self, password: &str) -> Result<(), BmcError> {
        self.in_session()?;
        let mut device = self.device();
        let ways = device.ways.clone();
        if ways.refuses {
            return Err(self.refusal(0xcc));
        }
        if ways.late_by > 0 {
            device.late = Some((password.to_owned(), ways.late_by));
        } else if !ways.is_deaf {
            device.late = None;
            device.password = password.chars().take(if ways.cuts { 15 } else { 20 }).collect();
            device.changes += 1;
        }
        // What follows is as it should be: once is enough.
        device.ways.cuts = false;
        match ways {
            Ways { does_then_refuses: true, .. } => Err(self.refusal(0xcc)),
            Ways { loses_answer: true, .. } | Ways { is_deaf: true, .. } => {
                Err(self.unreachable("change the password"))
            }
            _ => Ok(()),
        }
    }

    fn try_now(&self, password: &str) -> Result<(), BmcError> {
        {
            let mut device = self.device();
            if device.ways.unreachable > 0 {
                device.ways.unreachable -= 1;
                return Err(self.unreachable("open a session"));
            }
            if device.ways.has_no_session > 0 {
                device.ways.has_no_session -= 1;
                return Err(self.refusal(0x01));
            }
        }
        self.log_in(password)?;
        if let Some(path) = self.device().obstacle.take() {
            fs::create_dir(path).unwrap();
        }
        Ok(())
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
        Box::pin(async {
            self.point().await;
            let state = self.in_session().map(|()| PowerState::Off);
            self.point().await;
            state
        })
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
    fn baseline(&self) -> BoxFuture<'_, Result<Baseline, BmcError>> {
        Box::pin(async { Ok(Baseline::default()) })
    }
    fn restore_user<'a>(&'a self, _: &'a User, _: &'a User) -> BoxFuture<'a, Result<(), BmcError>> {
        Box::pin(async { Ok(()) })
    }
    fn close(&self) -> BoxFuture<'_, ()> {
        Box::pin(async {
            *self.session.lock().unwrap() = None;
        })
    }
}

impl Login for Fake {
    fn try_password<'a>(&'a self, password: &'a SecretString) -> BoxFuture<'a, Result<(), BmcError>> {
        Box::pin(async {
            self.point().await;
            let tried = self.try_now(password.expose_secret());
            self.point().await;
            tried
        })
    }
    fn set_password<'a>(&'a self, password: &'a SecretString) -> BoxFuture<'a, Result<(), BmcError>> {
        Box::pin(async {
            self.point().await;
            let told = self.tell(password.expose_secret());
            self.point().await;
            told
        })
    }
    fn use_password(&self, password: SecretString) -> BoxFuture<'_, ()> {
        Box::pin(async move {
            *self.using.lock().unwrap() = password.expose_secret().to_owned();
            self.close().await;
        })
    }
}

/// A BMC, and the folder of the agent that has its password.
pub(super) struct Site {
    pub(super) dir: tempfile::TempDir,
    device: Arc<StdMutex<Device>>,
}

impl Site {
    pub(super) fn new() -> Self {
        Self::of(Ways::default())
    }

    pub(super) fn of(ways: Ways) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let configured = dir.path().join("configured");
        fs::write(&configured, "first").unwrap();
        fs::set_permissions(&configured, fs::Permissions::from_mode(0o400)).unwrap();
        let device = Device { password: "first".into(), ways, ..Device::default() };
        Self { dir, device: Arc::new(StdMutex::new(device)) }
    }

    pub(super) fn device(&self) -> MutexGuard<'_, Device> {
        self.device.lock().unwrap()
    }

    pub(super) fn password(&self) -> BmcPassword {
        let id = "0198170e-4ca7-7000-8000-000000000001".parse().unwrap();
        BmcPassword::open(self.dir.path(), id, &self.dir.path().join("configured")).unwrap()
    }

    /// The agent starts.
    pub(super) fn start(&self) -> Keyed {
        let peer = Peer { address: "192.0.2.1:623".parse().unwrap(), user: "billet".into() };
        let using = StdMutex::new(self.password().current().unwrap().expose_secret().to_owned());
        let (device, session) = (self.device.clone(), StdMutex::new(None));
        Keyed::new(Arc::new(Fake { peer, device, using, session }), self.password())
    }

    pub(super) fn has_next(&self) -> bool {
        self.password().next().unwrap().is_some()
    }

    /// Whether the BMC's password is one of those on disk.
    pub(super) fn is_kept(&self) -> bool {
        let now = self.device().password.clone();
        let kept = self.password();
        let is_it = |password: &SecretString| password.expose_secret() == now;
        is_it(&kept.current().unwrap()) || kept.next().unwrap().as_ref().is_some_and(is_it)
    }
}
