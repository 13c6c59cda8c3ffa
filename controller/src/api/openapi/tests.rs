//! What the document must be.

use super::{document, operations, text};
use std::collections::HashSet;

/// The file of the repository.
const CHECKED_IN: &str = include_str!("../../../openapi.json");

#[test]
fn the_document_that_is_checked_in_is_that_of_the_routes() {
    let now = text();
    let differs = now.lines().zip(CHECKED_IN.lines()).enumerate().find(|(_, (now, then))| now != then);
    assert!(
        now == CHECKED_IN,
        "controller/openapi.json is not what the routes are; first difference: {differs:?}. Write it anew:\n\
         cargo run -p billet-controller --bin billet-controller -- openapi > controller/openapi.json"
    );
}

#[test]
fn it_is_openapi_3_1_and_every_operation_has_its_own_id_and_says_what_it_does() {
    let mut document = document();
    let version = serde_json::to_value(&document).unwrap()["openapi"].clone();
    assert_eq!(version, "3.1.0");
    let mut ids = HashSet::new();
    for (path, item) in &mut document.paths.paths {
        for (method, operation) in operations(item) {
            assert!(operation.summary.as_ref().is_some_and(|text| !text.is_empty()), "{method} {path}");
            assert!(operation.tags.as_ref().is_some_and(|tags| tags.len() == 1), "{method} {path}");
            let id = operation.operation_id.clone().unwrap();
            assert!(ids.insert(id), "{method} {path}: its id is another's too");
        }
    }
    assert!(ids.len() > 15);
}
