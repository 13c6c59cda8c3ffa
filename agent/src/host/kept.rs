//! A message of the protocol in a record on disk: its bytes as base64, so that fields which a later version adds are read as
//! the protocol reads them.

use base64::{Engine, engine::general_purpose::STANDARD};
use prost::Message;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de::Error};

/// A message that is kept.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Kept<T>(pub T);

impl<T> From<T> for Kept<T> {
    fn from(message: T) -> Self {
        Self(message)
    }
}

impl<T: Message> Serialize for Kept<T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        STANDARD.encode(self.0.encode_to_vec()).serialize(serializer)
    }
}

impl<'de, T: Message + Default> Deserialize<'de> for Kept<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let bytes = STANDARD.decode(String::deserialize(deserializer)?).map_err(D::Error::custom)?;
        T::decode(bytes.as_slice()).map(Self).map_err(D::Error::custom)
    }
}
