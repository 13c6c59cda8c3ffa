//! The ways to erase a whole disk, and which of them are tried: a pure choice from what the disk can and the operator
//! allows.

use billet_proto::link::Erasure;

/// A way to erase a whole disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Method {
    SanitizeBlocks,
    SanitizeKey,
    FormatUserData,
    FormatKey,
    AtaEnhanced,
    AtaNormal,
    WriteZeroes,
    Overwrite,
}

impl Method {
    /// Each, the most thorough first: what reaches blocks that are set aside and caches, before what is of one
    /// namespace, before what reaches only what can be addressed. An erasure of blocks can be seen, a key that is gone
    /// must be believed.
    pub(super) const ALL: [Self; 8] = [
        Self::SanitizeBlocks,
        Self::SanitizeKey,
        Self::FormatUserData,
        Self::FormatKey,
        Self::AtaEnhanced,
        Self::AtaNormal,
        Self::WriteZeroes,
        Self::Overwrite,
    ];

    /// As a receipt has it.
    pub(super) const fn word(self) -> &'static str {
        match self {
            Self::SanitizeBlocks => "nvme-sanitize-block",
            Self::SanitizeKey => "nvme-sanitize-crypto",
            Self::FormatUserData => "nvme-format",
            Self::FormatKey => "nvme-format-crypto",
            Self::AtaEnhanced => "ata-secure-erase-enhanced",
            Self::AtaNormal => "ata-secure-erase",
            Self::WriteZeroes => "write-zeroes",
            Self::Overwrite => "overwrite",
        }
    }

    /// As the operator allows it.
    pub(super) const fn erasure(self) -> Erasure {
        match self {
            Self::SanitizeBlocks | Self::SanitizeKey => Erasure::NvmeSanitize,
            Self::FormatUserData | Self::FormatKey => Erasure::NvmeFormat,
            Self::AtaEnhanced | Self::AtaNormal => Erasure::AtaSecureErase,
            Self::WriteZeroes => Erasure::WriteZeroes,
            Self::Overwrite => Erasure::Overwrite,
        }
    }
}

/// Those that are allowed (none named: all) and `can` finds no reason against, in the order in which they are to be
/// tried; and the reasons against the others that are allowed.
pub(super) fn choose(
    allowed: &[Erasure],
    can: impl Fn(Method) -> Result<(), &'static str>,
) -> (Vec<Method>, Vec<(Method, &'static str)>) {
    let (mut chosen, mut left) = (Vec::new(), Vec::new());
    for method in Method::ALL {
        if !allowed.is_empty() && !allowed.contains(&method.erasure()) {
            continue;
        }
        match can(method) {
            Ok(()) => chosen.push(method),
            Err(why) => left.push((method, why)),
        }
    }
    (chosen, left)
}

#[cfg(test)]
mod tests {
    use super::*;
    use Method as M;

    const ZEROS: [M; 2] = [M::WriteZeroes, M::Overwrite];

    #[test]
    fn what_reaches_most_comes_first_and_overwriting_is_the_last_resort() {
        let all: Vec<Erasure> = Erasure::ALL.to_vec();
        let sanitize = [M::SanitizeBlocks, M::SanitizeKey];
        let format = [M::FormatUserData, M::FormatKey];
        let ata = [M::AtaEnhanced, M::AtaNormal];
        for (can, allowed, expected) in [
            // What a disk can, beside zeros; what is allowed; what is tried.
            (vec![], vec![], ZEROS.to_vec()),
            (vec![], all.clone(), ZEROS.to_vec()),
            (sanitize.to_vec(), vec![], [&sanitize[..], &ZEROS].concat()),
            ([&format[..], &sanitize].concat(), all.clone(), [&sanitize[..], &format, &ZEROS].concat()),
            (ata.to_vec(), all.clone(), [&ata[..], &ZEROS].concat()),
            (vec![M::AtaNormal], vec![Erasure::AtaSecureErase], vec![M::AtaNormal]),
            (vec![M::FormatKey], vec![Erasure::Overwrite, Erasure::NvmeFormat], vec![M::FormatKey, M::Overwrite]),
            (format.to_vec(), vec![Erasure::WriteZeroes, Erasure::Overwrite], ZEROS.to_vec()),
            (format.to_vec(), vec![Erasure::NvmeSanitize], vec![]),
            (format.to_vec(), vec![Erasure::Overwrite], vec![M::Overwrite]),
        ] {
            let able = |method| (can.contains(&method) || ZEROS.contains(&method)).then_some(()).ok_or("it cannot");
            assert_eq!(choose(&allowed, able).0, expected, "{can:?} {allowed:?}");
        }
    }

    #[test]
    fn what_is_allowed_and_cannot_be_is_told_with_its_reason() {
        let (chosen, left) = choose(&[Erasure::AtaSecureErase], |_| Err("it is frozen"));
        assert_eq!((chosen, left), (vec![], vec![(M::AtaEnhanced, "it is frozen"), (M::AtaNormal, "it is frozen")]));
    }

    #[test]
    fn each_way_has_a_word_of_its_own() {
        for (at, method) in M::ALL.iter().enumerate() {
            assert!(M::ALL[..at].iter().all(|other| other.word() != method.word()), "{method:?}");
        }
    }
}
