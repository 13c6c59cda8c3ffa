//! How much each project may have. Asked within the transaction that creates, so that no two calls get past it together.

use crate::{
    lifecycle::refusal::Refusal,
    store::{
        Result, Transaction,
        access::{Quota, Usage},
    },
};
use billet_proto::ProjectId;

/// What holds where neither the configuration nor an operator said anything.
pub const DEFAULT: Quota = Quota { instances: 100, addresses: 400, images: 50, vpcs: 50, subnets: 200 };

/// What a call would add.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Wanted {
    /// Instances.
    pub instances: u32,
    /// Addresses of all of them.
    pub addresses: u32,
    /// Images of the project's own.
    pub images: u32,
    /// VPCs.
    pub vpcs: u32,
    /// Subnets.
    pub subnets: u32,
}

impl Wanted {
    /// So many instances with so many addresses each.
    pub fn instances(instances: u32, addresses_each: usize) -> Self {
        let each = u32::try_from(addresses_each).unwrap_or(u32::MAX);
        Self { instances, addresses: instances.saturating_mul(each), ..Self::default() }
    }
}

/// What a project may have.
///
/// # Errors
/// When the store fails.
pub fn of(tx: &mut dyn Transaction, project: &ProjectId) -> Result<Quota> {
    match tx.quota(Some(project))? {
        Some(own) => Ok(own),
        None => Ok(tx.quota(None)?.unwrap_or(DEFAULT)),
    }
}

/// Whether a project may have so much more. One that has too much already keeps it, and gets no more.
///
/// # Errors
/// [`Refusal::Quota`] when it may not.
pub fn check(tx: &mut dyn Transaction, project: &ProjectId, wanted: Wanted) -> std::result::Result<(), Refusal> {
    let quota = of(tx, project)?;
    let over = |usage: &Usage| {
        let all = [
            ("instances", usage.instances, wanted.instances, quota.instances),
            ("addresses", usage.addresses, wanted.addresses, quota.addresses),
            ("images", usage.images, wanted.images, quota.images),
            ("vpcs", usage.vpcs, wanted.vpcs, quota.vpcs),
            ("subnets", usage.subnets, wanted.subnets, quota.subnets),
        ];
        all.into_iter()
            .find(|(_, used, wanted, limit)| *wanted > 0 && used.saturating_add(u64::from(*wanted)) > u64::from(*limit))
    };
    // Counting takes the longer, the more a project has. Where all projects together are below its quota, none counts.
    if over(&tx.usage_at_most()?).is_none() {
        return Ok(());
    }
    match over(&tx.usage(project)?) {
        Some((what, used, wanted, limit)) => Err(Refusal::Quota { what, used, wanted, limit }),
        None => Ok(()),
    }
}

/// As [`check`], for one image; an image that all share is no project's.
///
/// # Errors
/// As [`check`].
pub fn check_image(tx: &mut dyn Transaction, owner: Option<&ProjectId>) -> std::result::Result<(), Refusal> {
    let wanted = Wanted { images: 1, ..Wanted::default() };
    owner.map_or(Ok(()), |project| check(tx, project, wanted))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::store::{Store, sqlite::SqliteStore};

    fn lab() -> ProjectId {
        "lab".parse().unwrap()
    }

    #[test]
    fn a_projects_own_quota_goes_before_everybodys_and_that_before_the_built_in_one() {
        let mut store = SqliteStore::open_in_memory().unwrap();
        let mut tx = store.begin().unwrap();
        assert_eq!(of(&mut *tx, &lab()).unwrap(), DEFAULT);
        let all = Quota { instances: 1, addresses: 2, images: 3, vpcs: 4, subnets: 5 };
        tx.set_quota(None, &all).unwrap();
        assert_eq!(of(&mut *tx, &lab()).unwrap(), all);
        let own = Quota { instances: 7, ..all };
        tx.set_quota(Some(&lab()), &own).unwrap();
        assert_eq!(of(&mut *tx, &lab()).unwrap(), own);
        assert_eq!(of(&mut *tx, &"other".parse().unwrap()).unwrap(), all);
        tx.remove_quota(&lab()).unwrap();
        assert_eq!(of(&mut *tx, &lab()).unwrap(), all);
    }

    #[test]
    fn what_fits_exactly_is_allowed_and_one_more_is_not() {
        let mut store = SqliteStore::open_in_memory().unwrap();
        let mut tx = store.begin().unwrap();
        tx.set_quota(None, &Quota { instances: 2, addresses: 4, images: 0, vpcs: 0, subnets: 0 }).unwrap();
        check(&mut *tx, &lab(), Wanted::instances(2, 2)).unwrap();
        for (wanted, over) in [
            (Wanted::instances(3, 1), "instances"),
            (Wanted::instances(2, 3), "addresses"),
            (Wanted { images: 1, ..Wanted::default() }, "images"),
            (Wanted { vpcs: 1, ..Wanted::default() }, "vpcs"),
            (Wanted { subnets: 1, ..Wanted::default() }, "subnets"),
            (Wanted::instances(u32::MAX, usize::MAX), "instances"),
        ] {
            let refused = check(&mut *tx, &lab(), wanted).unwrap_err();
            assert!(matches!(refused, Refusal::Quota { what, .. } if what == over), "{refused}");
        }
        check_image(&mut *tx, None).unwrap();
    }
}
