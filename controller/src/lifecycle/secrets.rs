//! What of an instance is sealed at rest, under which name, and opening it again.

use crate::{
    api::ports::{Secrets, SecretsError},
    seal::{Sealed, Sealer},
    store::record::Instance,
};
use billet_proto::InstanceId;
use std::{collections::BTreeMap, sync::Arc};
use zeroize::Zeroizing;

/// Seals and opens an instance's secrets; each is bound to its row.
#[derive(Clone)]
pub struct InstanceSecrets(Arc<Sealer>);

fn row(id: InstanceId, what: &str) -> String {
    format!("instance/{id}/{what}")
}

impl InstanceSecrets {
    /// With the key of `sealer`.
    pub fn new(sealer: Arc<Sealer>) -> Self {
        Self(sealer)
    }

    pub(super) fn seal_password(&self, id: InstanceId, hash: &str) -> Sealed {
        self.0.seal(&row(id, "password"), hash.as_bytes())
    }

    pub(super) fn seal_next_password(&self, id: InstanceId, hash: &str) -> Sealed {
        self.0.seal(&row(id, "next-password"), hash.as_bytes())
    }

    pub(super) fn seal_metadata(&self, id: InstanceId, pairs: &BTreeMap<String, String>) -> Option<Sealed> {
        if pairs.is_empty() {
            return None;
        }
        let json = Zeroizing::new(serde_json::to_vec(pairs).expect("pairs of texts have a JSON form"));
        Some(self.0.seal(&row(id, "metadata"), &json))
    }

    pub(super) fn seal_user_data(&self, id: InstanceId, data: &[u8]) -> Sealed {
        self.0.seal(&row(id, "user-data"), data)
    }

    pub(super) fn password(&self, instance: &Instance) -> Result<Zeroizing<String>, SecretsError> {
        let sealed = instance.password_hash.as_ref().ok_or_else(|| SecretsError("it was forgotten".into()))?;
        self.text(&row(instance.id, "password"), sealed)
    }

    /// The hash that waits for the next boot; none where none does.
    pub(super) fn next_password(&self, instance: &Instance) -> Result<Option<Zeroizing<String>>, SecretsError> {
        let sealed = instance.next_password_hash.as_ref();
        sealed.map(|sealed| self.text(&row(instance.id, "next-password"), sealed)).transpose()
    }

    fn text(&self, row: &str, sealed: &Sealed) -> Result<Zeroizing<String>, SecretsError> {
        let bytes = self.0.open(row, sealed).map_err(|e| SecretsError(e.into()))?;
        let text = std::str::from_utf8(&bytes).map_err(|e| SecretsError(e.into()))?;
        Ok(Zeroizing::new(text.to_owned()))
    }
}

impl Secrets for InstanceSecrets {
    fn metadata(&self, instance: &Instance) -> Result<BTreeMap<String, String>, SecretsError> {
        let Some(sealed) = &instance.metadata else { return Ok(BTreeMap::new()) };
        let bytes = self.0.open(&row(instance.id, "metadata"), sealed).map_err(|e| SecretsError(e.into()))?;
        serde_json::from_slice(&bytes).map_err(|_| SecretsError("it is not the JSON that was sealed".into()))
    }

    fn user_data(&self, instance: &Instance) -> Result<Option<Zeroizing<Vec<u8>>>, SecretsError> {
        let Some(sealed) = &instance.user_data else { return Ok(None) };
        let bytes = self.0.open(&row(instance.id, "user-data"), sealed).map_err(|e| SecretsError(e.into()))?;
        Ok(Some(Zeroizing::new(bytes.to_vec())))
    }
}

impl std::fmt::Debug for InstanceSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("InstanceSecrets")
    }
}
