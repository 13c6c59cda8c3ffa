//! The kernel's randomness, as far as the standard library asks for it: seeds of hash maps, and with them of tokio's
//! `select!`. In a simulation's thread it follows from the seed; in every other thread it is the kernel's.

use std::cell::Cell;

thread_local! {
    static STATE: Cell<Option<u64>> = const { Cell::new(None) };
}

/// From now on this thread's hash maps are seeded by `seed`. To be called first in a new thread: the standard library asks
/// once for each.
pub fn seed_this_thread(seed: u64) {
    STATE.set(Some(seed ^ 0x9e37_79b9_7f4a_7c15));
}

/// SplitMix64 (Steele, Lea, Flood, 2014).
fn next(state: u64) -> (u64, u64) {
    let state = state.wrapping_add(0x9e37_79b9_7f4a_7c15);
    let mut word = (state ^ (state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    word = (word ^ (word >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    (state, word ^ (word >> 31))
}

/// getrandom(2), which takes the C library's place in this program.
///
/// # Safety
/// As of the C library's: `buffer` has room for `length` bytes.
#[allow(unsafe_code, reason = "the standard library has no other door for its seeds")]
// SAFETY: the name is the C library's own, and so are its arguments and what it answers.
#[unsafe(no_mangle)]
pub unsafe extern "C" fn getrandom(buffer: *mut u8, length: usize, flags: u32) -> isize {
    let Some(mut state) = STATE.get() else {
        // SAFETY: the caller's promise is the kernel's too.
        let filled = unsafe { nix::libc::syscall(nix::libc::SYS_getrandom, buffer, length, flags) };
        return isize::try_from(filled).unwrap_or(-1);
    };
    for offset in 0..length {
        let word;
        (state, word) = next(state);
        // SAFETY: below `length`, for which there is room.
        unsafe { buffer.add(offset).write((word & 0xff) as u8) };
    }
    STATE.set(Some(state));
    isize::try_from(length).unwrap_or(isize::MAX)
}
