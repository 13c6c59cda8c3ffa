//! Agents, and their enrolment.

use super::{Client, ClientError};
use billet_proto::AgentId;
use reqwest::Method;
use secrecy::SecretString;
use serde::{Deserialize, Deserializer, Serialize};

/// An agent, as an operator sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Agent {
    /// UUIDv7.
    pub id: AgentId,
    /// Unique.
    pub name: String,
    /// RFC 3339.
    pub joined_at: String,
    /// Whether it is connected to the controller.
    pub online: bool,
    /// RFC 3339; since when its certificates count no more.
    #[serde(default)]
    pub revoked_at: Option<String>,
}

/// What lets one agent join, once.
#[derive(Debug, Deserialize)]
pub struct JoinToken {
    /// For the agent's `join_token_file`.
    #[serde(deserialize_with = "secret")]
    pub token: SecretString,
    /// The agent's name.
    pub agent_name: String,
    /// RFC 3339.
    pub expires_at: String,
}

fn secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<SecretString, D::Error> {
    String::deserialize(deserializer).map(SecretString::from)
}

#[derive(Serialize)]
struct NewJoinToken<'a> {
    agent_name: &'a str,
}

/// What became of the servers of an agent that was replaced.
#[derive(Debug, Serialize, Deserialize)]
pub struct Replaced {
    /// They are the other agent's.
    pub moved: Vec<String>,
    /// They have work in progress, and stay as they are.
    pub busy: Vec<String>,
}

#[derive(Deserialize)]
struct Agents {
    agents: Vec<Agent>,
}

impl Client {
    /// Makes a token that lets an agent of this name join, once and within an hour.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn new_join_token(&self, agent_name: &str) -> Result<JoinToken, ClientError> {
        self.send(Method::POST, self.admin_url(&["agents", "join-tokens"]), &NewJoinToken { agent_name }).await
    }

    /// Makes an agent's certificates count no more.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn revoke_agent(&self, name: &str) -> Result<Agent, ClientError> {
        let url = self.admin_url(&["agents", name, "revoke"]);
        self.send(Method::POST, url, &serde_json::json!({})).await
    }

    /// Gives the servers of a revoked agent to another.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn replace_agent(&self, name: &str, by: &str) -> Result<Replaced, ClientError> {
        self.send(Method::POST, self.admin_url(&["agents", name, "replace"]), &NewJoinToken { agent_name: by }).await
    }

    /// All agents.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn agents(&self) -> Result<Vec<Agent>, ClientError> {
        self.get::<Agents>(self.admin_url(&["agents"])).await.map(|answer| answer.agents)
    }
}
