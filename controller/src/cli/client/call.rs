//! One call: out with the token, back with a typed answer or a refusal.

use super::{Client, ClientError, ClientToken, Refusal};
use reqwest::{Method, RequestBuilder, Response, Url};
use serde::{Serialize, de::DeserializeOwned};
use std::time::Duration;

/// A page of a thousand instances has about a megabyte.
const MAX_ANSWER_BYTES: usize = 16 << 20;

impl Client {
    /// The URL below the project's part of the API.
    pub(super) fn project_url(&self, segments: &[&str]) -> Result<Url, ClientError> {
        let project = self.project.as_ref().ok_or(ClientError::NoProject)?;
        Ok(self.endpoint.join(["v1", project.as_str()].into_iter().chain(segments.iter().copied())))
    }

    /// Whether there is a project to work in.
    ///
    /// # Errors
    /// When there is none.
    pub fn in_project(&self) -> Result<(), ClientError> {
        self.project.as_ref().map(|_| ()).ok_or(ClientError::NoProject)
    }

    /// The URL below the operators' part of the API.
    pub(super) fn admin_url(&self, segments: &[&str]) -> Url {
        self.endpoint.join(["admin", "v1"].into_iter().chain(segments.iter().copied()))
    }

    /// Reads.
    pub(super) async fn get<T: DeserializeOwned>(&self, url: Url) -> Result<T, ClientError> {
        let call = Call::new(&Method::GET, &url);
        call.parse(&self.answer(self.request(Method::GET, url).timeout(self.answer_timeout)).await?)
    }

    /// Reads what the controller may hold back for `held`.
    pub(super) async fn get_held<T: DeserializeOwned>(&self, url: Url, held: Duration) -> Result<T, ClientError> {
        let call = Call::new(&Method::GET, &url);
        call.parse(&self.answer(self.request(Method::GET, url).timeout(self.answer_timeout + held)).await?)
    }

    /// Sends a document and reads the answer's.
    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        url: Url,
        body: &(impl Serialize + Sync),
    ) -> Result<T, ClientError> {
        let call = Call::new(&method, &url);
        call.parse(&self.answer(self.request(method, url).timeout(self.answer_timeout).json(body)).await?)
    }

    /// As [`Self::send`], of what is created once for each token.
    pub(super) async fn create<T: DeserializeOwned>(
        &self,
        url: Url,
        body: &(impl Serialize + Sync),
        token: &ClientToken,
    ) -> Result<T, ClientError> {
        let call = Call::new(&Method::POST, &url);
        let request = self.request(Method::POST, url).timeout(self.answer_timeout);
        call.parse(&self.answer(request.header("x-client-token", token.header()).json(body)).await?)
    }

    /// Deletes; the answer has no body.
    pub(super) async fn delete(&self, url: Url) -> Result<(), ClientError> {
        self.answer(self.request(Method::DELETE, url).timeout(self.answer_timeout)).await.map(drop)
    }

    /// A request with the token. The caller sets its deadline.
    pub(super) fn request(&self, method: Method, url: Url) -> RequestBuilder {
        self.http.request(method, url).header("x-auth-token", self.token.clone())
    }

    /// Sends it and reads the whole answer, which must be a success.
    pub(super) async fn answer(&self, request: RequestBuilder) -> Result<Vec<u8>, ClientError> {
        let response = request.send().await.map_err(|source| self.unreachable(source))?;
        let (status, headers) = (response.status(), response.headers().clone());
        let call = Call(format!("{} {}", status.as_u16(), response.url().path()));
        let body = self.body(response, &call).await?;
        if status.is_success() { Ok(body) } else { Err(ClientError::Refused(Refusal::read(status, &headers, &body))) }
    }

    pub(super) async fn body(&self, mut response: Response, call: &Call) -> Result<Vec<u8>, ClientError> {
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|source| self.unreachable(source))? {
            if body.len() + chunk.len() > MAX_ANSWER_BYTES {
                return Err(call.garbled(format!("it has more than {MAX_ANSWER_BYTES} bytes")));
            }
            body.extend_from_slice(&chunk);
        }
        Ok(body)
    }

    pub(super) fn unreachable(&self, source: reqwest::Error) -> ClientError {
        // The URL may carry names; the endpoint is enough.
        ClientError::Unreachable { endpoint: self.endpoint.to_string(), source: source.without_url() }
    }
}

/// Method and path, for errors.
#[derive(Debug)]
pub(super) struct Call(String);

impl Call {
    pub(super) fn new(method: &Method, url: &Url) -> Self {
        Self(format!("{method} {}", url.path()))
    }

    pub(super) fn parse<T: DeserializeOwned>(&self, body: &[u8]) -> Result<T, ClientError> {
        serde_json::from_slice(body).map_err(|error| self.garbled(error.to_string()))
    }

    pub(super) fn garbled(&self, why: String) -> ClientError {
        ClientError::Garbled { call: self.0.clone(), why }
    }
}
