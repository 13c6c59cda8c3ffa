//! Whole orders, from the controller's message to its end, at a BMC and with a ramdisk that the test plays.

mod baseline;
mod changed_configuration;
mod chassis;
mod crash_table;
mod leaving;
mod losing;
mod over;
mod power;
mod rack;
mod ramdisk;
mod superseding;
mod unopened;
mod unreadable;
