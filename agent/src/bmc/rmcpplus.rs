//! RMCP+: IPMI v2.0 sessions over UDP (§13), cipher suites 17 and 3.
//!
//! Purpose: carry IPMI commands with encryption and integrity to a BMC on a lossy network.
//! Own and not ipmi-rs's: that has neither suite 17, retransmission, matching of replies, replay window nor Close
//! Session, is administrator only, and panics where the network is unreachable. Its command types are used as they are.
//! Non-goals: IPMI 1.5 sessions, serial over LAN, suites without encryption or integrity.
//!
//! [`handshake`], [`session`] and what they use take bytes and give bytes: no socket, no clock, no randomness of their
//! own. [`driver`] is the only part that waits.
//! Invariants: nothing of a BMC is believed before its code was compared (in constant time); the BMC cannot change
//! the algorithms that were asked for; a packet is taken once.

mod driver;
mod handshake;
mod message;
mod packet;
mod session;
mod status;
mod suite;
mod window;

pub(super) use driver::{Account, CallError, Connection, Patience};
pub(super) use handshake::HandshakeError;
pub(super) use status::status_text;
pub(super) use suite::Suite;
