//! Words of the ways to erase a disk: an operator writes them, and controller and ramdisk must not differ in them.

use crate::link::Erasure;

impl Erasure {
    /// All ways.
    pub const ALL: [Self; 5] =
        [Self::NvmeSanitize, Self::NvmeFormat, Self::AtaSecureErase, Self::WriteZeroes, Self::Overwrite];

    /// Its word; empty for none.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Unspecified => "",
            Self::NvmeSanitize => "nvme-sanitize",
            Self::NvmeFormat => "nvme-format",
            Self::AtaSecureErase => "ata-secure-erase",
            Self::WriteZeroes => "write-zeroes",
            Self::Overwrite => "overwrite",
        }
    }

    /// The way with that word.
    #[must_use]
    pub fn from_word(word: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|erasure| erasure.word() == word)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_way_has_a_word_of_its_own() {
        for erasure in Erasure::ALL {
            assert_eq!(Erasure::from_word(erasure.word()), Some(erasure));
        }
        assert_eq!((Erasure::from_word(""), Erasure::from_word("discard")), (None, None));
    }
}
