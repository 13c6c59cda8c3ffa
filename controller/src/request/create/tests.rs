use super::*;
use proptest::prelude::*;
use serde_json::json;

const ID: &str = "0198170e-4ca7-7000-8000-000000000001";
const OTHER: &str = "0198170e-4ca7-7000-8000-000000000002";

fn good() -> Value {
    json!({
        "name": "web-1", "image_id": ID, "vpc_id": ID, "password": "Abcdefg1",
        "network_interfaces": [{"subnet_id": ID}],
    })
}

fn with(field: &str, value: Value) -> Value {
    let mut body = good();
    body[field] = value;
    body
}

fn parse(body: &Value) -> Result<CreateInstance, Problems> {
    CreateInstance::parse(body.to_string().as_bytes())
}

#[test]
fn the_smallest_request_has_the_defaults() {
    let request = parse(&good()).unwrap();
    assert_eq!(request.name.as_str(), "web-1");
    assert_eq!(request.nics, [NicRequest { subnet_id: ID.parse().unwrap(), address: None }]);
    assert_eq!((request.description.as_str(), request.server_id), ("", None));
    assert!(request.metadata.pairs().is_empty());
    assert_eq!(request.password.expose(), "Abcdefg1");
}

#[test]
fn each_rule_holds_on_both_sides_of_its_limit() {
    let nic = json!({"subnet_id": ID});
    let cases = [
        ("name", json!("a"), true),
        ("name", json!("a".repeat(63)), true),
        ("name", json!("a".repeat(64)), false),
        ("name", json!(""), false),
        ("name", json!("A_b-c.9"), true),
        ("name", json!("..."), true),
        ("name", json!("a b"), false),
        ("name", json!("主机"), false),
        ("name", json!("a\n"), false),
        ("name", json!(7), false),
        ("image_id", json!(""), false),
        ("image_id", json!(ID.to_uppercase()), false),
        ("vpc_id", json!("x"), false),
        ("network_interfaces", json!([]), false),
        ("network_interfaces", json!([nic, nic]), true),
        ("network_interfaces", json!([nic, nic, nic]), false),
        ("network_interfaces", json!({"subnet_id": ID}), false),
        ("description", json!(""), true),
        ("description", json!("é".repeat(255)), true),
        ("description", json!("é".repeat(256)), false),
        ("description", json!("a\tb"), false),
        ("description", json!("a\u{85}b"), false),
        ("placement", json!({}), true),
        ("placement", json!({"server_id": ID}), true),
        ("placement", json!({"server_id": null}), true),
        ("placement", json!("any"), false),
        ("min_count", json!(1), true),
        ("min_count", json!(2), false),
        ("max_count", json!(1), true),
        ("max_count", json!("1"), false),
        ("max_count", json!(0), false),
        ("metadata", json!(null), true),
        ("metadata", json!({"k": 1}), false),
        ("password", json!("Abcdef1"), false),
        ("password", json!(["Abcdefg1"]), false),
        ("unknown", json!({"any": "thing"}), true),
    ];
    for (field, value, is_good) in cases {
        match (parse(&with(field, value.clone())), is_good) {
            (Ok(_), true) => {}
            (Err(problems), false) => {
                assert_eq!(problems.invalid.len(), 1, "{field} {value}: {problems}");
                assert_eq!(problems.invalid[0].field, field, "{value}");
            }
            (got, _) => panic!("{field} {value}: {got:?}"),
        }
    }
}

#[test]
fn a_nic_names_its_subnet_and_perhaps_an_address() {
    for (nic, got) in [
        (json!({"subnet_id": ID, "ipv4_address": "10.0.0.7"}), Ok(Some(Ipv4Addr::new(10, 0, 0, 7)))),
        (json!({"subnet_id": ID, "ipv4_address": ""}), Ok(None)),
        (json!({"subnet_id": ID, "ipv4_address": " "}), Ok(None)),
        (json!({"subnet_id": ID, "ipv4_address": null}), Ok(None)),
        (json!({"subnet_id": ID, "ipv4_address": "10.0.0"}), Err("network_interfaces[0].ipv4_address")),
        (json!({"subnet_id": ID, "ipv4_address": "010.0.0.1"}), Err("network_interfaces[0].ipv4_address")),
        (json!({"subnet_id": ID, "ipv4_address": "::1"}), Err("network_interfaces[0].ipv4_address")),
        (json!({"subnet_id": "x"}), Err("network_interfaces[0].subnet_id")),
        (json!(7), Err("network_interfaces[0]")),
    ] {
        let parsed = parse(&with("network_interfaces", json!([nic])));
        match (parsed, got) {
            (Ok(request), Ok(address)) => assert_eq!(request.nics[0].address, address, "{nic}"),
            (Err(problems), Err(field)) => assert_eq!(problems.invalid[0].field, field),
            (parsed, _) => panic!("{nic}: {parsed:?}"),
        }
    }
    let problems = parse(&with("network_interfaces", json!([{"subnet_id": ID}, {}]))).unwrap_err();
    assert_eq!(problems.missing, ["network_interfaces[1].subnet_id"]);
}

#[test]
fn a_server_may_be_named_in_either_form_but_only_one_server() {
    for (placement, got) in [
        (json!({"server_id_set": [ID]}), Ok(ID)),
        (json!({"server_id": ID, "server_id_set": [ID]}), Ok(ID)),
        (json!({"server_id": ID, "server_id_set": [OTHER]}), Err("placement.server_id_set")),
        (json!({"server_id_set": [ID, OTHER]}), Err("placement.server_id_set")),
        (json!({"server_id_set": []}), Err("placement.server_id_set")),
        (json!({"server_id_set": [null]}), Err("placement.server_id_set")),
        (json!({"server_id": "x"}), Err("placement.server_id")),
    ] {
        match (parse(&with("placement", placement.clone())), got) {
            (Ok(request), Ok(id)) => assert_eq!(request.server_id, id.parse().ok(), "{placement}"),
            (Err(problems), Err(field)) => assert_eq!(problems.invalid[0].field, field),
            (parsed, _) => panic!("{placement}: {parsed:?}"),
        }
    }
}

#[test]
fn every_missing_field_is_named_at_once() {
    let problems = parse(&json!({"name": null})).unwrap_err();
    assert_eq!(problems.missing, ["name", "image_id", "vpc_id", "network_interfaces", "password"]);
    let problems = parse(&json!({"name": "/", "image_id": "x", "vpc_id": ID})).unwrap_err();
    assert_eq!(problems.missing, ["network_interfaces", "password"]);
    assert_eq!(problems.invalid.iter().map(|i| i.field.as_str()).collect::<Vec<_>>(), ["name", "image_id"]);
}

#[test]
fn a_body_that_is_no_object_is_refused_without_repeating_it() {
    for bad in ["", "{", "[]", "\"Abcdefg1\"", "{\"password\": \"Abcdefg1\"", "\u{feff}{}"] {
        let problems = CreateInstance::parse(bad.as_bytes()).unwrap_err();
        assert_eq!(problems.invalid[0].field, "body", "{bad}");
        assert!(!problems.to_string().contains("Abcdefg1"));
    }
    let deep = "[".repeat(100_000);
    assert!(CreateInstance::parse(deep.as_bytes()).is_err());
}

#[test]
fn neither_password_nor_metadata_shows_in_debug() {
    let request = parse(&with("metadata", json!({"key": "Hidden"}))).unwrap();
    let text = format!("{request:?}");
    assert!(!text.contains("Abcdefg1") && !text.contains("Hidden") && text.contains("key"), "{text}");
}

fn any_json() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,70}".prop_map(Value::from),
        Just(Value::from(ID)),
    ];
    let key = prop_oneof![
        Just("subnet_id".to_owned()),
        Just("ipv4_address".to_owned()),
        Just("server_id".to_owned()),
        Just("server_id_set".to_owned()),
        ".{0,4}",
    ];
    leaf.prop_recursive(3, 24, 4, move |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::vec((key.clone(), inner), 0..4)
                .prop_map(|pairs| Value::Object(pairs.into_iter().collect())),
        ]
    })
}

proptest! {
    #[test]
    fn no_json_makes_the_parser_panic(
        field in prop::sample::select(vec![
            "name", "image_id", "vpc_id", "network_interfaces", "password", "metadata", "description", "placement",
            "min_count", "max_count",
        ]),
        value in any_json(),
    ) {
        let _ = parse(&with(field, value.clone()));
        let _ = parse(&value);
    }

    #[test]
    fn no_bytes_make_the_parser_panic(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let _ = CreateInstance::parse(&bytes);
    }
}
