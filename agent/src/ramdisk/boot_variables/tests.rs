use super::{restore::restore, *};

const NV_BS_RT: [u8; 4] = [7, 0, 0, 0];

/// A folder that looks like efivarfs.
struct Firmware(tempfile::TempDir);

impl Firmware {
    fn new() -> Self {
        let firmware = Self(tempfile::tempdir().unwrap());
        firmware.set("SecureBoot", &[0]);
        firmware.set("Boot0000", &option("UiApp"));
        firmware.set("Boot0001", &option("UEFI PXEv4"));
        firmware.set("BootOrder", &[1, 0, 0, 0]);
        firmware
    }

    fn set(&self, name: &str, value: &[u8]) {
        fs::write(path(self.0.path(), name), [&NV_BS_RT[..], value].concat()).unwrap();
    }

    fn remove(&self, name: &str) {
        fs::remove_file(path(self.0.path(), name)).unwrap();
    }

    fn read(&self) -> BootVariables {
        read(self.0.path()).unwrap()
    }
}

fn option(description: &str) -> Vec<u8> {
    let text: Vec<u8> = description.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect();
    [&[1, 0, 0, 0, 4, 0][..], &text, &[0x7f, 0xff, 4, 0]].concat()
}

#[test]
fn options_orders_and_the_next_one_are_read_and_nothing_of_another_namespace() {
    let firmware = Firmware::new();
    firmware.set("BootNext", &[1, 0]);
    fs::write(firmware.0.path().join("Boot0007-00000000-0000-0000-0000-000000000000"), [0; 8]).unwrap();
    let read = firmware.read();
    let options: Vec<_> = read.options.iter().map(|o| (o.name.as_str(), o.description.as_str())).collect();
    assert_eq!(options, [("Boot0000", "UiApp"), ("Boot0001", "UEFI PXEv4")]);
    assert_eq!(
        (read.orders[0].name.as_str(), &read.orders[0].options[..]),
        ("BootOrder", &["Boot0001".into(), "Boot0000".into()][..])
    );
    assert_eq!((read.orders.len(), read.next.as_str()), (1, "Boot0001"));
    assert_eq!(super::read(Path::new("/nonexistent")), None);
}

#[test]
fn what_a_tenants_root_did_to_the_boot_entries_is_undone_and_what_is_as_it_was_is_not_written() {
    let firmware = Firmware::new();
    let was = firmware.read();
    // An installation's entry, a driver that firmware would load, firmware's own entry turned to another place, one gone.
    firmware.set("Boot0005", &option("debian"));
    firmware.set("Driver0000", &option("evil"));
    firmware.set("DriverOrder", &[0, 0]);
    firmware.set("SysPrep0000", &option("evil"));
    firmware.set("Boot0000", &option("UiApp?"));
    firmware.remove("Boot0001");
    firmware.set("BootOrder", &[5, 0, 0, 0]);
    firmware.set("BootNext", &[5, 0]);
    let restored = restore(firmware.0.path(), &was);
    assert_eq!(restored.refused, [""; 0]);
    assert_eq!(restored.variables.as_ref(), Some(&was));
    assert_eq!(firmware.read(), was);
    assert_eq!(restored.done.len(), 8, "{:?}", restored.done);
    assert!(restored.done.contains(&"Boot0005 'debian' is removed".to_owned()), "{:?}", restored.done);

    let again = restore(firmware.0.path(), &was);
    assert_eq!(again.done, [""; 0]);
}

#[test]
fn what_cannot_be_put_back_is_named_and_the_rest_is_put_back_all_the_same() {
    let firmware = Firmware::new();
    let mut was = firmware.read();
    let broken = LoadOption { name: "Boot0003".into(), content: "no hexadecimal".into(), ..LoadOption::default() };
    was.options.push(broken);
    firmware.set("BootNext", &[1, 0]);
    let restored = restore(firmware.0.path(), &was);
    assert_eq!(restored.done, ["BootNext is removed"]);
    assert!(restored.refused[0].starts_with("Boot0003"), "{:?}", restored.refused);
}
