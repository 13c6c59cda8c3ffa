//! The store's promises, each tried against real SQLite.

mod crash;
mod networks;
mod records;
mod rules;
mod sample;
