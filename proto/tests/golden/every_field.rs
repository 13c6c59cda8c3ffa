//! Each message, each of its fields and each word of its enumerations has bytes in the newest set: one that has none could be given
//! another number, and both ends, which are built from one file, would not see it.

use protox::prost_reflect::{DescriptorPool, DynamicMessage, Kind, ReflectMessage, Value};
use std::{collections::BTreeSet, slice};

/// The newest set, each file with the package that its messages are of.
const NEWEST: [(&str, &str); 4] = [
    ("billet.link.v1", include_str!("2026-11-30/agent.hex")),
    ("billet.link.v1", include_str!("2026-11-30/controller.hex")),
    ("billet.ramdisk.v1", include_str!("2026-11-30/host.hex")),
    ("billet.ramdisk.v1", include_str!("2026-11-30/ramdisk.hex")),
];

/// The protocol as it is now.
fn protocol() -> DescriptorPool {
    let files = protox::compile(["proto/ramdisk.proto"], ["proto"]).expect("the build compiles it too");
    DescriptorPool::from_file_descriptor_set(files).expect("protox resolved every name")
}

/// The names of all that can be said. An enumeration's zero has no bytes.
fn all(protocol: &DescriptorPool) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    for message in protocol.all_messages().filter(|message| !message.is_map_entry()) {
        names.insert(message.full_name().to_owned());
        names.extend(message.fields().map(|field| field.full_name().to_owned()));
    }
    for words in protocol.all_enums() {
        names.extend(words.values().filter(|word| word.number() != 0).map(|word| word.full_name().to_owned()));
    }
    names
}

/// What a message says, and the messages in it.
fn said(message: &DynamicMessage, names: &mut BTreeSet<String>) {
    names.insert(message.descriptor().full_name().to_owned());
    for (field, value) in message.fields() {
        names.insert(field.full_name().to_owned());
        for one in each(value) {
            match (one, field.kind()) {
                (Value::Message(part), _) => said(part, names),
                (Value::EnumNumber(number), Kind::Enum(words)) => {
                    names.extend(words.get_value(*number).map(|word| word.full_name().to_owned()));
                }
                _ => {}
            }
        }
    }
}

fn each(value: &Value) -> &[Value] {
    match value {
        Value::List(values) => values,
        one => slice::from_ref(one),
    }
}

#[test]
fn the_newest_set_has_bytes_for_every_field_of_every_message() {
    let protocol = protocol();
    let mut names = BTreeSet::new();
    for (package, file) in NEWEST {
        for line in file.lines() {
            let (name, hex) = line.split_once(' ').unwrap();
            let (message, _) = name.split_once('.').unwrap_or((name, ""));
            let message = protocol.get_message_by_name(&format!("{package}.{message}")).unwrap();
            said(&DynamicMessage::decode(message, &hex::decode(hex).unwrap()[..]).unwrap(), &mut names);
        }
    }
    let missing: Vec<_> = all(&protocol).into_iter().filter(|name| !names.contains(name)).collect();
    assert_eq!(missing, Vec::<String>::new(), "a set of today, with these, belongs beside the newest one");
}
