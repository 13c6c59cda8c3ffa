//! Images in the making.

use crate::clock::Timestamp;
use billet_proto::{ImageId, ProjectId};

/// An image that is being fetched, or could not be. When it is whole, an image of the same id takes its place.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImageImport {
    /// UUIDv7; the image's.
    pub id: ImageId,
    /// Whose the image becomes; none: shared by an operator.
    pub project_id: Option<ProjectId>,
    /// In whose path it was asked for: there it is seen.
    pub by_project: ProjectId,
    /// 1 to 128 characters.
    pub name: String,
    /// `Linux`, `Windows` or `Other`.
    pub os_type: String,
    /// From where, without what may be secret in it: user information and query.
    pub url: String,
    /// What the raw image's SHA-256 must be, hex.
    pub sha256: Option<String>,
    /// How far it is.
    pub status: ImportStatus,
    /// Why it was killed; empty while it was not.
    pub reason: String,
    /// When it was accepted.
    pub created_at: Timestamp,
    /// When it was killed.
    pub ended_at: Option<Timestamp>,
}

/// How far an import is, in the family's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ImportStatus {
    /// Waits for others to end.
    Queued,
    /// Is being fetched.
    Saving,
    /// Could not be.
    Killed,
}

impl ImportStatus {
    /// Its word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Saving => "saving",
            Self::Killed => "killed",
        }
    }
    /// The status with that word.
    pub fn from_word(word: &str) -> Option<Self> {
        [Self::Queued, Self::Saving, Self::Killed].into_iter().find(|status| status.as_str() == word)
    }
}
