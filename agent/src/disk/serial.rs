//! Serial numbers as disks tell them: IDENTIFY DEVICE, Identify Controller and the unit serial number page have the
//! same text, filled up with blanks.

/// Longer than any disk's.
const MAX_CHARACTERS: usize = 64;

/// ASCII, without what it is filled up with; blanks within it are its own.
pub(super) fn text(bytes: &[u8]) -> String {
    let is_text = |c: &char| c.is_ascii_graphic() || *c == ' ';
    let text: String = bytes.iter().copied().map(char::from).filter(is_text).take(MAX_CHARACTERS).collect();
    text.trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_serial_number_keeps_its_inner_blanks_and_nothing_that_fills_it_up() {
        for (bytes, told) in
            [(&b"  WD 1  "[..], "WD 1"), (b"S4\0\0", "S4"), (b"\x01\xffA", "A"), (b"    ", ""), (b"", "")]
        {
            assert_eq!(text(bytes), told, "{bytes:?}");
        }
    }
}
