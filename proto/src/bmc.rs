//! What a BMC says of itself: whom its accounts let in.

use crate::link::{BmcUser, BmcUserState};

/// The privilege limit of an account that may do nothing (IPMI v2.0 §22.26).
const NO_ACCESS: u32 = 15;

impl BmcUser {
    /// Whether somebody with its password has a session.
    #[must_use]
    pub fn lets_in(&self) -> bool {
        self.state() != BmcUserState::Disabled && self.ipmi_messaging && (1..NO_ACCESS).contains(&self.privilege)
    }
}
