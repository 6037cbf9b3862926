//! Random numbers from a seed. The same seed gives the same numbers on every machine.

/// A generator (SplitMix64).
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) fn new(seed: u64) -> Self {
        Self(seed)
    }

    pub(crate) fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        z ^ (z >> 31)
    }

    /// Below `bound`; 0 for a bound of 0.
    pub(crate) fn below(&mut self, bound: u64) -> u64 {
        self.next().checked_rem(bound).unwrap_or(0)
    }

    /// From `low` to `high`, both included.
    pub(crate) fn between(&mut self, low: u64, high: u64) -> u64 {
        low + self.below(high - low + 1)
    }

    /// True in `percent` of a hundred throws.
    pub(crate) fn chance(&mut self, percent: u64) -> bool {
        self.below(100) < percent
    }

    pub(crate) fn pick<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        let place = self.below(from.len() as u64) as usize;
        from.get(place)
    }

    pub(crate) fn one_of<T: Copy>(&mut self, from: &[T]) -> T {
        *self.pick(from).expect("something to choose from")
    }

    /// Of every size from 0 to `most`, small ones as often as large ones.
    pub(crate) fn size(&mut self, most: u64) -> u64 {
        let bits = self.below(65 - u64::from(most.leading_zeros())) as u32;
        let number = self.next() & 1u64.checked_shl(bits).map_or(u64::MAX, |bit| (bit - 1) | bit);
        number.min(most)
    }

    /// Around `edge`, or at one of the bounds of its type.
    pub(crate) fn edge(&mut self, edge: u64, most: u64) -> u64 {
        match self.below(6) {
            0 => 0,
            1 => 1,
            2 => most,
            3 => edge.saturating_add(1).min(most),
            4 => edge.saturating_sub(1),
            _ => edge.min(most),
        }
    }
}
