//! SQLite's errors in the store's words.

use crate::store::StoreError;
use rusqlite::{Error, ffi};

/// SQLite's words for a unique index that refused, and ours.
const TAKEN: [(&str, &str); 12] = [
    ("instance.server_id", "server"),
    ("reservation.vpc_id, reservation.address", "address"),
    ("reservation.address", "parameter-plane address"),
    ("parameter_plane_subnet.rail", "rail"),
    ("agent.name", "agent name"),
    ("agent.certificate_sha256", "agent certificate"),
    ("join_token.secret_sha256", "join token"),
    ("instance.id", "instance id"),
    ("server.id", "server id"),
    ("agent.id", "agent id"),
    ("image.id", "image id"),
    ("client_token.project_id, client_token.caller, client_token.token", "client token"),
];

impl From<Error> for StoreError {
    fn from(error: Error) -> Self {
        match taken(&error) {
            Some(what) => Self::Taken(what),
            None => Self::Database(Box::new(error)),
        }
    }
}

fn taken(error: &Error) -> Option<&'static str> {
    let Error::SqliteFailure(code, Some(message)) = error else { return None };
    if ![ffi::SQLITE_CONSTRAINT_UNIQUE, ffi::SQLITE_CONSTRAINT_PRIMARYKEY].contains(&code.extended_code) {
        return None;
    }
    let columns = message.strip_prefix("UNIQUE constraint failed: ")?;
    Some(TAKEN.into_iter().find(|(known, _)| *known == columns).map_or("row", |(_, word)| word))
}
