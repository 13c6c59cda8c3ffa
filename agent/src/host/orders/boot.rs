//! Booting a ramdisk: what every order does that needs one. Power, the network boot, enlisting by a token of this boot's
//! own, its calls, and the way back to "off" when something fails.

pub(super) mod abandon;
pub(super) mod again;
mod enlist;
mod plan;
mod power;
mod serve;
mod watch;

pub(super) use again::AtWork;
use enlist::{enlist, right_machine};
pub(super) use plan::{Plan, ports};
use power::on;
use serve::serve;
pub(super) use serve::{Serves, Session};
pub(super) use watch::Watch;
