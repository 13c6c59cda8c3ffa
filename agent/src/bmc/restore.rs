//! Putting a BMC's accounts right after somebody else's system had the machine.

use super::{Bmc, BmcError, User};
use crate::causes::chain;

/// What came of it, for people.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Restored {
    /// What was given back what it was.
    pub done: Vec<String>,
    /// What the BMC refused.
    pub refused: Vec<String>,
}

/// Gives each account that differs back what it was. Our own is never touched: a mistake there would lock us out; that
/// it differs is seen when all is compared. An account whose password alone was changed looks as before, and nothing can tell.
///
/// # Errors
/// When the BMC does not answer. What it refuses is in [`Restored::refused`].
pub async fn restore_users(bmc: &dyn Bmc, was: &[User], is: &[User]) -> Result<Restored, BmcError> {
    let own = &bmc.peer().user;
    let mut restored = Restored::default();
    for is in is {
        let Some(was) = was.iter().find(|was| was.slot == is.slot && *was != is) else { continue };
        if was.name == *own || is.name == *own {
            continue;
        }
        match bmc.restore_user(was, is).await {
            Ok(()) => restored.done.push(format!("{is} is '{}' with privilege {} again", was.name, was.privilege)),
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
    Ok(restored)
}
