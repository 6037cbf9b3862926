//! What the compiler must get right, one operation each. The host's test includes this very file.

use alloc::{collections::BTreeMap, format, string::String, vec::Vec};

/// What an operation answers: up to four words, the unused ones zero.
pub type Output = [u64; 4];

macro_rules! operations {
    ($($(#[$doc:meta])* $name:ident => $function:expr,)+) => {
        /// One thing to compute from two operands.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        pub enum Operation { $($(#[$doc])* $name),+ }

        impl Operation {
            /// Every operation; an instruction names one by its place here.
            pub const ALL: &'static [Self] = &[$(Self::$name),+];

            /// Computes the operation.
            pub fn apply(self, a: u128, b: u128) -> Output {
                let function: fn(u128, u128) -> Output = match self { $(Self::$name => $function),+ };
                function(a, b)
            }
        }
    };
}

operations! {
    /// 64-bit multiplication, wrapping and checked.
    Multiply64 => multiply64,
    /// 64-bit division and remainder.
    Divide64 => divide64,
    /// 64-bit addition and subtraction, checked and saturating.
    Add64 => add64,
    /// Signed 64-bit multiplication, wrapping and checked.
    SignedMultiply64 => signed_multiply64,
    /// Signed 64-bit division and remainder, truncated and Euclidean.
    SignedDivide64 => signed_divide64,
    /// 128-bit multiplication, wrapping.
    Multiply128 => multiply128,
    /// 128-bit multiplication, checked, and of operands small enough to fit.
    CheckedMultiply128 => checked_multiply128,
    /// 128-bit division.
    Divide128 => divide128,
    /// 128-bit remainder.
    Remainder128 => remainder128,
    /// 128-bit division by a 64-bit divisor, both results.
    Divide128By64 => divide128_by64,
    /// 128-bit addition and subtraction, checked.
    Add128 => add128,
    /// Signed 128-bit multiplication, wrapping and whether it overflows.
    SignedMultiply128 => signed_multiply128,
    /// Signed 128-bit division.
    SignedDivide128 => signed_divide128,
    /// Signed 128-bit remainder.
    SignedRemainder128 => signed_remainder128,
    /// `a × b / c` over 64-bit operands through 128 bits, rounded down and up: what every price and share is.
    Proportion => proportion,
    /// Shifts by a variable count, 64 and 128 bits, logical and arithmetic.
    Shift => shift,
    /// Comparisons, signed and unsigned, 64 and 128 bits.
    Compare => compare,
    /// Counting bits, 64 and 128 bits.
    CountBits => count_bits,
    /// Big-endian reads and byte swaps of 16, 32, 64 and 128 bits.
    ByteSwap => byte_swap,
    /// Sign extension from memory: 8, 16 and 32 bits.
    SignExtend => sign_extend,
    /// More arguments than there are registers, of several widths.
    StackArguments => stack_arguments,
    /// Aggregates returned by value, an option of 128 bits among them.
    Aggregates => aggregates,
    /// Calls through a table and a trait object.
    Indirect => indirect,
    /// Copying, moving, filling and comparing memory, short and long, overlapping too.
    Memory => memory,
    /// Allocation: vectors, sorting, maps, strings and numbers as text.
    Heap => heap,
}

fn multiply64(a: u128, b: u128) -> Output {
    let (a, b) = (low(a), low(b));
    [a.wrapping_mul(b), word(a.checked_mul(b)), flag(a.checked_mul(b)), 0]
}

fn divide64(a: u128, b: u128) -> Output {
    let (a, b) = (low(a), low(b));
    [
        word(a.checked_div(b)),
        word(a.checked_rem(b)),
        flag(a.checked_div(b)),
        0,
    ]
}

fn add64(a: u128, b: u128) -> Output {
    let (a, b) = (low(a), low(b));
    [
        word(a.checked_add(b)),
        word(a.checked_sub(b)),
        a.saturating_add(b),
        a.saturating_sub(b),
    ]
}

fn signed_multiply64(a: u128, b: u128) -> Output {
    let (a, b) = (signed(a), signed(b));
    [
        a.wrapping_mul(b) as u64,
        a.checked_mul(b).unwrap_or(7) as u64,
        flag(a.checked_mul(b)),
        0,
    ]
}

fn signed_divide64(a: u128, b: u128) -> Output {
    let (a, b) = (signed(a), signed(b));
    [
        a.checked_div(b).unwrap_or(7) as u64,
        a.checked_rem(b).unwrap_or(7) as u64,
        a.checked_div_euclid(b).unwrap_or(7) as u64,
        a.checked_rem_euclid(b).unwrap_or(7) as u64,
    ]
}

fn multiply128(a: u128, b: u128) -> Output {
    pair(a.wrapping_mul(b), 0, 0)
}

fn checked_multiply128(a: u128, b: u128) -> Output {
    let (x, y) = (a.checked_mul(b), (a >> 64).checked_mul(b >> 64));
    let [l, h, ..] = pair(x.unwrap_or(7), 0, 0);
    let [m, i, ..] = pair(y.unwrap_or(7), 0, 0);
    [l ^ flag(x), h, m ^ flag(y), i]
}

fn divide128(a: u128, b: u128) -> Output {
    pair(a.checked_div(b).unwrap_or(7), flag(a.checked_div(b)), 0)
}

fn remainder128(a: u128, b: u128) -> Output {
    pair(a.checked_rem(b).unwrap_or(7), flag(a.checked_rem(b)), 0)
}

fn divide128_by64(a: u128, b: u128) -> Output {
    let b = u128::from(low(b));
    let [l, h, ..] = pair(a.checked_div(b).unwrap_or(7), 0, 0);
    let [r, s, ..] = pair(a.checked_rem(b).unwrap_or(7), 0, 0);
    [l, h, r, s]
}

fn add128(a: u128, b: u128) -> Output {
    let [l, h, ..] = pair(a.checked_add(b).unwrap_or(7), 0, 0);
    let [m, i, ..] = pair(a.checked_sub(b).unwrap_or(7), 0, 0);
    [l, h, m, i]
}

fn signed_multiply128(a: u128, b: u128) -> Output {
    let (a, b) = (a as i128, b as i128);
    pair(
        a.wrapping_mul(b) as u128,
        flag(a.checked_mul(b)),
        a.saturating_mul(b) as u64,
    )
}

fn signed_divide128(a: u128, b: u128) -> Output {
    let (a, b) = (a as i128, b as i128);
    pair(a.checked_div(b).unwrap_or(7) as u128, flag(a.checked_div(b)), 0)
}

fn signed_remainder128(a: u128, b: u128) -> Output {
    let (a, b) = (a as i128, b as i128);
    pair(a.checked_rem(b).unwrap_or(7) as u128, flag(a.checked_rem(b)), 0)
}

fn proportion(a: u128, b: u128) -> Output {
    let (x, y, z) = (low(a), low(b), high(b));
    let product = u128::from(x) * u128::from(y);
    let [l, h, ..] = pair(product.checked_div(u128::from(z)).unwrap_or(7), 0, 0);
    let [m, i, ..] = pair(product.div_ceil(u128::from(z.max(1))), 0, 0);
    [l, h, m, i]
}

fn shift(a: u128, b: u128) -> Output {
    let n = (b % 128) as u32;
    let left = a << n;
    let right = a >> n;
    let arithmetic = ((a as i128) >> n) as u128;
    [
        fold(left),
        fold(right),
        fold(arithmetic),
        low(a).rotate_left(n) ^ (low(a) << (n % 64)) ^ ((signed(a) >> (n % 64)) as u64),
    ]
}

fn compare(a: u128, b: u128) -> Output {
    [
        u64::from(a < b) | (u64::from((a as i128) < b as i128) << 1),
        u64::from(low(a) < low(b)),
        u64::from(signed(a) < signed(b)),
        a.cmp(&b) as i8 as u64,
    ]
}

fn count_bits(a: u128, b: u128) -> Output {
    [
        u64::from(a.leading_zeros()),
        u64::from(a.trailing_zeros()),
        u64::from(b.count_ones()),
        u64::from(low(b).leading_zeros() ^ low(b).trailing_zeros()),
    ]
}

fn byte_swap(a: u128, b: u128) -> Output {
    let bytes = a.to_le_bytes();
    let [l, h, ..] = pair(a.swap_bytes(), 0, 0);
    [
        u64::from((b as u16).swap_bytes()) | (u64::from((b as u32).swap_bytes()) << 32),
        u64::from_be_bytes([
            bytes[3], bytes[1], bytes[4], bytes[1], bytes[5], bytes[9], bytes[2], bytes[6],
        ]),
        l.to_be(),
        h ^ low(b).reverse_bits(),
    ]
}

fn sign_extend(a: u128, b: u128) -> Output {
    let bytes: [i8; 16] = a.to_le_bytes().map(|byte| byte as i8);
    let at = (b % 16) as usize;
    [
        i64::from(bytes[at]) as u64,
        i64::from(a as i16) as u64,
        i64::from(a as i32).wrapping_mul(signed(b)) as u64,
        i64::from(b as i8).wrapping_div(3) as u64,
    ]
}

fn stack_arguments(a: u128, b: u128) -> Output {
    let x = nine(
        low(a),
        a,
        b as u8,
        low(b),
        b,
        (a >> 40) as u32,
        high(a),
        high(b) as i64,
        a ^ b,
    );
    pair(x, nine(low(b), b, a as u8, low(a), a, 9, 8, 7, 6) as u64, 0)
}

fn aggregates(a: u128, b: u128) -> Output {
    let r = aggregate(a, b);
    let o = optional(a, b);
    [
        r.first ^ u64::from(r.letter),
        fold(r.wide),
        u64::from_le_bytes(r.bytes),
        fold(o.unwrap_or(7)),
    ]
}

fn indirect(a: u128, b: u128) -> Output {
    let shapes: [&dyn Shape; 3] = [&Square, &Sum(5), &Swap];
    let one = shapes[(b % 3) as usize].measure(low(a), low(b));
    let two = shapes[(a % 3) as usize].measure(high(a), one);
    [one, two, many_arms((a % 11) as u8, low(b)), 0]
}

fn low(x: u128) -> u64 {
    x as u64
}

fn high(x: u128) -> u64 {
    (x >> 64) as u64
}

fn signed(x: u128) -> i64 {
    x as i64
}

fn word(x: Option<u64>) -> u64 {
    x.unwrap_or(7)
}

fn flag<T>(x: Option<T>) -> u64 {
    u64::from(x.is_some())
}

fn pair(x: u128, third: u64, fourth: u64) -> Output {
    [low(x), high(x), third, fourth]
}

fn fold(x: u128) -> u64 {
    low(x) ^ high(x).rotate_left(17)
}

#[inline(never)]
#[expect(
    clippy::too_many_arguments,
    reason = "more arguments than registers is what is checked"
)]
fn nine(a: u64, b: u128, c: u8, d: u64, e: u128, f: u32, g: u64, h: i64, i: u128) -> u128 {
    let mut x = u128::from(a).wrapping_mul(3).wrapping_add(b);
    x = x.wrapping_mul(5) ^ u128::from(c);
    x = x.wrapping_mul(7).wrapping_sub(u128::from(d));
    x = x.rotate_left(9) ^ e;
    x = x.wrapping_mul(11).wrapping_add(u128::from(f) << 70);
    x = x.wrapping_mul(13) ^ u128::from(g);
    x.wrapping_add(h as u128).wrapping_sub(i)
}

struct Aggregate {
    first: u64,
    wide: u128,
    letter: u8,
    bytes: [u8; 8],
}

#[inline(never)]
fn aggregate(a: u128, b: u128) -> Aggregate {
    Aggregate {
        first: low(a) ^ high(b),
        wide: a.wrapping_add(b),
        letter: b as u8,
        bytes: high(a).to_be_bytes(),
    }
}

#[inline(never)]
fn optional(a: u128, b: u128) -> Option<u128> {
    if a & 1 == 0 { a.checked_sub(b) } else { None }
}

trait Shape {
    fn measure(&self, a: u64, b: u64) -> u64;
}

struct Square;
struct Sum(u64);
struct Swap;

impl Shape for Square {
    #[inline(never)]
    fn measure(&self, a: u64, _: u64) -> u64 {
        a.wrapping_mul(a)
    }
}

impl Shape for Sum {
    #[inline(never)]
    fn measure(&self, a: u64, b: u64) -> u64 {
        a.wrapping_add(b).wrapping_mul(self.0)
    }
}

impl Shape for Swap {
    #[inline(never)]
    fn measure(&self, a: u64, b: u64) -> u64 {
        a.swap_bytes() ^ b
    }
}

/// Dense arms that do not fold into arithmetic: a compiler wants a jump table here, which the VM cannot run.
#[inline(never)]
fn many_arms(arm: u8, x: u64) -> u64 {
    match arm {
        0 => x.wrapping_mul(31),
        1 => x ^ 0x5555,
        2 => x.rotate_left(3),
        3 => x.wrapping_add(77),
        4 => x.swap_bytes(),
        5 => !x,
        6 => x >> 9,
        7 => u64::from(x.count_ones()),
        8 => x | 0xf0f0,
        9 => x / 3,
        _ => 42,
    }
}

fn memory(a: u128, b: u128) -> Output {
    let mut block = [0u8; 224];
    for (index, piece) in block.chunks_exact_mut(16).enumerate() {
        piece.copy_from_slice(&a.wrapping_mul(index as u128 + 1).to_le_bytes());
    }
    let from = (b % 96) as usize;
    let length = (b / 96 % 100) as usize;
    block.copy_within(from..from + length, (b / 9600 % 120) as usize);
    let short = (b % 24) as usize;
    block.copy_within(0..short, 3);
    block[40..40 + length].fill(b as u8);
    let other = block;
    let (left, right) = (&block[from..from + length], &other[short..short + length]);
    [
        digest(&block),
        left.cmp(right) as i8 as u64,
        u64::from(left == right),
        u64::from(block[..100] == other[..100]),
    ]
}

fn digest(bytes: &[u8]) -> u64 {
    bytes.iter().fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
        (hash ^ u64::from(*byte)).wrapping_mul(0x0100_0000_01b3)
    })
}

fn heap(a: u128, b: u128) -> Output {
    let mut numbers: Vec<u64> = (0u64..9)
        .map(|n| low(a).rotate_left(n as u32 * 7) ^ low(b).wrapping_mul(n))
        .collect();
    numbers.sort_unstable();
    let sorted = numbers
        .iter()
        .fold(0u64, |hash, n| hash.wrapping_mul(31).wrapping_add(*n));

    let mut map = BTreeMap::new();
    for (place, number) in numbers.iter().enumerate() {
        map.insert(number % 5, place);
    }
    let mapped = map.iter().fold(0, |hash, (key, place)| hash * 16 + key + *place as u64);

    let text: String = format!("{a}|{:x}|{}|{:?}", b, signed(b), a.to_le_bytes());
    [sorted, mapped, digest(text.as_bytes()), text.len() as u64]
}
