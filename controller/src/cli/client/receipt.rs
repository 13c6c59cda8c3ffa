//! Receipts.

use super::{Client, ClientError};
use billet_proto::InstanceId;
use serde::{Deserialize, Serialize};
use serde_json::Value;

/// An instance's receipt.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Receipt {
    /// What was signed, in compact form. This is what counts.
    pub jws: String,
    /// What it says, for people.
    pub receipt: Value,
}

impl Client {
    /// An instance's receipt.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn receipt(&self, id: InstanceId) -> Result<Receipt, ClientError> {
        self.get(self.project_url(&["instances", &id.to_string(), "receipt"])?).await
    }

    /// The key by which receipts are checked, a JWK.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn receipt_key(&self) -> Result<Value, ClientError> {
        self.get(self.project_url(&["receipt-key"])?).await
    }
}
