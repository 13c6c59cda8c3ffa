//! Booting a ramdisk: what every order does that needs one. Power, the network boot, enlisting by a token of this boot's
//! own, its calls, and the way back to "off" when something fails.

pub(super) mod abandon;
mod enlist;
mod plan;
mod power;
mod serve;

pub(super) use enlist::{enlist, right_machine};
pub(super) use plan::{Plan, ports};
pub(super) use power::on;
pub(super) use serve::{Serves, Session, serve};
