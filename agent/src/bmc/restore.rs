//! Putting a BMC's accounts right after somebody else's system had the machine.

use super::{Bmc, BmcError, NO_ACCESS, User, UserState};
use crate::causes::chain;

/// What came of it, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// What was put right, as far as it is.
    pub done: Vec<String>,
    /// What the BMC refused.
    pub refused: Vec<String>,
}

/// Gives each account that differs back what it was; one that let somebody in is closed. Our own is never touched: a mistake
/// there would lock us out; that it differs is seen when all is compared. An account whose password alone was changed looks as
/// before, and nothing can tell. May be called again, with what the BMC tells then.
///
/// # Errors
/// When the BMC does not answer. What it refuses is in [`Restored::refused`].
pub async fn restore_users(bmc: &dyn Bmc, was: &[User], is: &[User], restored: &mut Restored) -> Result<(), BmcError> {
    let ours = own_slots(&bmc.peer().user, was, is);
    restored.refused.clear();
    for is in is.iter().filter(|is| !ours.contains(&is.slot)) {
        let Some(was) = was.iter().find(|was| was.slot == is.slot && *was != is) else { continue };
        let wanted = wanted(was, is);
        if wanted == *is {
            continue;
        }
        match bmc.restore_user(&wanted, is).await {
            Ok(()) if was.lets_in() => {
                restored.done.push(format!("{is} is closed: it was changed, and its password may be too"));
            }
            Ok(()) => restored.done.push(format!("{is} lets nobody in, as it was")),
            Err(error @ (BmcError::Refused { .. } | BmcError::Protocol { .. })) => {
                restored.refused.push(format!("{is}: {}", chain(&error)));
            }
            Err(error @ BmcError::AuthFailed { .. }) => {
                // The account may not change others: it may not change the next one either.
                restored.refused.push(format!("{is}: {}", chain(&error)));
                break;
            }
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// The slots that are ours: those that had our name at enrolment; in any other it is somebody else's. Where none of them has
/// it now, whatever has it is what lets us in.
fn own_slots(own: &str, was: &[User], is: &[User]) -> Vec<u8> {
    let named =
        |users: &[User]| -> Vec<u8> { users.iter().filter(|user| user.is_named(own)).map(|user| user.slot).collect() };
    let (mut ours, now) = (named(was), named(is));
    if !ours.iter().any(|slot| now.contains(slot)) {
        ours.extend(now);
    }
    ours
}

/// What an account that was changed is to be. It lets nobody in by what may be another's password: where it did, it stays
/// closed, and differs, until somebody looked at it.
fn wanted(was: &User, is: &User) -> User {
    let mut wanted = was.clone();
    // A name that was not told is not an empty one.
    if was.name.is_none() || is.name.is_none() {
        wanted.name = is.name;
    }
    wanted.state = is.state;
    if was.lets_in() || was.state == UserState::Disabled {
        wanted.state = UserState::Disabled;
        if is.state == UserState::NotTold {
            // Nobody would see whether it is disabled.
            (wanted.privilege, wanted.ipmi_messaging) = (NO_ACCESS, false);
        }
    }
    wanted
}

#[cfg(test)]
mod tests {
    use super::{UserState::*, *};
    use crate::bmc::UserName;

    fn user(slot: u8, name: &str, state: UserState, privilege: u8) -> User {
        let name = UserName::parse(name);
        User { slot, name, state, privilege, ipmi_messaging: privilege != NO_ACCESS, ..User::default() }
    }

    #[test]
    fn an_account_that_was_changed_lets_nobody_in_and_one_that_did_stays_a_difference() {
        let states = [NotTold, Enabled, Disabled];
        for (was, is) in states.into_iter().flat_map(|was| states.map(|is| (was, is))) {
            for (had, has) in [(3, 4), (3, 3), (NO_ACCESS, 4), (4, NO_ACCESS), (NO_ACCESS, NO_ACCESS)] {
                let (was, is) = (user(3, "root", was, had), user(3, "evil", is, has));
                let wanted = wanted(&was, &is);
                assert!(!wanted.lets_in(), "{was:?} {is:?} {wanted:?}");
                assert_eq!(wanted.name, was.name);
                assert!(wanted.state != Enabled || is.state == Enabled, "{is:?}: nothing is enabled");
                // As it reads back from a BMC that tells states, or tells none.
                let read = User { state: if is.state == NotTold { NotTold } else { wanted.state }, ..wanted.clone() };
                assert!(!read.lets_in(), "{was:?} {is:?} {read:?}");
                assert!(!was.lets_in() || read != was, "{was:?} {is:?}: it must not look as if nothing had been");
                let again = super::wanted(&was, &read);
                assert_eq!(User { state: read.state, ..again }, read, "and there it stays");
            }
        }
    }

    #[test]
    fn a_name_that_was_not_told_is_not_written_back_as_an_empty_one() {
        let was = User { name: None, ..user(3, "", Enabled, 3) };
        let is = user(3, "root", Enabled, 4);
        assert_eq!(wanted(&was, &is).name, is.name);
        assert_eq!(wanted(&is, &was).name, None, "nor one over what is not told now");
    }

    #[test]
    fn our_account_is_the_slot_that_had_our_name_and_another_of_that_name_is_not_ours() {
        let named = |name: &str| vec![user(2, name, Enabled, 4), user(3, "root", Enabled, 4)];
        let mut is = named("oper");
        is[1] = user(3, "oper", Enabled, 4);
        assert_eq!(own_slots("oper", &named("oper"), &is), [2]);
        // Another name there: what lets us in is left alone too, and differs.
        is[0] = user(2, "evil", Enabled, 4);
        assert_eq!(own_slots("oper", &named("oper"), &is), [2, 3]);
        assert_eq!(own_slots("oper", &named("other"), &named("oper")), [2]);
    }
}
