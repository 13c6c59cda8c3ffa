//! What a BMC says of itself that an operating system's root could have changed: an in-band path, such as IPMI's KCS, asks
//! for no password.

use super::{BootOverride, UserName};
use std::{collections::BTreeMap, fmt};

/// What a BMC says of itself. Never a password, nor anything from which one could be guessed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Baseline {
    /// Version of its firmware.
    pub firmware_version: Option<String>,
    /// All accounts, by slot; none where it does not tell them.
    pub users: Vec<User>,
    /// Settings of its network and of who may come by it, by name; none that is secret.
    pub lan: BTreeMap<String, String>,
    /// What it makes the machine boot from.
    pub boot_override: Option<BootOverride>,
    /// What it does not know, or does not let this account read.
    pub not_told: Vec<String>,
}

impl Baseline {
    /// Whether it told nothing at all.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { firmware_version, users, lan, boot_override, not_told: _ } = self;
        firmware_version.is_none() && users.is_empty() && lan.is_empty() && boot_override.is_none()
    }
}

/// The privilege limit of an account that may do nothing (IPMI v2.0 §22.26).
pub const NO_ACCESS: u8 = 15;

/// An account, in IPMI's words.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct User {
    /// 1 to 63.
    pub slot: u8,
    /// None where the BMC does not tell it, as some do of an empty slot.
    pub name: Option<UserName>,
    /// Whether it is in use.
    pub state: UserState,
    /// The highest privilege: 1 callback, 2 user, 3 operator, 4 administrator, 5 OEM, [`NO_ACCESS`].
    pub privilege: u8,
    /// Whether sessions may be opened with it.
    pub ipmi_messaging: bool,
    /// Whether it counts for the link's own authentication (PPP).
    pub link_authentication: bool,
    /// Whether the BMC only calls it back.
    pub callback_only: bool,
}

impl User {
    /// Whether somebody with its password has a session.
    #[must_use]
    pub fn lets_in(&self) -> bool {
        self.state != UserState::Disabled && self.ipmi_messaging && (1..NO_ACCESS).contains(&self.privilege)
    }

    /// Whether that is its name.
    #[must_use]
    pub fn is_named(&self, name: &str) -> bool {
        self.name.is_some_and(|own| own.is(name))
    }

    /// Whether the access is the same, whatever the name is.
    #[must_use]
    pub fn has_access_of(&self, other: &Self) -> bool {
        let of = |user: &Self| (user.privilege, user.ipmi_messaging, user.link_authentication, user.callback_only);
        of(self) == of(other)
    }
}

impl fmt::Display for User {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "account {}", self.slot)?;
        self.name.map_or(Ok(()), |name| write!(f, " '{name}'"))
    }
}

/// Whether an account is in use.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum UserState {
    /// The BMC does not say.
    #[default]
    NotTold,
    /// It is.
    Enabled,
    /// It lets nobody in.
    Disabled,
}
