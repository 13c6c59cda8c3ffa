//! What an operator says of a project's quota.

use super::{
    Problems,
    fields::{Fault, Fields, body},
};
use serde_json::Value;

/// A field that is absent stays as it was.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QuotaWord {
    /// Instances.
    pub instances: Option<u32>,
    /// Addresses.
    pub addresses: Option<u32>,
    /// Images.
    pub images: Option<u32>,
    /// VPCs.
    pub vpcs: Option<u32>,
    /// Subnets.
    pub subnets: Option<u32>,
}

impl QuotaWord {
    /// Reads a JSON body.
    ///
    /// # Errors
    /// For each field its first problem.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problems> {
        let mut problems = Problems::default();
        let word = Fields::new("", body(bytes)?, &mut problems).map(|mut fields| Self {
            instances: fields.optional("instances", number),
            addresses: fields.optional("addresses", number),
            images: fields.optional("images", number),
            vpcs: fields.optional("vpcs", number),
            subnets: fields.optional("subnets", number),
        });
        match word {
            Some(word) if problems.is_empty() => Ok(word),
            _ => Err(problems),
        }
    }
}

fn number(value: Value) -> Result<u32, Fault> {
    let number = value.as_u64().and_then(|number| u32::try_from(number).ok());
    number.ok_or_else(|| Fault::new(format!("must be a whole number from 0 to {}", u32::MAX), &value))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_field_may_be_left_out_and_none_may_be_nonsense() {
        let parse = |text: &str| QuotaWord::parse(text.as_bytes());
        assert_eq!(parse("{}").unwrap(), QuotaWord::default());
        let word = parse(r#"{"instances":0,"images":7,"vpcs":1,"subnets":2}"#).unwrap();
        assert_eq!((word.instances, word.addresses, word.images), (Some(0), None, Some(7)));
        assert_eq!((word.vpcs, word.subnets), (Some(1), Some(2)));
        for bad in
            ["", "[]", r#"{"instances":-1}"#, r#"{"instances":1.5}"#, r#"{"images":"7"}"#, r#"{"images":4294967296}"#]
        {
            assert!(parse(bad).is_err(), "{bad}");
        }
    }
}
