//! The controller's configuration: `controller.toml` as typed values.
//!
//! [`Config::parse`] is pure and reports every problem at once, each with its line and key. It walks the TOML tree
//! itself, because a derived deserializer would stop at the first.

mod access;
mod images;
mod problem;
mod section;
mod wipe_methods;

pub use access::{Audit, Auth, BaseUrl, Keystone};
pub use images::Images;
pub use problem::{ConfigErrors, Problem};
pub use wipe_methods::WipeMethods;

use crate::{quota, store::access::Quota};
use problem::Problems;
use section::Section;
use std::{
    io,
    net::{IpAddr, SocketAddr},
    path::{Path, PathBuf},
    time::Duration,
};

/// Longer than any configuration.
const MAX_FILE_BYTES: u64 = 1 << 20;
/// The longest that a step may take; more is a typing error.
const MAX_DEADLINE_SECONDS: u64 = 7 * 24 * 60 * 60;
/// As many names as a certificate should carry.
const MAX_NAMES: usize = 64;

/// All that the controller is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Config {
    /// Folder of the database, the keys and the images.
    pub state_dir: PathBuf,
    /// Who may call the API, and as whom.
    pub tokens_file: PathBuf,
    /// The REST API.
    pub rest: Rest,
    /// The agents' door.
    pub link: Link,
    /// What callers may use up.
    pub limits: Limits,
    /// What the operator allows.
    pub policy: Policy,
    /// From where images may be fetched.
    pub images: Images,
    /// When a step becomes an error.
    pub deadlines: Deadlines,
    /// How callers say who they are.
    pub auth: Auth,
    /// How Keystone is asked.
    pub keystone: Keystone,
    /// How much a project may have that no operator said more of.
    pub quota: Quota,
    /// The audit log.
    pub audit: Audit,
}

/// The REST API's listener.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rest {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Whose certificate it shows.
    pub tls: Tls,
    /// DNS names and IP addresses in the own certificate, beside `localhost` and loopback.
    pub names: Vec<String>,
}

/// Whose certificate the REST API shows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Tls {
    /// One of the controller's own authority, issued at each start, and anew at half of its life.
    OwnCa,
    /// The operator's.
    Files {
        /// PEM: leaf first, then its chain.
        certificate: PathBuf,
        /// PEM.
        key: PathBuf,
    },
    /// None: plain HTTP, on loopback only.
    Off,
}

/// The agents' listener (gRPC, mutual TLS by the own authority).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Where it listens.
    pub listen: SocketAddr,
    /// DNS names and IP addresses by which agents reach it.
    pub names: Vec<String>,
}

/// What callers may use up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Requests each second and token.
    pub requests_per_second: u32,
    /// Requests at once and token.
    pub burst: u32,
    /// Passwords hashed at once.
    pub password_hash_threads: usize,
    /// Calls in progress, without those that wait for events.
    pub calls_at_once: usize,
    /// Open connections to the API.
    pub connections: usize,
}

/// What the operator allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Policy {
    /// A server that nothing wiped goes back to the pool all the same.
    pub allow_unwiped_reuse: bool,
    /// How long a terminated instance is kept for the record.
    pub terminated_retention: Duration,
    /// How a whole disk may be erased.
    pub wipe_methods: WipeMethods,
}

/// When a step becomes an error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Deadlines {
    /// An agent takes the order.
    pub dispatch: Duration,
    /// Power on for a network boot.
    pub power: Duration,
    /// Firmware and ramdisk start.
    pub boot: Duration,
    /// The ramdisk looks at the machine.
    pub inspect: Duration,
    /// The image is written.
    pub write: Duration,
    /// The installed OS is configured.
    pub configure: Duration,
    /// Ports are moved, and the server leaves the ramdisk.
    pub hand_over: Duration,
    /// The host key answers.
    pub verify: Duration,
    /// A release powers off and detaches.
    pub power_off: Duration,
    /// A wipe's part that does not grow with the disks.
    pub wipe_base: Duration,
    /// The slowest that disks are erased in full, all of a server together: the rest of a wipe's deadline.
    pub wipe_bytes_per_second: u64,
}

impl Default for Config {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self {
            state_dir: "/var/lib/billet-controller".into(),
            tokens_file: "/etc/billet/tokens.toml".into(),
            rest: Rest { listen: ([0, 0, 0, 0], 8443).into(), tls: Tls::OwnCa, names: Vec::new() },
            link: Link { listen: ([0, 0, 0, 0], 8444).into(), names: Vec::new() },
            limits: Limits {
                requests_per_second: 20,
                burst: 40,
                password_hash_threads: 2,
                calls_at_once: 256,
                connections: 2048,
            },
            policy: Policy {
                allow_unwiped_reuse: false,
                terminated_retention: seconds(24 * 60 * 60),
                wipe_methods: WipeMethods::ALL,
            },
            images: Images::default(),
            deadlines: Deadlines {
                dispatch: seconds(300),
                power: seconds(600),
                boot: seconds(900),
                inspect: seconds(120),
                write: seconds(3600),
                configure: seconds(300),
                hand_over: seconds(120),
                verify: seconds(900),
                power_off: seconds(300),
                wipe_base: seconds(600),
                wipe_bytes_per_second: 50_000_000,
            },
            auth: Auth::default(),
            keystone: Keystone::default(),
            quota: quota::DEFAULT,
            audit: Audit::default(),
        }
    }
}

/// Why there is no configuration.
#[derive(Debug, thiserror::Error)]
pub enum LoadError {
    /// The file cannot be read.
    #[error("read the configuration {path}")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// What stands in it cannot be used.
    #[error("use the configuration {path}:\n{problems}")]
    Problems {
        /// Which file.
        path: PathBuf,
        /// All of them; a part of the text, because each line is for the operator.
        problems: ConfigErrors,
    },
}

impl Config {
    /// Reads the file.
    ///
    /// # Errors
    /// When it cannot be read, or what stands in it cannot be used.
    pub fn load(path: &Path) -> Result<Self, LoadError> {
        let text = crate::seal::file::read(path, MAX_FILE_BYTES)
            .map_err(|source| LoadError::File { path: path.to_owned(), source })?;
        Self::parse(&text).map_err(|problems| LoadError::Problems { path: path.to_owned(), problems })
    }

    /// Reads the text; what it does not say is as in [`Config::default`].
    ///
    /// # Errors
    /// Every problem found, in the order of the lines.
    pub fn parse(text: &str) -> Result<Self, ConfigErrors> {
        let problems = Problems::new(text);
        let config = Self::read(&problems);
        problems.none_or(config)
    }

    fn read(problems: &Problems<'_>) -> Self {
        let default = Self::default();
        let mut top = Section::of_text(problems);
        let config = Self {
            state_dir: top.path("state_dir", default.state_dir),
            tokens_file: top.path("tokens_file", default.tokens_file),
            rest: read_rest(top.section("rest"), default.rest),
            link: read_link(top.section("link"), default.link),
            limits: read_limits(top.section("limits"), default.limits),
            policy: read_policy(top.section("policy"), default.policy),
            images: images::read(top.section("images"), &default.images),
            deadlines: read_deadlines(top.section("deadlines"), default.deadlines),
            auth: access::read_auth(top.section("auth")),
            keystone: access::read_keystone(top.section("keystone")),
            quota: access::read_quota(top.section("quota")),
            audit: access::read_audit(top.section("audit")),
        };
        if collide(config.rest.listen, config.link.listen) {
            top.problem("link", &format!("rest.listen and link.listen are both on port {}", config.link.listen.port()));
        }
        top.finish();
        config
    }
}

fn read_rest(mut section: Section<'_>, default: Rest) -> Rest {
    let listen = section.listen("listen", default.listen);
    let tls = section.tls("tls", default.tls);
    if tls == Tls::Off && !listen.ip().is_loopback() {
        section.problem("tls", "\"off\" needs a loopback address in rest.listen: tokens would travel in clear");
    }
    let rest = Rest { listen, tls, names: section.names("names", MAX_NAMES) };
    if matches!(rest.tls, Tls::Files { .. } | Tls::Off) && !rest.names.is_empty() {
        section.problem("names", "names go into the own certificate, so they need tls = \"own-ca\"");
    }
    section.finish();
    rest
}

fn read_link(mut section: Section<'_>, default: Link) -> Link {
    let link = Link { listen: section.listen("listen", default.listen), names: section.names("names", MAX_NAMES) };
    section.finish();
    link
}

fn read_limits(mut section: Section<'_>, default: Limits) -> Limits {
    let number = |section: &mut Section<'_>, key, default: u32, most: u32| {
        let value = section.integer(key, default.into(), 1..=most.into());
        u32::try_from(value).expect("the range is one of 32 bits")
    };
    let small = |size: usize| u32::try_from(size).expect("the default is small");
    let limits = Limits {
        requests_per_second: number(&mut section, "requests_per_second", default.requests_per_second, 1_000_000),
        burst: number(&mut section, "burst", default.burst, 1_000_000),
        password_hash_threads: number(&mut section, "password_hash_threads", small(default.password_hash_threads), 64)
            as usize,
        calls_at_once: number(&mut section, "calls_at_once", small(default.calls_at_once), 65_536) as usize,
        connections: number(&mut section, "connections", small(default.connections), 65_536) as usize,
    };
    section.finish();
    limits
}

fn read_policy(mut section: Section<'_>, default: Policy) -> Policy {
    const HOUR: u64 = 60 * 60;
    let hours = default.terminated_retention.as_secs() / HOUR;
    let policy = Policy {
        allow_unwiped_reuse: section.boolean("allow_unwiped_reuse", default.allow_unwiped_reuse),
        // Ten years: longer is for an archive.
        terminated_retention: Duration::from_secs(
            section.integer("terminated_retention_hours", hours, 0..=87_600) * HOUR,
        ),
        wipe_methods: wipe_methods::read(&mut section, default.wipe_methods),
    };
    section.finish();
    policy
}

fn read_deadlines(mut section: Section<'_>, default: Deadlines) -> Deadlines {
    // From one slow disk to a shelf of fast ones.
    let wipe_bytes_per_second =
        section.integer("wipe_bytes_per_second", default.wipe_bytes_per_second, 1_000_000..=1_000_000_000_000);
    let mut seconds =
        |key, default: Duration| Duration::from_secs(section.integer(key, default.as_secs(), 1..=MAX_DEADLINE_SECONDS));
    let deadlines = Deadlines {
        dispatch: seconds("dispatch", default.dispatch),
        power: seconds("power", default.power),
        boot: seconds("boot", default.boot),
        inspect: seconds("inspect", default.inspect),
        write: seconds("write", default.write),
        configure: seconds("configure", default.configure),
        hand_over: seconds("hand_over", default.hand_over),
        verify: seconds("verify", default.verify),
        power_off: seconds("power_off", default.power_off),
        wipe_base: seconds("wipe_base", default.wipe_base),
        wipe_bytes_per_second,
    };
    section.finish();
    deadlines
}

/// Whether the second listener could not be bound. Port 0 is any free one.
fn collide(one: SocketAddr, other: SocketAddr) -> bool {
    let everywhere = |ip: IpAddr| ip.is_unspecified();
    one.port() != 0
        && one.port() == other.port()
        && (one.ip() == other.ip() || everywhere(one.ip()) || everywhere(other.ip()))
}

#[cfg(test)]
mod tests;
