//! Physical servers.

use super::{
    Client, ClientError,
    page::{Page, PageInfo},
};
use crate::store::record::{Location, NicRole};
use billet_proto::{ProjectId, ServerId};
use reqwest::Method;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// A server, as its project or an operator sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Server {
    /// As in its agent's configuration.
    pub id: ServerId,
    /// Only this project may use it; none: the shared pool.
    #[serde(default)]
    pub project_id: Option<String>,
    /// `onboard`, `ready`, `in-use` or `maintain`.
    pub manage_state: String,
    /// Name of the agent that owns it.
    #[serde(default)]
    pub agent: Option<String>,
    /// Whether that agent is connected.
    #[serde(default)]
    pub online: bool,
    /// A tenant wrote on it and nothing wiped it since.
    #[serde(default)]
    pub unwiped: bool,
    /// SMBIOS UUID; may be empty.
    #[serde(default)]
    pub uuid: String,
    /// Serial number; may be empty.
    #[serde(default)]
    pub serial: String,
    /// In port order.
    #[serde(default)]
    pub macs: Vec<String>,
    /// What is installed on it.
    #[serde(default)]
    pub instance_id: Option<String>,
    /// What else the controller tells.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

/// An operator's word for a server. Without it a server is not used, whatever an agent says.
#[derive(Debug, Clone, Serialize)]
pub struct Registration {
    /// The agent that may own it.
    pub agent_name: String,
    /// Only this project may use it, or `Some(None)`: it is in the shared pool. None: as before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub project_id: Option<Option<ProjectId>>,
    /// What each NIC is for, in port order; those not named are of the VPC.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub roles: Vec<NicRole>,
    /// Another bootable disk is cleared rather than an error. None: as before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub clear_other_bootable_disks: Option<bool>,
    /// For people. None: as before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Where it stands. None: as before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub location: Option<Location>,
    /// `full` or `metadata`. None: as before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub wipe_policy: Option<String>,
    /// The first inspection may power it off where it is on.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub allow_reset: bool,
}

#[derive(Serialize)]
struct Nothing {}

#[derive(Deserialize)]
struct Servers {
    servers: Vec<Server>,
    #[serde(default)]
    page_info: PageInfo,
}

impl Page for Servers {
    type Item = Server;
    fn split(self) -> (Vec<Server>, PageInfo) {
        (self.servers, self.page_info)
    }
}

impl Client {
    /// All servers that the project may see, or those in one `manage_state`.
    ///
    /// # Errors
    /// When a call does not succeed.
    pub async fn servers(&self, manage_state: Option<&str>) -> Result<Vec<Server>, ClientError> {
        let mut url = self.project_url(&["physicalservers"])?;
        if let Some(state) = manage_state {
            url.query_pairs_mut().append_pair("manage_state", state);
        }
        self.pages::<Servers>(url).await
    }

    /// One server.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn server(&self, id: ServerId) -> Result<Server, ClientError> {
        self.get(self.project_url(&["physicalservers", &id.to_string()])?).await
    }

    /// Registers a server, or changes its registration.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn register_server(&self, id: ServerId, word: &Registration) -> Result<Server, ClientError> {
        self.send(Method::PUT, self.admin_url(&["servers", &id.to_string()]), word).await
    }

    /// Gives a server that still holds its last tenant's data back to the pool.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn accept_unwiped(&self, id: ServerId) -> Result<Server, ClientError> {
        let url = self.admin_url(&["servers", &id.to_string(), "accept-unwiped"]);
        self.send(Method::POST, url, &Nothing {}).await
    }
}
