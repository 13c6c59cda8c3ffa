//! An error's body.

use utoipa::ToSchema;

/// Why a call was not done.
#[derive(ToSchema)]
pub(in crate::api) struct CallError {
    /// The family's code; Billet's own begin with `iMetal.09`.
    #[schema(pattern = "^iMetal\\.[0-9]{4}$", example = "iMetal.0001")]
    error_code: String,
    /// For a person: the field, its rule and what was given.
    #[schema(example = "invalid or unsupported value: name: must have 1 to 63 characters (given: )")]
    error_msg: String,
}
