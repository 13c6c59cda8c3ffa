//! Deterministic simulation: the real controller (life cycle, store, agents' door) and the real agents (sessions, workers,
//! orders, ramdisks' door), with real gRPC over TLS, on a simulated network with simulated BMCs, machines and tenants; in
//! virtual time, from one seed.
//!
//! Each process has a tokio runtime of its own with a paused clock. [`world`] moves all of them forward by the same small
//! step, then delivers what the network holds: so a process can be killed by dropping its runtime, whatever it was waiting
//! for, and nothing depends on the real time or on the real scheduler. What is random comes from [`random`], also where the
//! standard library asks the kernel ([`entropy`]). The program gives each seed a process of its own, because some libraries count
//! what they make in their whole process.
//! Non-goals: SQLite's own crash safety (unit tests and the laboratory kill real processes), and bytes of images.

pub mod agent;
pub mod bmc;
pub mod controller;
pub mod entropy;
pub mod faults;
pub mod invariants;
pub mod journal;
pub mod ledger;
pub mod machine;
pub mod network;
pub mod process;
pub mod promise;
pub mod rack;
pub mod ramdisk;
pub mod random;
pub mod secrets;
pub mod snapshot;
pub mod spell;
pub mod stream;
pub mod time;
pub mod traffic;
pub mod world;
