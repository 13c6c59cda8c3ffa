//! The one table of errors: what went wrong, its status and the family's code. Own codes begin with iMetal.09.

use super::ports::{ImportRefusal, SecretsError};
use crate::{
    causes::chain,
    lifecycle::refusal::Refusal,
    password::HashError,
    request::{Invalid, Problems},
    store::StoreError,
};
use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde_json::json;
use std::error::Error;

/// Why a call was not done.
#[derive(Debug, thiserror::Error)]
pub enum ApiError {
    /// No credential, or no known one.
    #[error("Unauthorized: {why}")]
    Unauthorized {
        /// What is missing or wrong.
        why: &'static str,
        /// For `WWW-Authenticate`.
        challenge: Option<String>,
    },
    /// Whose the credential is cannot be asked now.
    #[error("the identity service does not answer; come again")]
    IdentityUnavailable,
    /// As many calls are in progress as may.
    #[error("too many calls are in progress; come again")]
    Overloaded,
    /// The caller may not.
    #[error("Insufficient permissions: {0}")]
    Forbidden(&'static str),
    /// Too often, or too much at once.
    #[error("Too many requests; come again in {retry_after} s")]
    TooMany {
        /// In seconds, at least 1.
        retry_after: u64,
    },
    /// Something named in the path is not there for this caller.
    #[error("{what} not found: [{id}]")]
    NotFound {
        /// Such as `images`.
        what: &'static str,
        /// As given.
        id: String,
    },
    /// No route.
    #[error("there is no such path")]
    NoSuchPath,
    /// A call of the family that is not built.
    #[error("this call is not built yet")]
    NotBuilt,
    /// A route with other methods.
    #[error("this path does not have that method")]
    MethodNotAllowed,
    /// The call took too long.
    #[error("the call took longer than {0} s")]
    Late(u64),
    /// The body is too long.
    #[error("the body is longer than {0} bytes")]
    TooLarge(usize),
    /// The body came too slowly.
    #[error("the body did not come within {0} s")]
    SlowBody(u64),
    /// The body did not come.
    #[error("read the body: {0}")]
    Body(String),
    /// The life cycle or the placement says no.
    #[error(transparent)]
    Refused(#[from] Refusal),
    /// What went wrong is ours; the log has it.
    #[error("Internal error")]
    Internal(#[source] Box<dyn Error + Send + Sync>),
}

impl ApiError {
    /// Status, the family's code, and the text.
    fn parts(&self) -> (StatusCode, &'static str, String) {
        use StatusCode as S;
        let text = self.to_string();
        match self {
            Self::Unauthorized { .. } => (S::UNAUTHORIZED, "iMetal.0003", text),
            Self::Forbidden(_) => (S::FORBIDDEN, "iMetal.0004", text),
            Self::TooMany { .. } => (S::TOO_MANY_REQUESTS, "iMetal.0005", text),
            Self::NotFound { what: "physical servers", .. } => (S::NOT_FOUND, "iMetal.0100", text),
            Self::NotFound { what: "instances", .. } => (S::NOT_FOUND, "iMetal.0200", text),
            Self::NotFound { .. } | Self::NoSuchPath => (S::NOT_FOUND, "iMetal.0904", text),
            Self::NotBuilt => (S::NOT_IMPLEMENTED, "iMetal.0951", text),
            Self::MethodNotAllowed => (S::METHOD_NOT_ALLOWED, "iMetal.0905", text),
            Self::TooLarge(_) => (S::PAYLOAD_TOO_LARGE, "iMetal.0906", text),
            Self::SlowBody(_) => (S::REQUEST_TIMEOUT, "iMetal.0907", text),
            Self::IdentityUnavailable => (S::SERVICE_UNAVAILABLE, "iMetal.0909", text),
            Self::Overloaded => (S::SERVICE_UNAVAILABLE, "iMetal.0910", text),
            Self::Late(_) => (S::SERVICE_UNAVAILABLE, "iMetal.0908", text),
            Self::Body(_) => (S::BAD_REQUEST, "iMetal.0001", text),
            Self::Refused(refusal) => refused(refusal),
            Self::Internal(_) => (S::INTERNAL_SERVER_ERROR, "iMetal.0099", text),
        }
    }
}

fn refused(refusal: &Refusal) -> (StatusCode, &'static str, String) {
    use StatusCode as S;
    match refusal {
        Refusal::Invalid(problems) if problems.invalid.is_empty() => {
            (S::BAD_REQUEST, "iMetal.0002", problems.to_string())
        }
        Refusal::Invalid(problems) => (S::BAD_REQUEST, "iMetal.0001", problems.to_string()),
        Refusal::ServersNotFound(ids) => {
            (S::NOT_FOUND, "iMetal.0100", format!("physical servers not found: [{}]", listed(ids)))
        }
        Refusal::ServersNotReady { ids, why } => {
            (S::BAD_REQUEST, "iMetal.0101", format!("physical servers not ready: [{}]: {why}", listed(ids)))
        }
        Refusal::InstancesNotFound(ids) => {
            (S::NOT_FOUND, "iMetal.0200", format!("instances not found: [{}]", listed(ids)))
        }
        Refusal::InstanceState { .. } => (S::BAD_REQUEST, "iMetal.0201", refusal.to_string()),
        Refusal::Quota { .. } => (S::BAD_REQUEST, "iMetal.0920", refusal.to_string()),
        Refusal::Store(StoreError::Busy) => ApiError::Overloaded.parts(),
        Refusal::Store(_) => (S::INTERNAL_SERVER_ERROR, "iMetal.0099", "Internal error".into()),
    }
}

fn listed(ids: &[impl std::fmt::Display]) -> String {
    crate::lifecycle::refusal::listed(ids)
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let (status, code, text) = self.parts();
        if status == StatusCode::INTERNAL_SERVER_ERROR {
            // The request's span names its id.
            tracing::error!(error = chain(&self), "a call failed");
        }
        let mut response = (status, Json(json!({ "error_code": code, "error_msg": text }))).into_response();
        if status == StatusCode::TOO_MANY_REQUESTS {
            let seconds = if let Self::TooMany { retry_after } = self { retry_after.max(1) } else { 1 };
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        } else if status == StatusCode::SERVICE_UNAVAILABLE {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(1));
        } else if let Self::Unauthorized { challenge: Some(text), .. } = &self
            && let Ok(value) = HeaderValue::from_str(text)
        {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        response
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Busy => Self::Overloaded,
            error => Self::Internal(Box::new(error)),
        }
    }
}
impl From<SecretsError> for ApiError {
    fn from(error: SecretsError) -> Self {
        Self::Internal(Box::new(error))
    }
}
impl From<Problems> for ApiError {
    fn from(problems: Problems) -> Self {
        Self::Refused(problems.into())
    }
}
impl From<Invalid> for ApiError {
    fn from(invalid: Invalid) -> Self {
        Self::Refused(invalid.into())
    }
}
impl From<HashError> for ApiError {
    fn from(error: HashError) -> Self {
        match error {
            HashError::Busy => Self::TooMany { retry_after: 1 },
            HashError::Failed => Self::Internal(Box::new(error)),
        }
    }
}
impl From<ImportRefusal> for ApiError {
    fn from(refusal: ImportRefusal) -> Self {
        match refusal {
            ImportRefusal::Invalid(invalid) => invalid.into(),
            ImportRefusal::Busy => Self::TooMany { retry_after: 30 },
            ImportRefusal::Refused(refusal) => refusal.into(),
            ImportRefusal::Failed(error) => Self::Internal(error),
        }
    }
}
