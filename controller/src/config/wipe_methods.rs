//! How a whole disk may be erased: some of the ways that the protocol has words for.

use super::section::Section;
use billet_proto::link::Erasure;
use std::fmt;

/// Longer than any such list, also one that names a way twice.
const MAX_WORDS: usize = 16;

/// Some of the ways to erase a disk, at least one.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct WipeMethods([bool; Erasure::ALL.len()]);

impl WipeMethods {
    /// All of them.
    pub const ALL: Self = Self([true; Erasure::ALL.len()]);

    /// These.
    pub fn of(ways: &[Erasure]) -> Self {
        Self(Erasure::ALL.map(|way| ways.contains(&way)))
    }

    /// Each that is allowed.
    pub fn iter(self) -> impl Iterator<Item = Erasure> {
        Erasure::ALL.into_iter().zip(self.0).filter_map(|(way, allowed)| allowed.then_some(way))
    }
}

impl fmt::Debug for WipeMethods {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.iter().map(Erasure::word)).finish()
    }
}

/// Reads `wipe_methods`.
pub(super) fn read(section: &mut Section<'_>, default: WipeMethods) -> WipeMethods {
    const KEY: &str = "wipe_methods";
    let words = section.words(KEY, default.iter().map(|way| way.word().to_owned()).collect(), MAX_WORDS);
    for word in words.iter().filter(|word| Erasure::from_word(word).is_none()) {
        let known = Erasure::ALL.map(Erasure::word).join(", ");
        section.problem(KEY, &format!("must be some of {known}, not \"{word}\""));
    }
    if words.is_empty() {
        section.problem(KEY, "must name at least one way to erase a disk");
    }
    let ways: Vec<Erasure> = words.iter().filter_map(|word| Erasure::from_word(word)).collect();
    WipeMethods::of(&ways)
}
