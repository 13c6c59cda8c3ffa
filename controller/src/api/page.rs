//! Pages of a list: `limit` and `marker`.

use super::query::{id, number};
use crate::request::Invalid;
use axum::{
    http::header::CONTENT_TYPE,
    response::{IntoResponse, Response},
};
use serde_json::{Value, json};
use std::{collections::HashMap, fmt::Display, str::FromStr};

/// The family's: fewer are not given, and so many when nothing was asked for.
const MIN_LIMIT: u32 = 10;
const MAX_LIMIT: u32 = 1000;

/// What a caller asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wanted<Id> {
    pub(super) limit: u32,
    pub(super) marker: Option<Id>,
}

impl<Id: FromStr> Wanted<Id> {
    pub(super) fn of(query: &HashMap<String, String>) -> Result<Self, Invalid> {
        let limit = number(query, "limit", MIN_LIMIT, 0, u32::MAX)?.clamp(MIN_LIMIT, MAX_LIMIT);
        Ok(Self { limit, marker: id(query, "marker")? })
    }
}

/// Networks and images are few and small: a page holds all of most projects'.
const MANY: u32 = 2000;

impl<Id: FromStr> Wanted<Id> {
    /// As the family's VPC service counts: 1 to 2000, and 2000 when nothing was asked for.
    pub(super) fn of_many(query: &HashMap<String, String>) -> Result<Self, Invalid> {
        Ok(Self { limit: number(query, "limit", MANY, 1, MANY)?, marker: id(query, "marker")? })
    }
}

/// Cuts a list that was read one longer than its page; answers the last id of the page when there is more.
pub(super) fn cut<T, Id>(list: &mut Vec<T>, limit: u32, id: impl FnOnce(&T) -> Id) -> Option<Id> {
    let more = list.len() > limit as usize;
    list.truncate(limit as usize);
    list.last().filter(|_| more).map(id)
}

/// A page of a list that tells its total, as it goes out: `{NAME: [...], "page_info": {...}, "count": ...}`.
///
/// It is made where the rows are read, so that however many callers wait, no more pages are in memory as rows and trees than
/// there are threads that read; what waits to be sent is text.
#[derive(Debug)]
pub(super) struct Page(Vec<u8>);

impl Page {
    /// The entries are moved in; `json!` would copy each.
    pub(super) fn new(name: &str, entries: Vec<Value>, next_marker: Option<impl Display>, count: u64) -> Self {
        let mut answer = json!({ "page_info": info(entries.len(), next_marker), "count": count });
        answer[name] = Value::Array(entries);
        Self(answer.to_string().into_bytes())
    }
}

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        ([(CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

/// The family's `page_info`: a next marker only when there is more.
pub(super) fn info(current_count: usize, next_marker: Option<impl Display>) -> Value {
    let mut info = json!({ "current_count": current_count });
    if let Some(marker) = next_marker {
        info["next_marker"] = marker.to_string().into();
    }
    info
}
