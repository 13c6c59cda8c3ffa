//! The store's promises, each tried against real SQLite.

mod access;
mod crash;
mod images;
mod networks;
mod records;
mod rules;
pub(super) mod sample;
mod statements;
