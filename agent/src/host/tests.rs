//! Whole orders, from the controller's message to its end, at a BMC and with a ramdisk that the test plays.

mod chassis;
mod leaving;
mod no_room;
mod power;
mod rack;
mod ramdisk;
mod superseding;
