//! Events: what `#[derive(Log)]` writes.

use anchor_lang::prelude::*;

/// A field of an event: its bytes as Borsh has them.
pub trait Bytes {
    /// How many.
    const LENGTH: usize;
    /// The bytes.
    type Array: AsRef<[u8]>;

    /// The bytes of this one.
    fn bytes(&self) -> Self::Array;
}

macro_rules! number {
    ($($number:ty),+) => {
        $(impl Bytes for $number {
            const LENGTH: usize = size_of::<Self>();
            type Array = [u8; size_of::<Self>()];

            #[inline(always)]
            fn bytes(&self) -> Self::Array {
                self.to_le_bytes()
            }
        })+
    };
}

number!(u8, u16, u32, u64, u128, i32, i64);

impl Bytes for bool {
    const LENGTH: usize = 1;
    type Array = [u8; 1];

    #[inline(always)]
    fn bytes(&self) -> [u8; 1] {
        [u8::from(*self)]
    }
}

impl<const N: usize> Bytes for [u8; N] {
    const LENGTH: usize = N;
    type Array = Self;

    #[inline(always)]
    fn bytes(&self) -> Self {
        *self
    }
}

impl Bytes for Address {
    const LENGTH: usize = 32;
    type Array = [u8; 32];

    #[inline(always)]
    fn bytes(&self) -> [u8; 32] {
        *self.as_array()
    }
}

/// Logs `bytes` as one line of data.
#[inline(never)]
pub fn log(bytes: &[u8]) {
    anchor_lang::event::sol_log_data(&[bytes]);
}
