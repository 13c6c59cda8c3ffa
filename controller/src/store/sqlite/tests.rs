//! The store's promises, each tried against real SQLite.

mod access;
mod crash;
mod networks;
mod records;
mod rules;
mod sample;
