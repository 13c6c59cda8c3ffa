//! What a BMC says of itself, in the protocol's words and back.

use crate::bmc::{Baseline, User, UserName, UserState};
use billet_proto::link::{BmcFacts, BmcSetting, BmcUser, BmcUserState};

/// In the protocol's words; none of a BMC that told nothing.
pub(super) fn to_protocol(read: Baseline) -> Option<BmcFacts> {
    if read.is_empty() {
        return None;
    }
    let Baseline { firmware_version, users, lan, boot_override, not_told } = read;
    Some(BmcFacts {
        firmware_version: firmware_version.unwrap_or_default(),
        users: users.into_iter().map(user).collect(),
        lan: lan.into_iter().map(|(name, value)| BmcSetting { name, value }).collect(),
        boot_override: boot_override.map(|known| known.to_string()).unwrap_or_default(),
        not_told,
    })
}

fn user(user: User) -> BmcUser {
    let User { slot, name, state, privilege, ipmi_messaging, link_authentication, callback_only } = user;
    let state = match state {
        UserState::NotTold => BmcUserState::Unspecified,
        UserState::Enabled => BmcUserState::Enabled,
        UserState::Disabled => BmcUserState::Disabled,
    };
    let (slot, name, privilege) = (slot.into(), name.map(|name| name.to_string()), privilege.into());
    BmcUser { slot, name, state: state.into(), privilege, ipmi_messaging, link_authentication, callback_only }
}

/// The accounts of enrolment, as the controller kept them; those that no BMC can have are left out, and so is a name that none
/// can have.
pub(super) fn users(kept: &BmcFacts) -> Vec<User> {
    let each = |kept: &BmcUser| {
        Some(User {
            slot: u8::try_from(kept.slot).ok().filter(|slot| (1..=63).contains(slot))?,
            name: kept.name.as_deref().and_then(UserName::parse),
            state: match kept.state() {
                BmcUserState::Unspecified => UserState::NotTold,
                BmcUserState::Enabled => UserState::Enabled,
                BmcUserState::Disabled => UserState::Disabled,
            },
            privilege: u8::try_from(kept.privilege).ok().filter(|limit| *limit <= 15)?,
            ipmi_messaging: kept.ipmi_messaging,
            link_authentication: kept.link_authentication,
            callback_only: kept.callback_only,
        })
    };
    kept.users.iter().filter_map(each).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accounts_come_back_as_they_were_told() {
        let all = [UserState::NotTold, UserState::Enabled, UserState::Disabled].into_iter().zip(1u8..);
        let users: Vec<User> = all
            .map(|(state, slot)| User {
                slot,
                name: [None, Some(UserName::default()), UserName::parse("u\\x1b'")][usize::from(slot) - 1],
                state,
                privilege: slot,
                ipmi_messaging: slot > 1,
                link_authentication: slot > 2,
                callback_only: slot == 1,
            })
            .collect();
        let told = to_protocol(Baseline { users: users.clone(), ..Baseline::default() }).unwrap();
        assert_eq!(super::users(&told), users);
        assert_eq!(to_protocol(Baseline::default()), None, "nothing is not the same as no accounts");
    }
}
