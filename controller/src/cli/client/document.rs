//! Calls whose answers are shown to people as they are: the controller's words are kept, also those that are newer.

use super::{Client, ClientError};
use reqwest::{Method, Url};
use serde_json::Value;

/// Below which part of the API.
#[derive(Debug, Clone, Copy)]
pub enum Place<'a> {
    /// The project's.
    Project(&'a [&'a str]),
    /// The operators'.
    Operators(&'a [&'a str]),
}

impl Client {
    /// Reads a document.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn document(&self, place: Place<'_>, query: &[(&str, String)]) -> Result<Value, ClientError> {
        let mut url = self.place(place)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.get(url).await
    }

    /// Asks for something; null where the answer has no body.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn order(&self, method: Method, place: Place<'_>, body: &Value) -> Result<Value, ClientError> {
        self.order_at(method, self.place(place)?, body).await
    }

    /// Deletes something, in the way that the query says.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn delete_with(&self, place: Place<'_>, query: &[(&str, &str)]) -> Result<Value, ClientError> {
        let mut url = self.place(place)?;
        if !query.is_empty() {
            url.query_pairs_mut().extend_pairs(query);
        }
        self.order_at(Method::DELETE, url, &Value::Null).await
    }

    async fn order_at(&self, method: Method, url: Url, body: &Value) -> Result<Value, ClientError> {
        let mut request = self.request(method.clone(), url.clone()).timeout(self.answer_timeout);
        if method != Method::DELETE {
            request = request.json(body);
        }
        let answer = self.answer(request).await?;
        if answer.is_empty() { Ok(Value::Null) } else { super::call::Call::new(&method, &url).parse(&answer) }
    }

    fn place(&self, place: Place<'_>) -> Result<Url, ClientError> {
        match place {
            Place::Project(segments) => self.project_url(segments),
            Place::Operators(segments) => Ok(self.admin_url(segments)),
        }
    }
}
