//! A server's BMC, in Redfish's words.
//!
//! Purpose: power and boot order of one server, whatever protocol its BMC speaks; today IPMI over LAN (`ipmi`).
//! And what an operating system's root could have changed in it, to be compared and put right.
//! Non-goals: sensors, logs, consoles, updates of firmware.
//! Invariants: every call ends within a deadline of its own; no power action is repeated without reading the state
//! in between; no password is in any error, log or `Debug`.

mod baseline;
mod commands;
mod ensure;
mod error;
mod ipmi;
mod login;
pub mod quirks;
mod restore;
mod rmcpplus;
mod user_name;

pub use baseline::{Baseline, NO_ACCESS, User, UserState};
pub use ensure::{
    IdentityProof, OverrideProof, check_identity, ensure, ensure_off, ensure_on, seen, set_and_verify_override,
};
pub use error::{BmcError, Retry};
pub use ipmi::{IpmiBmc, IpmiOptions};
pub use login::{Login, Rotate};
pub use quirks::Quirk;
pub use restore::{Restored, restore_users};
pub use user_name::UserName;

use futures_util::future::BoxFuture;
use std::{fmt, net::SocketAddr};
use uuid::Uuid;

/// Whether a server has power (Redfish `PowerState`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerState {
    /// It runs, or at least its power supply does.
    On,
    /// Only the BMC has power.
    Off,
}

/// A power action (Redfish `ResetType`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ResetType {
    /// Power up; nothing when it is on.
    On,
    /// Take the power away at once.
    ForceOff,
    /// Reset without taking the power away.
    ForceRestart,
    /// Off, a pause, on.
    PowerCycle,
    /// Ask the operating system to shut down (ACPI button); it may not.
    GracefulShutdown,
}

/// What to boot from (Redfish `BootSourceOverrideTarget`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootTarget {
    /// What firmware's own order says.
    None,
    /// The network.
    Pxe,
    /// The default disk.
    Hdd,
    /// Something else that somebody asked the BMC for; it can be read and not be set.
    Other,
}

/// For how long an override holds (Redfish `BootSourceOverrideEnabled`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootEnabled {
    /// For the next boot.
    Once,
    /// Until changed.
    Continuous,
    /// Not at all.
    Disabled,
}

/// How firmware boots (Redfish `BootSourceOverrideMode`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BootMode {
    /// UEFI.
    Uefi,
    /// BIOS.
    Legacy,
}

/// A boot override.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BootOverride {
    /// What to boot from.
    pub target: BootTarget,
    /// For how long.
    pub enabled: BootEnabled,
    /// In which mode; `None` leaves that to firmware where the protocol can say so (IPMI cannot: it means BIOS there).
    pub mode: Option<BootMode>,
}

impl BootOverride {
    /// The override for the next boot only.
    #[must_use]
    pub fn once(target: BootTarget, mode: Option<BootMode>) -> Self {
        Self { target, enabled: BootEnabled::Once, mode }
    }
    /// No override.
    #[must_use]
    pub fn disabled() -> Self {
        Self { target: BootTarget::None, enabled: BootEnabled::Disabled, mode: None }
    }
}

impl fmt::Display for BootOverride {
    /// For people, and to be compared: `none`, or such as `network once uefi`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let target = match self.target {
            BootTarget::None => return f.write_str("none"),
            BootTarget::Pxe => "network",
            BootTarget::Hdd => "disk",
            BootTarget::Other => "other",
        };
        let enabled = match self.enabled {
            BootEnabled::Once => "once",
            BootEnabled::Continuous => "continuous",
            BootEnabled::Disabled => return f.write_str("none"),
        };
        let mode = match self.mode {
            Some(BootMode::Uefi) => " uefi",
            Some(BootMode::Legacy) => " bios",
            None => "",
        };
        write!(f, "{target} {enabled}{mode}")
    }
}

/// What a BMC says of the machine that it is in.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Identity {
    /// Its UUID, in the order in which the bytes came: see [`quirks::same_uuid_in_some_byte_order`].
    pub uuid: Option<Uuid>,
    /// Its chassis' or product's serial number.
    pub serial: Option<String>,
}

/// An account at a BMC, as errors name it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Where the BMC answers.
    pub address: SocketAddr,
    /// The account.
    pub user: String,
}

impl fmt::Display for Peer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "BMC {} as {}", self.address, self.user)
    }
}

/// A BMC. Each call has a deadline of its own and may be repeated by the caller; calls on one BMC wait for each other.
pub trait Bmc: Send + Sync {
    /// Which BMC this is, for messages.
    fn peer(&self) -> &Peer;

    /// Asks of which machine it is the BMC.
    ///
    /// # Errors
    /// When the BMC does not answer or refuses.
    fn identity(&self) -> BoxFuture<'_, Result<Identity, BmcError>>;

    /// Reads whether the machine has power.
    ///
    /// # Errors
    /// When the BMC does not answer or refuses.
    fn power_state(&self) -> BoxFuture<'_, Result<PowerState, BmcError>>;

    /// Does a power action and returns when the BMC took it, not when it is done.
    ///
    /// # Errors
    /// [`BmcError::Uncertain`] when a restart was sent and the answer was lost: it may or may not have happened.
    fn reset(&self, action: ResetType) -> BoxFuture<'_, Result<(), BmcError>>;

    /// Sets the boot override; it is not read back here.
    ///
    /// # Errors
    /// When the BMC does not answer or refuses.
    fn set_boot_override<'a>(&'a self, wanted: &'a BootOverride) -> BoxFuture<'a, Result<(), BmcError>>;

    /// Reads the boot override.
    ///
    /// # Errors
    /// When the BMC does not answer or refuses.
    fn boot_override(&self) -> BoxFuture<'_, Result<BootOverride, BmcError>>;

    /// Reads what an operating system's root could have changed. One that cannot be asked tells an empty one.
    ///
    /// # Errors
    /// When the BMC does not answer. What it does not know is [`Baseline::not_told`], and no error.
    fn baseline(&self) -> BoxFuture<'_, Result<Baseline, BmcError>>;

    /// Makes an account, which `is` something else, what is `wanted`; it is not read back here.
    ///
    /// # Errors
    /// When the BMC does not answer or refuses.
    fn restore_user<'a>(&'a self, wanted: &'a User, is: &'a User) -> BoxFuture<'a, Result<(), BmcError>>;

    /// Gives the BMC its session back; the next call opens another.
    fn close(&self) -> BoxFuture<'_, ()>;
}
