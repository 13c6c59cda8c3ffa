//! The store's promises, each tried against real SQLite.

mod access;
mod crash;
mod records;
mod rules;
mod sample;
