//! Instances.

use super::{
    Client, ClientError, ClientToken,
    page::{Page, PageInfo},
};
use billet_proto::{ImageId, InstanceId, ServerId, SubnetId, VpcId};
use reqwest::Method;
use secrecy::{ExposeSecret as _, SecretString};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};
use std::{collections::BTreeMap, fmt, net::Ipv4Addr};

/// An instance, as its project sees it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Instance {
    /// UUIDv7.
    pub id: InstanceId,
    /// As given.
    pub name: String,
    /// Its network.
    pub vpc_id: VpcId,
    /// The first is primary.
    #[serde(default)]
    pub network_interfaces: Vec<InstanceNic>,
    /// What is installed.
    #[serde(default)]
    pub image: Option<ImageSummary>,
    /// `pending`, `running`, `stopped`, `shutting-down`, `terminated` or `error`.
    pub state: String,
    /// Such as `install-processing`.
    #[serde(default)]
    pub operation_state: String,
    /// Where the life cycle stands, such as `write`.
    #[serde(default)]
    pub phase: String,
    /// What it waits for, for a person.
    #[serde(default)]
    pub waiting_for: String,
    /// When that changed last, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waiting_since: Option<String>,
    /// Which try of the step it is, from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub attempt: Option<u32>,
    /// When the next try comes, RFC 3339.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_try_at: Option<String>,
    /// When the phase becomes an error, RFC 3339.
    #[serde(default)]
    pub deadline: Option<String>,
    /// Where it is installed.
    #[serde(default)]
    pub server_id: String,
    /// RFC 3339.
    pub created_at: String,
    /// RFC 3339; empty before it was first running.
    #[serde(default)]
    pub launched_at: String,
    /// OpenSSH public form of its host key.
    #[serde(default)]
    pub host_key: Option<String>,
    /// `SHA256:` and base64, as ssh-keygen shows it.
    #[serde(default)]
    pub host_key_fingerprint: Option<String>,
    /// What proved that it is running.
    #[serde(default)]
    pub proof: Option<String>,
    /// How far its boot was trusted.
    #[serde(default)]
    pub boot_trust: Option<String>,
    /// Why it is in error.
    #[serde(default)]
    pub error: Option<InstanceError>,
    /// What else the controller tells.
    #[serde(flatten)]
    pub more: Map<String, Value>,
}

impl Instance {
    /// What it waits for, since when, and when the next try comes; empty where for nothing.
    pub fn waits(&self) -> String {
        let mut text = self.waiting_for.clone();
        if text.is_empty() {
            return text;
        }
        if let Some(since) = &self.waiting_since {
            text = format!("{text}, since {since}");
        }
        if let Some(attempt) = self.attempt {
            text = format!("{text}, try {attempt}");
        }
        if let Some(next) = &self.next_try_at {
            text = format!("{text}, next try {next}");
        }
        text
    }

    /// Its addresses, the primary first, with commas between.
    pub fn addresses(&self) -> String {
        let addresses: Vec<String> = self.network_interfaces.iter().map(|nic| nic.ipv4_address.to_string()).collect();
        addresses.join(", ")
    }
}

/// A NIC of an instance.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InstanceNic {
    /// Its subnet.
    pub subnet_id: SubnetId,
    /// Its address.
    pub ipv4_address: Ipv4Addr,
    /// The server's port.
    #[serde(default)]
    pub mac_address: Option<String>,
}

/// What is installed.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct ImageSummary {
    /// UUIDv7.
    pub id: ImageId,
    /// For people.
    pub name: String,
    /// `Linux`, `Windows` or `Other`.
    pub os_type: String,
}

/// A cause that a person can act on.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct InstanceError {
    /// Such as `iMetal.0903`.
    #[serde(default)]
    pub error_code: String,
    /// For a person.
    #[serde(default)]
    pub error_msg: String,
    /// For programs.
    #[serde(default)]
    pub error_type: String,
}

impl fmt::Display for InstanceError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.error_code.as_str(), self.error_msg.as_str()) {
            ("", "") => f.write_str("no cause given"),
            ("", text) | (text, "") => f.write_str(text),
            (code, text) => write!(f, "{code}: {text}"),
        }
    }
}

/// What an instance shall be.
#[derive(Serialize)]
pub struct NewInstance {
    /// 1 to 63 characters.
    pub name: String,
    /// What is installed.
    pub image_id: ImageId,
    /// Its network.
    pub vpc_id: VpcId,
    /// 1 or 2, the first is primary.
    pub network_interfaces: Vec<NewNic>,
    /// The administrator's, 8 to 26 characters.
    #[serde(serialize_with = "expose")]
    pub password: SecretString,
    /// At most 10.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub metadata: BTreeMap<String, String>,
    /// At most 255 characters.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub description: String,
    /// Absent: any idle server.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub placement: Option<Placement>,
    /// At most 20.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<NewTag>,
    /// What cloud-init is given, in base64.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub user_data: Option<String>,
    /// OpenSSH public keys for the administrator.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub ssh_keys: Vec<String>,
}

/// A label that an instance shall have.
#[derive(Debug, Clone, Serialize)]
pub struct NewTag {
    /// 1 to 128 characters.
    pub key: String,
    /// At most 255 characters.
    pub value: String,
}

#[derive(Serialize)]
struct Batch<'a> {
    #[serde(flatten)]
    instance: &'a NewInstance,
    min_count: u32,
    max_count: u32,
}

/// Without password and metadata, which may hold secrets too.
impl fmt::Debug for NewInstance {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NewInstance").field("name", &self.name).finish_non_exhaustive()
    }
}

/// Only the request's body may show it.
fn expose<S: Serializer>(password: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(password.expose_secret())
}

/// A NIC that an instance shall have.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct NewNic {
    /// Its subnet.
    pub subnet_id: SubnetId,
    /// Absent: any free one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub ipv4_address: Option<Ipv4Addr>,
}

/// Where an instance shall be installed.
#[derive(Debug, Clone, Serialize)]
pub struct Placement {
    /// That server or none.
    pub server_id: ServerId,
}

#[derive(Deserialize)]
struct Accepted {
    instance_id: InstanceId,
}

#[derive(Deserialize)]
struct Instances {
    instances: Vec<Instance>,
    #[serde(default)]
    page_info: PageInfo,
}

impl Page for Instances {
    type Item = Instance;
    fn split(self) -> (Vec<Instance>, PageInfo) {
        (self.instances, self.page_info)
    }
}

impl Client {
    /// Asks for an instance. It is installed after the answer.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn create_instance(
        &self,
        instance: &NewInstance,
        token: &ClientToken,
    ) -> Result<InstanceId, ClientError> {
        let url = self.project_url(&["instances"])?;
        self.create::<Accepted>(url, instance, token).await.map(|answer| answer.instance_id)
    }

    /// All instances of the project, or those in this state and on these servers.
    ///
    /// # Errors
    /// When a call does not succeed.
    pub async fn instances(&self, state: Option<&str>, servers: &[ServerId]) -> Result<Vec<Instance>, ClientError> {
        let mut url = self.project_url(&["instances"])?;
        if let Some(state) = state {
            url.query_pairs_mut().append_pair("instance_state", state);
        }
        if !servers.is_empty() {
            let ids: Vec<String> = servers.iter().map(ToString::to_string).collect();
            url.query_pairs_mut().append_pair("server_id", &ids.join(","));
        }
        self.pages::<Instances>(url).await
    }

    /// The project's instances of this name: all, or the first ten.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn instances_named(&self, name: &str) -> Result<Vec<Instance>, ClientError> {
        let mut url = self.project_url(&["instances"])?;
        url.query_pairs_mut().append_pair("name", name).append_pair("limit", "10");
        let (instances, _) = self.get::<Instances>(url).await?.split();
        Ok(instances)
    }

    /// Asks for `count` instances at once: that many or none.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn create_instances(
        &self,
        instance: &NewInstance,
        count: u32,
        token: &ClientToken,
    ) -> Result<Value, ClientError> {
        let url = self.project_url(&["instances", "batch-create"])?;
        self.create(url, &Batch { instance, min_count: count, max_count: count }, token).await
    }

    /// Asks what would be chosen; nothing is changed.
    ///
    /// # Errors
    /// When the call does not succeed, which is also how it tells that nothing can be chosen.
    pub async fn try_instance(&self, instance: &NewInstance) -> Result<Value, ClientError> {
        let mut url = self.project_url(&["instances"])?;
        url.query_pairs_mut().append_pair("dry_run", "true");
        self.send(Method::POST, url, instance).await
    }

    /// One instance.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn instance(&self, id: InstanceId) -> Result<Instance, ClientError> {
        self.get(self.project_url(&["instances", &id.to_string()])?).await
    }

    /// Asks that an instance be released. It goes after the answer.
    ///
    /// # Errors
    /// When the call does not succeed.
    pub async fn delete_instance(&self, id: InstanceId) -> Result<(), ClientError> {
        self.delete(self.project_url(&["instances", &id.to_string()])?).await
    }
}
