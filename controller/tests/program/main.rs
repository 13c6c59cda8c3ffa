//! The controller's program, as an operator runs it: each test has a folder, and daemons and commands of its own.

#![expect(clippy::unwrap_used, reason = "in a test a panic is the report")]

mod authority;
mod backup;
mod damaged;
mod misconfigured;
mod site;
