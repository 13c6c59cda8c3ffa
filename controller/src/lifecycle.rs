//! The life cycle in three layers that never mix: the pure [`table`], the [`driver`], and one file for each operation.
//!
//! An operation is a function over a transaction and `rules::Rules`: it reads, decides, writes, and answers. The driver
//! gives it the time, runs it, and tells agents and watchers afterwards; nothing is sent before it is on disk.

mod addressing;
mod baseline;
mod cancel;
mod certify;
mod change_password;
mod choose;
mod claim;
mod create;
mod create_batch;
mod delete;
pub mod driver;
mod event;
mod expire;
mod image_access;
mod inspect;
mod inventory;
mod machines;
mod maintain;
mod modify_ip;
mod operation;
mod order;
pub mod power;
pub mod refusal;
mod register;
mod rehearse;
mod reinstall;
mod remove;
mod replace_agent;
mod replace_machine;
mod report;
mod resend;
mod restored;
mod retry;
mod revoke;
mod rules;
pub mod secrets;
pub mod server_event;
pub(crate) mod server_power;
mod server_table;
mod server_tags;
pub mod table;
mod tags;
mod task;
mod waiting;
mod wipe;
mod word;

pub(crate) use addressing::pick_address;
pub(crate) use claim::HelloError;
pub use driver::{Dispatch, Lifecycle, Parts};
pub use power::PowerAction;
pub use rehearse::Would;
pub use replace_agent::Replaced;
pub use restored::Doubted;
pub(crate) use restored::doubt;
pub(crate) use rules::Rules;
pub(crate) use server_table::is_vouched_for;
pub(crate) use word::Withheld;

#[cfg(test)]
pub(crate) mod tests;
