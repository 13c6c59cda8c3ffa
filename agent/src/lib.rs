//! The agent: a daemon on a rack host ([`host`]), and PID 1 of the ramdisk ([`ramdisk`]) from the same static binary.

pub mod bmc;
pub mod boot;
use billet_proto::causes;
pub mod config;
pub mod dial;
pub mod disk;
pub mod host;
pub mod inject;
mod listener;
pub mod network;
pub mod probe;
pub mod ramdisk;
pub mod system;
