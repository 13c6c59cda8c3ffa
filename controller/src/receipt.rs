//! An instance's birth certificate: what was installed where and how that is known, signed by the controller.
//!
//! It is a JWS in compact form (RFC 7515) with Ed25519 (RFC 8037), so that any library can check it, offline and after
//! the controller is gone. The controller's key for it is its own, and signs nothing else.
//!
//! A disk that was erased has a receipt of the same form and key; its payload says `"kind": "wipe"`, which an
//! instance's does not have.
//!
//! Invariants: a receipt is made in the transaction in which an installation or a wipe ends well, so that what runs,
//! and what was erased, has one; a lost key is never replaced by a new one behind those who hold receipts.

mod content;
mod erased;
mod jws;
mod key;

pub use content::{renew, show};
pub use erased::erased;
pub use jws::{PublicKey, VerifyError};
pub use key::{ReceiptKey, ReceiptKeyError};

#[cfg(test)]
mod tests;
