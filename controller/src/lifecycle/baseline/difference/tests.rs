use super::*;
use billet_proto::link::BmcUserState;

fn user(slot: u32, name: &str, privilege: u32) -> BmcUser {
    BmcUser { slot, name: Some(name.into()), privilege, ipmi_messaging: privilege < 15, ..BmcUser::default() }
}

fn setting(name: &str, value: &str) -> BmcSetting {
    BmcSetting { name: name.into(), value: value.into() }
}

fn option(name: &str, description: &str) -> LoadOption {
    let content = hex::encode(description);
    LoadOption {
        name: name.into(),
        description: description.into(),
        device_path_sha256: "0123456789".into(),
        content,
        not_whole: false,
    }
}

fn baseline() -> Baseline {
    let version = |part: &str| FirmwareVersion { part: part.into(), version: "1.0".into() };
    Baseline {
        bmc: Some(BmcFacts {
            firmware_version: "2.17".into(),
            users: vec![user(1, "", 15), user(2, "billet", 4), user(3, "", 15)],
            lan: vec![
                setting("address-source", "static"),
                setting("address", "10.78.0.101"),
                setting("cipher-privileges", "44"),
            ],
            boot_override: "none".into(),
            not_told: vec![],
        }),
        boot_variables: Some(BootVariables {
            options: vec![option("Boot0000", "UiApp"), option("Boot0001", "PXE")],
            orders: vec![LoadOrder {
                name: "BootOrder".into(),
                options: vec!["Boot0001".into(), "Boot0000".into()],
                not_whole: false,
            }],
            next: String::new(),
        }),
        secure_boot: true,
        versions: vec![version("BIOS"), version("disk S1"), version("port 52:54:00:00:00:01")],
        capacities: [2000, 1000].map(|size_bytes| DiskCapacity { disk: "S1".into(), size_bytes }).to_vec(),
    }
}

fn found(change: impl FnOnce(&mut Baseline)) -> Vec<String> {
    let mut is = baseline();
    change(&mut is);
    differences(&baseline(), &is).iter().map(ToString::to_string).collect()
}

fn bmc(is: &mut Baseline) -> &mut BmcFacts {
    is.bmc.as_mut().unwrap()
}

fn variables(is: &mut Baseline) -> &mut BootVariables {
    is.boot_variables.as_mut().unwrap()
}

#[test]
fn whatever_a_root_can_change_is_named_with_what_it_was_and_is() {
    type Change = fn(&mut Baseline);
    let changes: [(Change, &str); 17] = [
        (|is| is.versions[0].version = "1.1".into(), "firmware of BIOS was 1.0, is 1.1"),
        (|is| is.versions[1].version = "1.1".into(), "firmware of disk S1 was 1.0, is 1.1"),
        (|is| is.versions[1].version.clear(), "firmware of disk S1 was 1.0, is not told"),
        (
            |is| is.capacities[1].size_bytes = 999,
            "capacity of disk S1 was 1000 bytes and 2000 bytes, is 999 bytes and 2000 bytes",
        ),
        (|is| drop(is.capacities.pop()), "capacity of disk S1 was 1000 bytes and 2000 bytes, is 2000 bytes"),
        (|is| is.secure_boot = false, "Secure Boot was on, is off"),
        (|is| is.boot_variables = None, "firmware's boot entries was told, is not told"),
        (|is| variables(is).options.push(option("Boot0005", "evil")), "Boot0005 was none, is 'evil' (path 01234567)"),
        (|is| drop(variables(is).options.pop()), "Boot0001 was 'PXE' (path 01234567), is none"),
        (|is| variables(is).orders[0].options.reverse(), "BootOrder was Boot0001 Boot0000, is Boot0000 Boot0001"),
        (|is| variables(is).next = "Boot0000".into(), "BootNext was none, is Boot0000"),
        (|is| is.bmc = None, "BMC was told, is not told"),
        (|is| bmc(is).firmware_version = "2.18".into(), "firmware of the BMC was 2.17, is 2.18"),
        (|is| bmc(is).users[2] = user(3, "evil", 4), "BMC account 3 was '' without access, is 'evil' with privilege 4"),
        (
            |is| bmc(is).users[1].privilege = 2,
            "BMC account 2 was 'billet' with privilege 4, is 'billet' with privilege 2",
        ),
        (|is| bmc(is).lan[1].value = "10.78.0.66".into(), "BMC address was 10.78.0.101, is 10.78.0.66"),
        (
            |is| bmc(is).boot_override = "network continuous uefi".into(),
            "BMC boot override was none, is network continuous uefi",
        ),
    ];
    for (change, told) in changes {
        assert_eq!(found(change), [told]);
    }
    // The same name and place, and something else that it starts with.
    assert_eq!(found(|is| variables(is).options[0].content.push_str("00")).len(), 1);
    assert_eq!(found(|is| drop(bmc(is).lan.remove(2))), ["BMC cipher-privileges was 44, is not told"]);
}

#[test]
fn what_comes_and_goes_by_itself_is_no_difference() {
    type Change = fn(&mut Baseline);
    let changes: [Change; 9] = [
        |_| {},
        |is| bmc(is).boot_override = "network once uefi".into(),
        |is| bmc(is).boot_override = "disk continuous uefi".into(),
        |is| bmc(is).users[2].name = Some("left over".into()),
        |is| drop(is.versions.remove(1)),
        |is| is.capacities.clear(),
        |is| is.capacities.reverse(),
        |is| bmc(is).lan.push(setting("vlan", "none")),
        |is| bmc(is).not_told.push("vlan".into()),
    ];
    for (index, change) in changes.into_iter().enumerate() {
        assert_eq!(found(change), [""; 0], "{index}");
    }
    let mut was = baseline();
    bmc(&mut was).lan[0].value = "dhcp".into();
    let mut is = was.clone();
    bmc(&mut is).lan[1].value = "10.78.0.66".into();
    assert_eq!(differences(&was, &is), [], "another lease");
    assert_eq!(differences(&Baseline { bmc: None, boot_variables: None, ..baseline() }, &baseline()), []);
}

#[test]
fn what_was_not_told_at_enrolment_is_not_compared() {
    let mut was = baseline();
    bmc(&mut was).firmware_version = String::new();
    was.versions[1].version.clear();
    was.capacities.clear();
    bmc(&mut was).users.remove(2);
    bmc(&mut was).not_told.push("user-3".into());
    let mut is = baseline();
    assert_eq!(differences(&was, &is), []);
    bmc(&mut is).users[2] = user(3, "admin", 4);
    let told: Vec<String> = differences(&was, &is).iter().map(ToString::to_string).collect();
    assert_eq!(told, ["BMC account 3 was not told, is 'admin' with privilege 4"], "it may be the tenant's");
    bmc(&mut was).users.clear();
    assert_eq!(differences(&was, &is), [], "no account was told");
}

#[test]
fn a_part_that_tells_no_version_any_more_differs() {
    let told = found(|is| is.versions.retain(|part| part.part.starts_with("disk")));
    assert_eq!(
        told,
        ["firmware of BIOS was 1.0, is not told", "firmware of port 52:54:00:00:00:01 was 1.0, is not told"]
    );
}

#[test]
fn what_could_not_be_read_differs_from_what_was_and_nothing_differs_from_what_never_was_read() {
    let unread = |of: &mut Baseline| {
        let variables = variables(of);
        variables.options[0] = LoadOption { name: "Boot0000".into(), not_whole: true, ..LoadOption::default() };
        variables.orders[0] = LoadOrder { name: "BootOrder".into(), options: vec![], not_whole: true };
    };
    let told = ["Boot0000 was 'UiApp' (path 01234567), is not told", "BootOrder was Boot0001 Boot0000, is not told"];
    assert_eq!(found(unread), told);
    let mut was = baseline();
    unread(&mut was);
    assert_eq!(differences(&was, &baseline()), []);
    // One that was cut is known as far as it was read.
    let mut was = baseline();
    variables(&mut was).options[0].not_whole = true;
    assert_eq!(differences(&was, &was.clone()), []);
    assert_eq!(differences(&was, &baseline()).len(), 1);
}

#[test]
fn an_account_that_was_closed_and_is_open_again_differs_and_one_that_stays_closed_does_not() {
    let mut was = baseline();
    bmc(&mut was).users[2] = BmcUser { state: BmcUserState::Disabled.into(), ..user(3, "root", 4) };
    let with = |state: BmcUserState, privilege: u32| {
        let mut is = was.clone();
        bmc(&mut is).users[2] = BmcUser { state: state.into(), ..user(3, "root", privilege) };
        differences(&was, &is).len()
    };
    assert_eq!([with(BmcUserState::Disabled, 3), with(BmcUserState::Enabled, 4)], [0, 1]);
}
