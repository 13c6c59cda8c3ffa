//! An instance's birth certificate: what was installed where and how that is known, signed by the controller.
//!
//! It is a JWS in compact form (RFC 7515) with Ed25519 (RFC 8037), so that any library can check it, offline and after
//! the controller is gone. The controller's key for it is its own, and signs nothing else.
//!
//! Invariants: a receipt is made in the transaction in which an installation ends well, so that what runs has one; a
//! lost key is never replaced by a new one behind those who hold receipts.

mod content;
mod jws;
mod key;

pub use content::{renew, show};
pub use jws::{PublicKey, VerifyError};
pub use key::{ReceiptKey, ReceiptKeyError};

#[cfg(test)]
mod tests;
