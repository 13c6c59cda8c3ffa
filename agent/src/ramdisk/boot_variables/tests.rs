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

#[test]
fn what_is_told_of_all_options_is_bounded_and_what_is_left_out_is_marked() {
    let firmware = Firmware::new();
    for number in 0..MAX_OPTIONS {
        firmware.set(&format!("Boot{number:04X}"), &vec![7; MAX_BYTES]);
    }
    let told = firmware.read();
    assert_eq!(told.options.len(), MAX_OPTIONS);
    // In hexadecimal.
    assert_eq!(told.options.iter().map(|option| option.content.len()).sum::<usize>(), 2 * MAX_TOLD);
    assert_eq!(told.options.iter().filter(|option| !option.not_whole).count(), MAX_TOLD / MAX_BYTES);
}

#[test]
fn what_was_cut_or_could_not_be_read_is_marked_and_never_written_back() {
    let firmware = Firmware::new();
    firmware.set("Boot0002", &vec![7; MAX_BYTES]);
    firmware.set("Boot0003", &vec![7; MAX_BYTES + 1]);
    firmware.set("Boot0004", &option("gone"));
    // Folders cannot be read, whoever asks.
    for name in ["Boot0005", "DriverOrder", "BootNext"] {
        fs::create_dir(path(firmware.0.path(), name)).unwrap();
    }
    let was = firmware.read();
    let marked: Vec<&str> = was.options.iter().filter(|o| o.not_whole).map(|o| o.name.as_str()).collect();
    assert_eq!(marked, ["Boot0003", "Boot0005"]);
    let lengths: Vec<usize> = was.options[2..].iter().map(|option| option.content.len() / 2).collect();
    assert_eq!(lengths, [MAX_BYTES, MAX_BYTES, option("gone").len(), 0]);
    assert_eq!(was.orders.iter().map(|order| order.not_whole).collect::<Vec<_>>(), [false, true]);
    assert_eq!(was.next, NOT_READ, "it is there");

    // All of them are changed, or gone, and the one that was read is put back.
    firmware.set("Boot0003", &option("evil"));
    firmware.remove("Boot0004");
    for name in ["Boot0005", "DriverOrder", "BootNext"] {
        fs::remove_dir(path(firmware.0.path(), name)).unwrap();
    }
    // As a version wrote it that knew no mark.
    let mut was = was;
    was.options.push(LoadOption { name: "Boot0006".into(), ..LoadOption::default() });
    let restored = restore(firmware.0.path(), &was);
    assert_eq!(restored.done, ["Boot0004 'gone' is written back"]);
    let refused: Vec<&str> = restored.refused.iter().map(|text| text.split(' ').next().unwrap()).collect();
    assert_eq!(refused, ["Boot0003", "Boot0005", "Boot0006", "DriverOrder"], "{:?}", restored.refused);
    let names: Vec<String> = firmware.read().options.into_iter().map(|option| option.name).collect();
    assert_eq!(names, ["Boot0000", "Boot0001", "Boot0002", "Boot0003", "Boot0004"]);
}
