//! The body of ReinstallOS.

use super::{
    Password, Problems,
    fields::{Fault, array, id, parsed, text},
};
use billet_proto::{ImageId, InstanceId};
use serde_json::Value;
use std::collections::BTreeSet;

/// Instances of one call; the SDK's documentation says 10.
const MAX_INSTANCES: usize = 10;

/// A request to write instances' systems anew.
#[derive(Debug)]
pub struct Reinstall {
    /// What is installed; none: each instance's present image.
    pub image_id: Option<ImageId>,
    /// In plain text, until it is hashed.
    pub password: Password,
    /// 1 to 10, each once.
    pub instance_ids: Vec<InstanceId>,
}

impl Reinstall {
    /// Reads a JSON body. The password's plain text is moved out of the parsed document, not copied.
    ///
    /// # Errors
    /// For each field its first problem; never a password.
    pub fn parse(bytes: &[u8]) -> Result<Self, Problems> {
        parsed(bytes, |fields| {
            let image_id = fields.optional("image_id", maybe_blank).flatten();
            let password = fields.required("password", Password::from_json);
            let instance_ids = fields.required("instance_id_set", |value| instance_ids(value, MAX_INSTANCES));
            Some(Self { image_id, password: password?, instance_ids: instance_ids? })
        })
    }
}

/// A blank id means the present image, as in the family.
fn maybe_blank(value: Value) -> Result<Option<ImageId>, Fault> {
    match &value {
        Value::String(blank) if blank.trim().is_empty() => Ok(None),
        _ => id(value).map(Some),
    }
}

/// 1 to `max` ids, each once. One that is no id names nothing that is there, but it is told as what it is.
pub(crate) fn instance_ids(value: Value, max: usize) -> Result<Vec<InstanceId>, Fault> {
    let mut seen = BTreeSet::new();
    let mut ids = Vec::new();
    for item in array(value, 1, max)? {
        let given = text(item)?;
        let rule = "must be ids (8-4-4-4-12 lower-case hexadecimal digits)";
        let id: InstanceId = given.parse().map_err(|_| Fault::new(rule, &given))?;
        if !seen.insert(id) {
            return Err(Fault::new("must name each once", given));
        }
        ids.push(id);
    }
    Ok(ids)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    const ID: &str = "0198170e-4ca7-7000-8000-000000000001";

    #[test]
    fn an_absent_or_blank_image_keeps_the_present_one() {
        for image in [json!(null), json!(""), json!("  ")] {
            let body = json!({ "image_id": image, "password": "Aa1-Bb2-Cc3", "instance_id_set": [ID] });
            assert_eq!(Reinstall::parse(body.to_string().as_bytes()).unwrap().image_id, None);
        }
    }

    #[test]
    fn each_rule_names_its_field_and_never_the_password() {
        let good = json!({ "image_id": ID, "password": "Aa1-Bb2-Cc3", "instance_id_set": [ID] });
        for (field, value) in [
            ("image_id", json!("x")),
            ("image_id", json!(1)),
            ("password", json!("short-A1")),
            ("instance_id_set", json!([])),
            ("instance_id_set", json!([ID, ID])),
            ("instance_id_set", json!(["x"])),
            ("instance_id_set", json!(ID)),
            ("instance_id_set", json!(vec![ID; 11])),
        ] {
            let mut body = good.clone();
            body[field] = value;
            if field == "password" {
                body[field] = json!("short1");
            }
            let problems = Reinstall::parse(body.to_string().as_bytes()).unwrap_err();
            assert_eq!(problems.invalid[0].field, field, "{body}");
            assert!(!problems.to_string().contains("short1"));
        }
        let missing = Reinstall::parse(b"{}").unwrap_err().missing;
        assert_eq!(missing, ["password", "instance_id_set"]);
    }
}
