//! Drives that erase themselves, and drives that only say so.

use super::random;
use crate::disk::{
    DiskError,
    wipe::{
        Drive, Extent, Wiped, Work,
        device::Device,
        drive,
        fake::{Fake, Kind, SIZE},
    },
};
use billet_proto::link::{Disk, Erasure};
use std::time::{Duration, Instant};

/// Everything: block erase, new keys, user data erase.
const NVME: Kind = Kind::Nvme { oacs: 2, fna: 4, sanicap: 0b11 };
const FORMATS: Kind = Kind::Nvme { oacs: 2, fna: 0, sanicap: 0 };
/// Supported, with enhanced erase.
const ATA: Kind = Kind::Ata(0b10_0001);

fn wipe(fake: &Fake, extent: Extent, allowed: &[Erasure]) -> Result<Wiped, DiskError> {
    wipe_as(fake, &fake.recorded(), extent, allowed)
}

fn identified(disks: &[(&Disk, &Fake)], whole: bool) -> Result<Vec<Drive>, DiskError> {
    let disks: Vec<(&Disk, &dyn Device)> = disks.iter().map(|(disk, fake)| (*disk, *fake as &dyn Device)).collect();
    drive::identified(&disks, whole)
}

fn wipe_as(fake: &Fake, recorded: &Disk, extent: Extent, allowed: &[Erasure]) -> Result<Wiped, DiskError> {
    let (began, mut random) = (Instant::now(), random());
    let drive = identified(&[(recorded, fake)], extent == Extent::Full)?.remove(0);
    let drive = drive.ended(fake, recorded)?;
    drive.settle(fake)?;
    let mut told = |_| {};
    let work =
        Work { device: fake, drive: &drive, random: &mut random, progress: &mut told, refused: Vec::new(), began };
    match extent {
        Extent::Full => work.whole(allowed),
        Extent::Metadata => work.metadata(vec![(0, SIZE as u64 / 4), (SIZE as u64 / 2, SIZE as u64 / 4)]),
    }
}

fn whole(fake: &Fake) -> Result<Wiped, DiskError> {
    wipe(fake, Extent::Full, &[])
}

#[test]
fn a_drive_is_sanitized_where_it_can_be_and_its_end_is_waited_for() {
    let fake = Fake::new(NVME);
    let wiped = whole(&fake).unwrap();
    assert_eq!((wiped.method, wiped.zeroed_after, wiped.bytes()), ("nvme-sanitize-block", false, SIZE as u64));
    assert_eq!((fake.orders(), fake.is_zero()), (vec!["sanitize 2".to_owned()], true));
    assert!(fake.waited.get() > Duration::ZERO && wiped.refused.is_empty());
}

#[test]
fn what_is_refused_or_fails_is_followed_by_the_next_way_and_told() {
    let mut fake = Fake::new(NVME);
    (fake.sanitize_ends, fake.refuses) = (3, vec!["format", "zero"]);
    let wiped = whole(&fake).unwrap();
    assert_eq!((wiped.method, fake.is_zero()), ("overwrite", true));
    let orders = ["sanitize 2", "sanitize 1", "sanitize 4", "sanitize 1", "format 1", "format 2", "zero", "write"];
    assert_eq!(fake.orders(), orders, "a drive whose sanitize failed is taken out of that state");
    let refused: Vec<&str> = wiped.refused.iter().map(|text| text.split(':').next().unwrap()).collect();
    let ways = ["nvme-sanitize-block", "nvme-sanitize-crypto", "nvme-format", "nvme-format-crypto", "write-zeroes"];
    assert_eq!(refused, ways);
}

#[test]
fn a_drive_that_says_it_erased_itself_and_did_not_is_not_believed() {
    for (kind, expected) in [(NVME, "write-zeroes"), (ATA, "write-zeroes")] {
        let mut fake = Fake::new(kind);
        fake.leaves = None;
        let wiped = whole(&fake).unwrap();
        assert_eq!((wiped.method, fake.is_zero()), (expected, true));
        assert!(wiped.refused.iter().all(|text| text.contains("what they were before")), "{:?}", wiped.refused);
    }
}

#[test]
fn zeros_are_written_after_an_erasure_that_leaves_something_else() {
    for kind in [NVME, FORMATS, ATA] {
        let mut fake = Fake::new(kind);
        fake.leaves = Some(0xff);
        let wiped = whole(&fake).unwrap();
        assert!(wiped.zeroed_after && fake.is_zero() && wiped.refused.is_empty(), "{wiped:?}");
    }
}

#[test]
fn a_drive_whose_namespaces_are_all_recorded_has_each_erased_in_a_way_that_is_of_one_alone() {
    let formats_all = Kind::Nvme { oacs: 2, fna: 0b011, sanicap: 0b11 };
    for (kind, method) in [(NVME, "nvme-format"), (formats_all, "write-zeroes")] {
        let mut both = [Fake::new(kind), Fake::new(kind)];
        for (fake, namespace) in both.iter_mut().zip([1, 2]) {
            (fake.namespaces, fake.namespace) = (vec![1, 2], namespace);
        }
        let recorded = both.each_ref().map(Fake::recorded);
        let drives = identified(&[(&recorded[0], &both[0]), (&recorded[1], &both[1])], true).unwrap();
        for (fake, drive) in both.iter().zip(&drives) {
            let (began, mut random, mut told) = (Instant::now(), random(), |_| {});
            let refused = Vec::new();
            let work = Work { device: fake, drive, random: &mut random, progress: &mut told, refused, began };
            assert_eq!((work.whole(&[]).unwrap().method, fake.is_zero()), (method, true));
        }
    }
}

#[test]
fn a_namespace_that_was_not_recorded_stops_a_whole_wipe_before_anything_is_erased() {
    // Attached, or only allocated: another drive of that name is none of its namespaces.
    for (oacs, list) in [(2, "identify 0x2"), (0b1010, "identify 0x10")] {
        let mut fake = Fake::new(Kind::Nvme { oacs, fna: 4, sanicap: 0b11 });
        fake.namespaces = vec![1, 3, 7];
        fake.unknown = ["identify 0x2", "identify 0x10"].into_iter().filter(|known| *known != list).collect();
        let mut other = Fake::new(NVME);
        (other.serial, other.namespace, other.namespaces) = ("FAKE-2", 3, vec![3]);
        let recorded = [fake.recorded(), Disk { serial: "FAKE-2".into(), ..other.recorded() }];
        let error = identified(&[(&recorded[0], &fake), (&recorded[1], &other)], true).map(drop).unwrap_err();
        assert_eq!((error.cause(), fake.is_as_new()), ("disks_not_recorded", true));
        assert!(error.to_string().contains("namespaces 3, 7"), "{error}");
        identified(&[(&recorded[0], &fake), (&recorded[1], &other)], false).unwrap();
    }
}

#[test]
fn all_disks_say_what_they_are_before_the_first_is_opened_or_erased() {
    // One that is opened by our password, and one that does not follow it: another, or locked by somebody else.
    let ours = || Fake::new(Kind::Ata(0b111));
    let another = || {
        let mut fake = Fake::new(ATA);
        fake.serial = "FAKE-2";
        fake
    };
    let locked = || {
        let fake = Fake::new(Kind::Ata(0b011));
        *fake.password.borrow_mut() = b"somebody else's".to_vec();
        fake
    };
    for (other, cause) in [(another(), "disks_not_recorded"), (locked(), "disk_locked")] {
        let first = ours();
        let recorded = [first.recorded(), other.recorded()];
        let error = identified(&[(&recorded[0], &first), (&recorded[1], &other)], true).map(drop).unwrap_err();
        assert_eq!((error.cause(), first.is_as_new(), other.is_as_new()), (cause, true, true), "{error}");
        assert!(cause == "disk_locked" || first.orders().is_empty(), "{:?}", first.orders());
    }
}

#[test]
fn a_disk_that_fails_to_say_what_it_is_is_not_taken_for_one_that_is_only_read_and_written() {
    for (kind, transport, is_known) in [(NVME, "nvme", true), (ATA, "sata", true), (ATA, "sas", false)] {
        let mut fake = Fake::new(kind);
        let recorded = Disk { transport: transport.into(), ..fake.recorded() };
        fake.refuses = vec!["identify"];
        let failed = wipe_as(&fake, &recorded, Extent::Full, &[]);
        assert_eq!(failed.is_err(), is_known, "{transport}: {failed:?}");
        assert_eq!(fake.is_as_new(), is_known, "{transport}");
        // One that has no such command is erased as well as can be.
        let mut fake = Fake::new(kind);
        fake.unknown = vec!["identify"];
        let wiped = wipe_as(&fake, &recorded, Extent::Full, &[]).unwrap();
        assert_eq!((wiped.method, fake.is_zero()), ("write-zeroes", true), "{transport}");
    }
    let mut fake = Fake::new(NVME);
    fake.refuses = vec!["identify 0x2"];
    let error = whole(&fake).unwrap_err();
    assert_eq!((error.cause(), fake.is_as_new()), ("disk_refused", true), "not knowing its namespaces: {error}");
}

#[test]
fn an_empty_drive_that_says_it_erased_itself_and_did_not_is_not_believed() {
    for kind in [NVME, ATA] {
        let mut fake = Fake::new(kind);
        fake.leaves = None;
        fake.bytes.borrow_mut().fill(0);
        let wiped = whole(&fake).unwrap();
        assert_eq!((wiped.method, fake.is_zero()), ("write-zeroes", true));
        assert!(wiped.refused.iter().all(|text| text.contains("what they were before")), "{:?}", wiped.refused);
    }
    // One that takes no marks has nothing to show.
    let mut fake = Fake::new(ATA);
    fake.refuses = vec!["mark"];
    fake.bytes.borrow_mut().fill(0);
    let wiped = whole(&fake).unwrap();
    assert_eq!((wiped.method, wiped.refused.len()), ("write-zeroes", 2), "{:?}", wiped.refused);
}

#[test]
fn a_sanitize_of_another_boot_is_seen_to_its_end_first() {
    let fake = Fake::new(NVME);
    fake.sanitize.set((2, 4, 5));
    let wiped = wipe(&fake, Extent::Full, &[Erasure::Overwrite]).unwrap();
    assert_eq!((wiped.method, fake.orders()), ("overwrite", vec!["write".to_owned()]));
    let fake = Fake::new(NVME);
    fake.sanitize.set((3, 4, 0));
    wipe(&fake, Extent::Metadata, &[]).unwrap();
    assert_eq!(fake.orders(), ["sanitize 1", "zero"], "one that failed is left behind");
}

#[test]
fn a_sanitize_that_never_ends_is_an_error_after_a_while() {
    let mut fake = Fake::new(NVME);
    fake.sanitize_ends = 2;
    let error = whole(&fake).unwrap_err();
    assert_eq!(error.cause(), "disk_refused", "{error}");
    // 600 s for each way that was tried, at most.
    assert!(fake.waited.get() < Duration::from_secs(4000), "{:?}", fake.waited.get());
}

#[test]
fn an_ata_disk_erases_itself_and_has_no_password_afterwards() {
    for (kind, method) in [(ATA, "ata-secure-erase-enhanced"), (Kind::Ata(1), "ata-secure-erase")] {
        let fake = Fake::new(kind);
        assert_eq!(whole(&fake).unwrap().method, method);
        assert_eq!(fake.orders(), ["SecuritySetPassword", "SecurityErasePrepare", "SecurityEraseUnit"]);
        assert!(fake.is_zero() && !fake.has_password());
    }
}

#[test]
fn an_ata_disk_that_refuses_to_erase_itself_has_its_password_off_again() {
    for refused in ["SecurityEraseUnit", "SecurityErasePrepare", "SecuritySetPassword"] {
        let mut fake = Fake::new(ATA);
        fake.refuses = vec![refused];
        let wiped = whole(&fake).unwrap();
        assert_eq!((wiped.method, fake.has_password()), ("write-zeroes", false), "{refused}");
    }
}

#[test]
fn a_disk_whose_password_cannot_be_taken_off_is_not_wiped() {
    let mut fake = Fake::new(ATA);
    fake.refuses = vec!["SecurityEraseUnit", "SecurityDisablePassword"];
    let error = whole(&fake).unwrap_err();
    assert_eq!(error.cause(), "disk_locked", "{error}");
}

#[test]
fn a_disk_that_was_cut_off_while_it_had_our_password_is_opened_and_erased() {
    // Supported, enabled, locked.
    for extent in [Extent::Full, Extent::Metadata] {
        let fake = Fake::new(Kind::Ata(0b111));
        wipe(&fake, extent, &[]).unwrap();
        assert_eq!(fake.orders()[..2], ["SecurityUnlock", "SecurityDisablePassword"], "{extent:?}");
        assert!(!fake.has_password());
    }
    // One that must end its erasure first.
    let fake = Fake::new(Kind::Ata(0b111));
    fake.only_erases.set(true);
    whole(&fake).unwrap();
    assert_eq!(fake.orders()[..3], ["SecurityUnlock", "SecurityErasePrepare", "SecurityEraseUnit"]);
    assert!(fake.is_zero() && !fake.has_password());
    let fake = Fake::new(Kind::Ata(0b111));
    fake.only_erases.set(true);
    let error = wipe(&fake, Extent::Metadata, &[]).unwrap_err();
    assert_eq!((error.cause(), fake.is_as_new()), ("disk_locked", true), "not where metadata alone are to go");
}

#[test]
fn a_disk_that_a_tenant_locked_is_told_and_left_as_it_is() {
    for word in [0b111, 0b011, 0b1011] {
        let fake = Fake::new(Kind::Ata(word));
        *fake.password.borrow_mut() = b"somebody else's".to_vec();
        let error = whole(&fake).unwrap_err();
        assert_eq!((error.cause(), fake.is_as_new()), ("disk_locked", true), "{word:#b}: {error}");
    }
}

#[test]
fn a_frozen_disk_is_erased_in_another_way_or_says_why_it_is_not() {
    let frozen = || Fake::new(Kind::Ata(0b1001));
    assert_eq!(whole(&frozen()).unwrap().method, "write-zeroes");
    let error = wipe(&frozen(), Extent::Full, &[Erasure::AtaSecureErase]).unwrap_err();
    assert_eq!(error.cause(), "no_wipe_method");
    assert!(error.to_string().contains("frozen"), "{error}");
}

#[test]
fn nothing_is_erased_in_a_way_that_is_not_allowed() {
    for (kind, allowed) in [
        (Kind::Plain, &[Erasure::NvmeFormat, Erasure::NvmeSanitize, Erasure::AtaSecureErase][..]),
        (NVME, &[Erasure::AtaSecureErase]),
        (ATA, &[Erasure::NvmeSanitize]),
    ] {
        let fake = Fake::new(kind);
        let error = wipe(&fake, Extent::Full, allowed).unwrap_err();
        assert_eq!((error.cause(), fake.is_as_new()), ("no_wipe_method", true), "{error}");
    }
    let fake = Fake::new(NVME);
    assert_eq!(wipe(&fake, Extent::Full, &[Erasure::Overwrite]).unwrap().method, "overwrite");
    assert_eq!(fake.orders(), ["write"]);
}

#[test]
fn metadata_are_zeroed_whatever_is_allowed_and_the_rest_stays() {
    let fake = Fake::new(NVME);
    let wiped = wipe(&fake, Extent::Metadata, &[Erasure::NvmeSanitize]).unwrap();
    assert_eq!((wiped.method, fake.orders()), ("metadata", vec!["zero".to_owned()]));
    let bytes = fake.bytes.borrow();
    assert!(bytes[..SIZE / 4].iter().all(|byte| *byte == 0) && bytes[SIZE / 4..SIZE / 2].iter().any(|byte| *byte != 0));
}

#[test]
fn a_byte_that_nothing_reaches_is_found_and_the_wipe_fails() {
    for kind in [Kind::Plain, NVME, ATA] {
        let mut fake = Fake::new(kind);
        fake.stuck = Some(SIZE - 1);
        let error = whole(&fake).unwrap_err();
        assert_eq!(error.cause(), "disk_read_back", "{error}");
        assert!(error.to_string().contains("overwrite: "), "{error}");
    }
}

#[test]
fn a_disk_that_says_it_is_another_than_the_recorded_one_is_left_as_it_is() {
    for kind in [NVME, ATA] {
        let mut fake = Fake::new(kind);
        fake.serial = "FAKE-2";
        let error = whole(&fake).unwrap_err();
        assert_eq!((error.cause(), fake.is_as_new()), ("disks_not_recorded", true), "{error}");
        assert!(fake.orders().is_empty());
        // One that says nothing, or of which nothing was recorded, does not say that it is the recorded one.
        fake.serial = "";
        let nameless = Disk { serial: String::new(), wwn: "naa.5".into(), ..fake.recorded() };
        for recorded in [fake.recorded(), nameless.clone()] {
            assert!(wipe_as(&fake, &recorded, Extent::Full, &[]).is_err() && fake.is_as_new());
        }
        let fake = Fake::new(kind);
        assert!(wipe_as(&fake, &nameless, Extent::Full, &[]).is_err() && fake.is_as_new());
    }
}
