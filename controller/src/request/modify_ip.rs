//! The body of ModifyInstanceIp, whose names differ from those of CreateInstance.

use super::{
    NicRequest, Problems,
    create::maybe_blank_address,
    fields::{Fields, array, id, parsed},
};
use billet_proto::VpcId;
use serde_json::Value;

/// A request for other addresses.
#[derive(Debug, Clone)]
pub struct ModifyIp {
    /// The network of all NICs; none: the present one.
    pub vpc_id: Option<VpcId>,
    /// 1 or 2; the first is primary.
    pub nics: Vec<NicRequest>,
}

impl ModifyIp {
    /// Reads a JSON body.
    ///
    /// # Errors
    /// For each field its first problem.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problems> {
        parsed(bytes, |fields| {
            let vpc_id = fields.optional("vpc_id", id);
            let items = fields.required("nics", |value| array(value, 1, 2)).unwrap_or_default();
            let nics = items.into_iter().enumerate().filter_map(|(index, item)| nic(index, item, fields.problems()));
            let nics = nics.collect();
            Some(Self { vpc_id, nics })
        })
    }
}

fn nic(index: usize, item: Value, problems: &mut Problems) -> Option<NicRequest> {
    let mut fields = Fields::new(&format!("nics[{index}]"), item, problems)?;
    let subnet_id = fields.required("subnet_id", id);
    let address = fields.optional("ip_address", maybe_blank_address).flatten();
    Some(NicRequest { subnet_id: subnet_id?, address })
}
