//! What a machine and its BMC say, fit for a row and for people: bounded, and without control characters. Made field by
//! field, so that one that is added cannot be forgotten here.

use crate::lifecycle::event::tame;
use billet_proto::link::{BmcFacts, BmcSetting, BmcUser, BootVariables, LoadOption, LoadOrder};

/// More than any BMC or firmware has, of anything.
const MAX_PARTS: usize = 256;
/// Of a load option: 16 KiB, in hexadecimal.
const MAX_CONTENT: usize = 32 << 10;

pub(super) fn bmc(told: &BmcFacts) -> BmcFacts {
    BmcFacts {
        firmware_version: tame(&told.firmware_version),
        users: each(&told.users, |user| BmcUser { name: user.name.as_deref().map(tame), ..user.clone() }),
        lan: each(&told.lan, setting),
        boot_override: tame(&told.boot_override),
        not_told: each(&told.not_told, |name| tame(name)),
    }
}

fn setting(told: &BmcSetting) -> BmcSetting {
    BmcSetting { name: tame(&told.name), value: tame(&told.value) }
}

pub(in crate::lifecycle) fn boot_variables(told: &BootVariables) -> BootVariables {
    BootVariables {
        options: each(&told.options, load_option),
        orders: each(&told.orders, |order| LoadOrder {
            name: tame(&order.name),
            options: each(&order.options, |name| tame(name)),
            not_whole: order.not_whole,
        }),
        next: tame(&told.next),
    }
}

/// One that is longer than any is kept by its digest alone, and cannot be put back.
fn load_option(told: &LoadOption) -> LoadOption {
    let is_good = told.content.len() <= MAX_CONTENT && told.content.bytes().all(|byte| byte.is_ascii_hexdigit());
    LoadOption {
        name: tame(&told.name),
        description: tame(&told.description),
        device_path_sha256: tame(&told.device_path_sha256),
        content: if is_good { told.content.clone() } else { String::new() },
        not_whole: told.not_whole || !is_good,
    }
}

fn each<T>(parts: &[T], one: impl Fn(&T) -> T) -> Vec<T> {
    parts.iter().take(MAX_PARTS).map(one).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_of_a_bmc_or_firmware_is_long_or_commands_a_terminal_and_no_list_is_endless() {
        let wild = || format!("\u{1b}[31m\n{}", "x".repeat(40_000));
        let user = BmcUser { slot: 2, name: Some(wild()), privilege: 4, ipmi_messaging: true, ..BmcUser::default() };
        let facts = bmc(&BmcFacts {
            firmware_version: wild(),
            users: vec![user; 300],
            lan: vec![BmcSetting { name: wild(), value: wild() }; 300],
            boot_override: wild(),
            not_told: vec![wild(); 300],
        });
        let option = LoadOption {
            name: wild(),
            description: wild(),
            device_path_sha256: wild(),
            content: wild(),
            not_whole: false,
        };
        let variables = boot_variables(&BootVariables {
            options: vec![option; 300],
            orders: vec![LoadOrder { name: wild(), options: vec!["x".into(); 2000], not_whole: true }; 300],
            next: wild(),
        });
        let text = format!("{facts:?} {variables:?}");
        assert!(!text.contains("\\u{1b}") && !text.contains("\\n") && !text.contains(&"x".repeat(601)));
        assert!(text.contains(&"x".repeat(500)), "cut, and not left out");
        let lengths =
            [facts.users.len(), facts.lan.len(), facts.not_told.len(), variables.options.len(), variables.orders.len()];
        assert_eq!(lengths, [MAX_PARTS; 5]);
        assert!(variables.options[0].not_whole && variables.orders[0].not_whole, "what was left out is marked");
        assert_eq!((facts.users[0].slot, facts.users[0].privilege, facts.users[0].ipmi_messaging), (2, 4, true));
    }
}
