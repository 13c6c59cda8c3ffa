//! Which sequence numbers were seen: IPMI v2.0 §6.12.13 asks for a sliding window.

/// How far behind the highest a packet may come. The specification wants 16 at least.
const WIDTH: u32 = 32;

/// Takes each sequence number once. Numbers above the highest are always taken: replies get lost.
#[derive(Debug, Default)]
pub(super) struct Window {
    highest: u32,
    /// Bit n stands for `highest - n`.
    seen: u32,
}

impl Window {
    /// Whether the number is new; it is not after this. Only for packets whose code was verified.
    pub(super) fn take(&mut self, sequence: u32) -> bool {
        // 0 is for packets outside a session (§6.12.9).
        if sequence == 0 {
            return false;
        }
        if sequence > self.highest {
            let step = sequence - self.highest;
            self.seen = if step < WIDTH { self.seen << step | 1 } else { 1 };
            self.highest = sequence;
            return true;
        }
        let behind = self.highest - sequence;
        let fresh = behind < WIDTH && self.seen & 1 << behind == 0;
        if fresh {
            self.seen |= 1 << behind;
        }
        fresh
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::HashSet;

    #[test]
    fn late_packets_are_taken_once_and_old_ones_never() {
        let mut window = Window::default();
        let taken: Vec<bool> =
            [0, 1, 1, 3, 2, 2, 100, 69, 68, 70, 70, u32::MAX, 100].map(|number| window.take(number)).into();
        assert_eq!(taken, [false, true, false, true, true, false, true, true, false, true, false, true, false]);
    }

    proptest! {
        #[test]
        fn nothing_is_taken_twice(numbers in proptest::collection::vec(0u32..200, 0..400)) {
            let (mut window, mut seen) = (Window::default(), HashSet::new());
            for number in numbers {
                if window.take(number) {
                    prop_assert!(seen.insert(number));
                }
            }
        }
    }
}
