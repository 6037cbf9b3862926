//! The time.

use pinocchio::sysvars::{clock::CLOCK_ID, get_sysvar};

/// Where the clock has its Unix timestamp.
const UNIX_TIMESTAMP: usize = 32;

/// The chain's time, Unix seconds.
///
/// # Panics
/// On a runtime without a clock. There is none; a transaction ends there as by an error.
#[inline(never)]
pub fn now() -> i64 {
    let mut bytes = [0; 8];
    match get_sysvar(&mut bytes, &CLOCK_ID, UNIX_TIMESTAMP) {
        Ok(()) => i64::from_le_bytes(bytes),
        Err(_) => panic!("the runtime has a clock"),
    }
}
