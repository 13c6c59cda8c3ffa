//! Calls to the controller's API, with typed answers. One file for each noun.
//!
//! Invariants: each call has a deadline, each answer a bound; a redirection is never followed, because the token is for
//! this endpoint alone; nothing here prints or waits for a person.

mod agent;
mod call;
mod client_token;
mod document;
mod error;
mod event;
mod image;
mod instance;
mod live;
mod network;
mod page;
mod receipt;
mod server;
mod tls;

pub use agent::{Agent, JoinToken};
pub use client_token::{ClientToken, ClientTokenError};
pub use document::Place;
pub use error::{ClientError, Refusal, Retry};
pub use event::Event;
pub use image::{Image, NewImage};
pub use instance::{ImageSummary, Instance, InstanceError, InstanceNic, NewInstance, NewNic, NewTag, Placement};
pub use live::{Live, Opened};
pub use network::{NewSubnet, NewVpc, Subnet, Vpc};
pub use receipt::Receipt;
pub use server::{Registration, Server};

use super::{
    endpoint::Endpoint,
    settings::{Settings, SettingsError},
};
use billet_proto::ProjectId;
use reqwest::header::HeaderValue;
use secrecy::ExposeSecret as _;
use std::{fmt, time::Duration};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// The controller closes a connection on which no call comes for 30 s; while an image is read, that is not noticed.
const IDLE_TIMEOUT: Duration = Duration::from_secs(10);
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);

/// The controller, as one caller sees it.
pub struct Client {
    http: reqwest::Client,
    endpoint: Endpoint,
    project: Option<ProjectId>,
    token: HeaderValue,
    answer_timeout: Duration,
}

impl Client {
    /// Prepares calls; nothing is sent yet. Reads the authority's file.
    ///
    /// # Errors
    /// When the authority or the token cannot be used.
    pub fn new(settings: &Settings) -> Result<Self, SettingsError> {
        let mut token = HeaderValue::from_str(settings.token.expose_secret()).map_err(|_| SettingsError::TokenText)?;
        if token.to_str().is_err() {
            return Err(SettingsError::TokenText);
        }
        token.set_sensitive(true);
        let builder = reqwest::Client::builder()
            .user_agent(concat!("billet/", env!("CARGO_PKG_VERSION")))
            .connect_timeout(CONNECT_TIMEOUT)
            .pool_idle_timeout(IDLE_TIMEOUT)
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy();
        let builder = match (&settings.ca_file, settings.endpoint.is_tls()) {
            (Some(path), true) => builder.tls_backend_preconfigured(tls::trusting(path)?),
            _ => {
                // reqwest takes the process's provider for the system's authorities; a second call is no harm.
                let _ = rustls::crypto::ring::default_provider().install_default();
                builder
            }
        };
        Ok(Self {
            http: builder.build().map_err(SettingsError::Http)?,
            endpoint: settings.endpoint.clone(),
            project: settings.project.clone(),
            token,
            answer_timeout: ANSWER_TIMEOUT,
        })
    }

    /// With another deadline for calls that the controller answers from its database; 30 s else.
    #[must_use]
    pub fn answer_within(mut self, deadline: Duration) -> Self {
        self.answer_timeout = deadline;
        self
    }
}

/// Without the token.
impl fmt::Debug for Client {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Client")
            .field("endpoint", &self.endpoint)
            .field("project", &self.project)
            .finish_non_exhaustive()
    }
}
