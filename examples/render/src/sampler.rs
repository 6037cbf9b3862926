//! Random numbers that depend on pixel, sample and dimension alone.
//!
//! The first dimensions of a path are stratified over the samples of a pixel (correlated multi-jittered sampling, Kensler
//! 2013), which needs about half the samples of independent numbers for the same noise; the later ones are a hash.

/// How many pairs of dimensions are stratified. Deeper bounces carry too little light for it to matter.
const STRATIFIED_PAIRS: u32 = 9;

/// The random numbers of one sample of one pixel.
#[derive(Debug, Clone)]
pub struct Sampler {
    pixel: u32,
    sample: u32,
    samples: u32,
    pair: u32,
}

impl Sampler {
    /// Numbers for sample `sample` (of `samples`, at least 1) of the pixel at column `x`, row `y`.
    pub fn new(x: u32, y: u32, sample: u32, samples: u32) -> Self {
        Self {
            pixel: hash(x ^ hash(y ^ 0x9e37_79b9)),
            sample,
            samples,
            pair: 0,
        }
    }

    /// The next two numbers, each in `[0, 1)`.
    pub fn next_pair(&mut self) -> (f64, f64) {
        let pattern = hash(self.pixel ^ self.pair.wrapping_mul(0x85eb_ca6b));
        let stratified = self.pair < STRATIFIED_PAIRS;
        self.pair += 1;
        if stratified {
            multi_jittered(self.sample, self.samples, pattern)
        } else {
            (unit(self.sample, pattern), unit(self.sample, pattern ^ 0x68bc_21eb))
        }
    }

    /// The next number in `[0, 1)`.
    pub fn next_one(&mut self) -> f64 {
        self.next_pair().0
    }
}

/// A well-mixed function of `x`.
pub fn hash(mut x: u32) -> u32 {
    x ^= x >> 16;
    x = x.wrapping_mul(0x7feb_352d);
    x ^= x >> 15;
    x = x.wrapping_mul(0x846c_a68b);
    x ^ (x >> 16)
}

/// A number in `[0, 1)` for `index` in the sequence named by `pattern`.
pub fn unit(index: u32, pattern: u32) -> f64 {
    f64::from(hash(index ^ hash(pattern))) / 4_294_967_296.0
}

/// Point `index` of a pattern of `count` points that are evenly spread in the unit square and along both of its sides.
fn multi_jittered(index: u32, count: u32, pattern: u32) -> (f64, f64) {
    let columns = count.isqrt().max(1);
    let rows = count.div_ceil(columns);
    let index = permute(index, count, pattern.wrapping_mul(0x5163_3e2d));
    let x = permute(index % columns, columns, pattern.wrapping_mul(0x68bc_21eb));
    let y = permute(index / columns, rows, pattern.wrapping_mul(0x02e5_be93));
    let jitter_x = unit(index, pattern.wrapping_mul(0x967a_889b));
    let jitter_y = unit(index, pattern.wrapping_mul(0x368c_c8b7));
    let u = (f64::from(x) + (f64::from(y) + jitter_x) / f64::from(rows)) / f64::from(columns);
    let v = (f64::from(index) + jitter_y) / f64::from(count);
    (u.min(1.0 - f64::EPSILON), v.min(1.0 - f64::EPSILON))
}

/// Where `index` goes in the permutation of `0..length` named by `pattern`.
fn permute(index: u32, length: u32, pattern: u32) -> u32 {
    if length <= 1 {
        return 0;
    }
    let mask = length.next_power_of_two() - 1;
    let mut i = index;
    // A hash that permutes the next power of two, walked until it lands inside the range: still a permutation.
    loop {
        i ^= pattern;
        i = i.wrapping_mul(0xe170_893d);
        i ^= pattern >> 16;
        i ^= (i & mask) >> 4;
        i ^= pattern >> 8;
        i = i.wrapping_mul(0x0929_eb3f);
        i ^= pattern >> 23;
        i ^= (i & mask) >> 1;
        i = i.wrapping_mul(1 | (pattern >> 27));
        i = i.wrapping_mul(0x6935_fa69);
        i ^= (i & mask) >> 11;
        i = i.wrapping_mul(0x74dc_b303);
        i ^= (i & mask) >> 2;
        i = i.wrapping_mul(0x9e50_1cc3);
        i ^= (i & mask) >> 2;
        i = i.wrapping_mul(0xc860_a3df);
        i &= mask;
        i ^= i >> 5;
        if i < length {
            return i.wrapping_add(pattern) % length;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn permutation_visits_every_index_once() {
        for length in [1, 2, 3, 7, 16, 61] {
            for pattern in [0, 1, 0xdead_beef] {
                let mut seen = vec![false; length as usize];
                for index in 0..length {
                    let to = permute(index, length, pattern) as usize;
                    assert!(!seen[to], "{index} of {length} repeats {to}");
                    seen[to] = true;
                }
            }
        }
    }

    #[test]
    fn points_are_stratified_along_the_second_side() {
        let count = 48;
        let mut strata = vec![0; count as usize];
        for index in 0..count {
            let (u, v) = multi_jittered(index, count, 77);
            assert!((0.0..1.0).contains(&u) && (0.0..1.0).contains(&v));
            strata[(v * f64::from(count)) as usize] += 1;
        }
        assert!(strata.iter().all(|&n| n == 1), "{strata:?}");
    }

    #[test]
    fn numbers_depend_on_pixel_sample_and_dimension() {
        let first = |x, y, s| Sampler::new(x, y, s, 16).next_pair();
        assert_eq!(first(3, 4, 5), first(3, 4, 5));
        assert_ne!(first(3, 4, 5), first(4, 3, 5));
        assert_ne!(first(3, 4, 5), first(3, 4, 6));
        let mut sampler = Sampler::new(3, 4, 5, 16);
        assert_ne!(sampler.next_pair(), sampler.next_pair());
    }

    #[test]
    fn mean_of_many_numbers_is_a_half() {
        let mut sampler = Sampler::new(0, 0, 0, 1);
        let mean = (0..20_000).map(|_| sampler.next_one()).sum::<f64>() / 20_000.0;
        assert!((mean - 0.5).abs() < 0.01, "{mean}");
    }
}
