//! Each kind of message with each field set, as the protocol is since 2026-11-30.
//!
//! A line is named for its message and what it has of its alternatives; `every_field.rs` reads the message from it.

mod agent;
mod controller;
mod host;
mod parts;
mod ramdisk;
