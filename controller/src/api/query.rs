//! Values of a call's query; what does not parse is refused with its name, rule and value.

use crate::request::Invalid;
use std::{collections::HashMap, fmt::Display, str::FromStr};

/// An id of the query.
pub(super) fn id<Id: FromStr>(query: &HashMap<String, String>, field: &str) -> Result<Option<Id>, Invalid> {
    let text = query.get(field).filter(|text| !text.is_empty());
    text.map(|text| text.parse().map_err(|_| Invalid::new(field, "must be an id", text))).transpose()
}

/// A number of the query within its bounds.
pub(super) fn number<N: FromStr + PartialOrd + Display + Copy>(
    query: &HashMap<String, String>,
    field: &str,
    default: N,
    min: N,
    max: N,
) -> Result<N, Invalid> {
    let Some(text) = query.get(field).filter(|text| !text.is_empty()) else { return Ok(default) };
    let parsed = text.parse().ok().filter(|n| (min..=max).contains(n));
    parsed.ok_or_else(|| Invalid::new(field, format!("must be a number from {min} to {max}"), text))
}

/// Whether the query says `FIELD=true`.
pub(super) fn flag(query: &HashMap<String, String>, field: &str) -> Result<bool, Invalid> {
    match query.get(field).map(String::as_str) {
        Some("true") => Ok(true),
        None | Some("" | "false") => Ok(false),
        Some(other) => Err(Invalid::new(field, "must be true or false", other)),
    }
}
