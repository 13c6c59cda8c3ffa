//! Booting a ramdisk: what every order does that needs one.

pub(super) mod power;
