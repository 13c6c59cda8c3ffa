//! The body of CreateInstance.

use super::{
    Metadata, Password, Problems,
    access::{UserData, ssh_keys},
    fields::{Fault, Fields, array, body, id, kind, plain_text, text},
    name::InstanceName,
    tag::tags,
};
use crate::store::record::Tag;
use billet_proto::{ImageId, ServerId, SubnetId, VpcId};
use serde_json::Value;
use std::net::Ipv4Addr;

/// A request for one instance, well formed; what its ids name is the life cycle's to see.
#[derive(Debug)]
pub struct CreateInstance {
    /// As given.
    pub name: InstanceName,
    /// What to install.
    pub image_id: ImageId,
    /// The network of all NICs.
    pub vpc_id: VpcId,
    /// 1 or 2; the first is primary.
    pub nics: Vec<NicRequest>,
    /// In plain text, until it is hashed.
    pub password: Password,
    /// At most 10 pairs.
    pub metadata: Metadata,
    /// 0 to 255 characters.
    pub description: String,
    /// The server asked for; none: any idle one.
    pub server_id: Option<ServerId>,
    /// At most 20; by key.
    pub tags: Vec<Tag>,
    /// What cloud-init is given.
    pub user_data: Option<UserData>,
    /// At most 10 OpenSSH public keys.
    pub ssh_keys: Vec<String>,
}

/// A NIC as asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NicRequest {
    /// Where it is attached.
    pub subnet_id: SubnetId,
    /// The address asked for; none: any free one.
    pub address: Option<Ipv4Addr>,
}

impl CreateInstance {
    /// Reads a JSON body. The password's plain text is moved out of the parsed document, not copied.
    ///
    /// # Errors
    /// For each field its first problem; never a password or a metadata value.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problems> {
        Self::from_json(body(bytes)?)
    }

    fn from_json(value: Value) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let parsed = Fields::new("", value, &mut problems).and_then(|mut fields| Self::from_fields(&mut fields));
        match parsed {
            Some(request) if problems.is_empty() => Ok(request),
            _ => Err(problems),
        }
    }

    fn from_fields(fields: &mut Fields<'_>) -> Option<Self> {
        let request = Self::common(fields, nic);
        let server_id = fields.take("placement").and_then(|value| placement(value, fields.problems()));
        for count in ["min_count", "max_count"] {
            fields.optional(count, one_instance);
        }
        Some(Self { server_id, ..request? })
    }

    /// What the calls for one and for several have in common.
    pub(super) fn common(
        fields: &mut Fields<'_>,
        nic: fn(usize, Value, &mut Problems) -> Option<NicRequest>,
    ) -> Option<Self> {
        let name = fields.required("name", InstanceName::from_json);
        let image_id = fields.required("image_id", id);
        let vpc_id = fields.required("vpc_id", id);
        let interfaces = fields.required("network_interfaces", |value| array(value, 1, 2)).unwrap_or_default();
        let nics = interfaces.into_iter().enumerate().filter_map(|(index, item)| nic(index, item, fields.problems()));
        let nics = nics.collect();
        let password = fields.required("password", Password::from_json);
        let metadata = match fields.take("metadata") {
            Some(value) => Metadata::from_json(value, fields.problems()),
            None => Metadata::default(),
        };
        let description = fields.optional("description", |value| plain_text(value, 0, 255)).unwrap_or_default();
        let tags = fields.optional("tags", |value| tags(value, 0)).unwrap_or_default();
        let user_data = fields.optional("user_data", UserData::from_json).flatten();
        let ssh_keys = fields.optional("ssh_keys", ssh_keys).unwrap_or_default();
        Some(Self {
            name: name?,
            image_id: image_id?,
            vpc_id: vpc_id?,
            nics,
            password: password?,
            metadata,
            description,
            server_id: None,
            tags,
            user_data,
            ssh_keys,
        })
    }
}

/// A NIC of several instances, which cannot all have one address.
pub(super) fn nic_without_address(index: usize, item: Value, problems: &mut Problems) -> Option<NicRequest> {
    let NicRequest { subnet_id, address } = nic(index, item, problems)?;
    if let Some(address) = address {
        let fault = Fault::new("must be absent where several are created: addresses are automatic", address);
        problems.invalid.push(fault.in_field(format!("network_interfaces[{index}].ipv4_address")));
    }
    Some(NicRequest { subnet_id, address: None })
}

fn nic(index: usize, item: Value, problems: &mut Problems) -> Option<NicRequest> {
    let mut fields = Fields::new(&format!("network_interfaces[{index}]"), item, problems)?;
    let subnet_id = fields.required("subnet_id", id);
    let address = fields.optional("ipv4_address", maybe_blank_address).flatten();
    Some(NicRequest { subnet_id: subnet_id?, address })
}

/// A blank address means any, as in the family's change of address.
pub(super) fn maybe_blank_address(value: Value) -> Result<Option<Ipv4Addr>, Fault> {
    let text = text(value)?;
    if text.trim().is_empty() {
        return Ok(None);
    }
    text.parse().map(Some).map_err(|_| Fault::new("must be an IPv4 address like 10.20.0.7", &text))
}

/// `server_id`, or the batch call's `server_id_set` with one element.
fn placement(value: Value, problems: &mut Problems) -> Option<ServerId> {
    let mut fields = Fields::new("placement", value, problems)?;
    let one = fields.optional("server_id", id::<ServerId>);
    let set = fields.optional("server_id_set", |value| array(value, 1, 1)?.into_iter().next().map(id).transpose());
    match (one, set.flatten()) {
        (Some(one), Some(other)) if one != other => {
            fields.refuse("server_id_set", Fault::new("must name the same server as server_id", other));
            None
        }
        (one, other) => one.or(other),
    }
}

fn one_instance(value: Value) -> Result<(), Fault> {
    let rule = "must be 1 (POST /instances makes one instance; batch-create makes several)";
    match value {
        Value::Number(number) if number.as_u64() == Some(1) => Ok(()),
        Value::Number(number) => Err(Fault::new(rule, number)),
        other => Err(Fault::new(rule, kind(&other))),
    }
}

#[cfg(test)]
mod tests;
