//! Whether a node fits a job. The market program refuses what this refuses, and the matcher asks it first.

use core::fmt;

/// GPU models that one job may name.
pub const MAX_GPU_MODELS: usize = 4;
/// Countries that one job may name.
pub const MAX_COUNTRIES: usize = 8;

/// What a job asks of a node.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Requirements {
    /// Model codes, any of which will do; zeros are empty places, all zeros mean any model.
    pub gpu_models: [u16; MAX_GPU_MODELS],
    /// Least number of GPUs; 0 for a job that needs none.
    pub gpu_count: u8,
    /// Least memory of each GPU, GiB.
    pub vram_gib: u16,
    /// Least main memory, GiB.
    pub ram_gib: u16,
    /// Least disk, GiB.
    pub disk_gib: u32,
    /// Least bandwidth, Mbit/s.
    pub mbps: u32,
    /// ISO 3166-1 alpha-2 codes, any of which will do; zeros are empty places, all zeros mean anywhere.
    pub countries: [[u8; 2]; MAX_COUNTRIES],
    /// Flags that must all be attested.
    pub flags: u16,
    /// Least attested tier, 0 to 3.
    pub tier: u8,
    /// Least reputation, basis points.
    pub reputation_bps: u16,
    /// Highest price, base units of `mint` per hour.
    pub max_price_per_hour: u64,
    /// The mint the job pays in.
    pub mint: [u8; 32],
}

/// What a node has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Offer {
    /// Model code; 0 for a node without a GPU.
    pub gpu_model: u16,
    /// GPUs in the node.
    pub gpu_count: u8,
    /// Memory of each, GiB.
    pub vram_gib: u16,
    /// Main memory, GiB.
    pub ram_gib: u16,
    /// Disk, GiB.
    pub disk_gib: u32,
    /// Bandwidth, Mbit/s.
    pub mbps: u32,
    /// ISO 3166-1 alpha-2 code.
    pub country: [u8; 2],
    /// Attested flags.
    pub flags: u16,
    /// Attested tier.
    pub tier: u8,
    /// When the attestation ends, Unix seconds.
    pub attestation_expires_at: i64,
    /// Basis points, as [`crate::reputation::reputation_bps`] has it.
    pub reputation_bps: u16,
    /// Base units of `mint` per hour.
    pub price_per_hour: u64,
    /// The mint the node is paid in.
    pub mint: [u8; 32],
}

/// The first requirement that a node does not meet.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Mismatch {
    /// Listed in another mint.
    Mint,
    /// Costs more than the job pays.
    Price,
    /// Another GPU model.
    GpuModel,
    /// Fewer GPUs.
    GpuCount,
    /// Less GPU memory.
    Vram,
    /// Less main memory.
    Ram,
    /// Less disk.
    Disk,
    /// Less bandwidth.
    Bandwidth,
    /// In another country.
    Country,
    /// A lower tier.
    Tier,
    /// Lacks a required flag.
    Flags,
    /// Asked for a tier or a flag, and the attestation is over.
    AttestationExpired,
    /// A lower reputation.
    Reputation,
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Mint => "is listed in another mint",
            Self::Price => "costs more than the job pays",
            Self::GpuModel => "has another GPU model",
            Self::GpuCount => "has too few GPUs",
            Self::Vram => "has too little GPU memory",
            Self::Ram => "has too little main memory",
            Self::Disk => "has too little disk",
            Self::Bandwidth => "has too little bandwidth",
            Self::Country => "is in another country",
            Self::Tier => "is attested at a lower tier",
            Self::Flags => "lacks a required compliance flag",
            Self::AttestationExpired => "has an expired attestation",
            Self::Reputation => "has too low a reputation",
        })
    }
}

impl Requirements {
    /// Whether `offer` meets every requirement at `now` (Unix seconds).
    ///
    /// # Errors
    /// The first requirement that it does not meet.
    pub fn check(&self, offer: &Offer, now: i64) -> Result<(), Mismatch> {
        let ensure = |met: bool, mismatch: Mismatch| if met { Ok(()) } else { Err(mismatch) };
        ensure(offer.mint == self.mint, Mismatch::Mint)?;
        ensure(offer.price_per_hour <= self.max_price_per_hour, Mismatch::Price)?;
        let any_model = self.gpu_models.iter().all(|model| *model == 0);
        ensure(
            any_model || (offer.gpu_model != 0 && self.gpu_models.contains(&offer.gpu_model)),
            Mismatch::GpuModel,
        )?;
        ensure(offer.gpu_count >= self.gpu_count, Mismatch::GpuCount)?;
        ensure(offer.vram_gib >= self.vram_gib, Mismatch::Vram)?;
        ensure(offer.ram_gib >= self.ram_gib, Mismatch::Ram)?;
        ensure(offer.disk_gib >= self.disk_gib, Mismatch::Disk)?;
        ensure(offer.mbps >= self.mbps, Mismatch::Bandwidth)?;
        let anywhere = self.countries.iter().all(|country| *country == [0, 0]);
        ensure(
            anywhere || (offer.country != [0, 0] && self.countries.contains(&offer.country)),
            Mismatch::Country,
        )?;
        ensure(offer.tier >= self.tier, Mismatch::Tier)?;
        ensure(offer.flags & self.flags == self.flags, Mismatch::Flags)?;
        let attested = self.tier > 0 || self.flags != 0;
        ensure(
            !attested || offer.attestation_expires_at > now,
            Mismatch::AttestationExpired,
        )?;
        ensure(offer.reputation_bps >= self.reputation_bps, Mismatch::Reputation)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: i64 = 1_000;

    fn requirements() -> Requirements {
        Requirements {
            gpu_models: [7, 8, 0, 0],
            gpu_count: 2,
            vram_gib: 24,
            ram_gib: 64,
            disk_gib: 100,
            mbps: 1_000,
            countries: [*b"DE", *b"FR", [0; 2], [0; 2], [0; 2], [0; 2], [0; 2], [0; 2]],
            flags: 0b101,
            tier: 2,
            reputation_bps: 5_000,
            max_price_per_hour: 1_000,
            mint: [1; 32],
        }
    }

    fn offer() -> Offer {
        Offer {
            gpu_model: 8,
            gpu_count: 2,
            vram_gib: 24,
            ram_gib: 64,
            disk_gib: 100,
            mbps: 1_000,
            country: *b"FR",
            flags: 0b111,
            tier: 2,
            attestation_expires_at: NOW + 1,
            reputation_bps: 5_000,
            price_per_hour: 1_000,
            mint: [1; 32],
        }
    }

    #[test]
    fn an_offer_at_every_bound_fits() {
        assert_eq!(requirements().check(&offer(), NOW), Ok(()));
    }

    #[test]
    fn one_step_past_any_bound_is_named() {
        type Spoil = fn(&mut Offer);
        let cases: [(Mismatch, Spoil); 13] = [
            (Mismatch::Mint, |offer| offer.mint[0] ^= 1),
            (Mismatch::Price, |offer| offer.price_per_hour += 1),
            (Mismatch::GpuModel, |offer| offer.gpu_model = 9),
            (Mismatch::GpuCount, |offer| offer.gpu_count -= 1),
            (Mismatch::Vram, |offer| offer.vram_gib -= 1),
            (Mismatch::Ram, |offer| offer.ram_gib -= 1),
            (Mismatch::Disk, |offer| offer.disk_gib -= 1),
            (Mismatch::Bandwidth, |offer| offer.mbps -= 1),
            (Mismatch::Country, |offer| offer.country = *b"US"),
            (Mismatch::Tier, |offer| offer.tier = 1),
            (Mismatch::Flags, |offer| offer.flags = 0b110),
            (Mismatch::AttestationExpired, |offer| offer.attestation_expires_at = NOW),
            (Mismatch::Reputation, |offer| offer.reputation_bps -= 1),
        ];
        for (mismatch, spoil) in cases {
            let mut other = offer();
            spoil(&mut other);
            assert_eq!(requirements().check(&other, NOW), Err(mismatch));
        }
    }

    #[test]
    fn an_empty_place_is_no_wildcard_for_a_node_without_model_or_country() {
        let bare = Offer {
            gpu_model: 0,
            ..offer()
        };
        assert_eq!(requirements().check(&bare, NOW), Err(Mismatch::GpuModel));
        let nowhere = Offer {
            country: [0; 2],
            ..offer()
        };
        assert_eq!(requirements().check(&nowhere, NOW), Err(Mismatch::Country));
    }

    #[test]
    fn a_job_that_asks_for_nothing_takes_an_expired_attestation() {
        let easy = Requirements {
            tier: 0,
            flags: 0,
            gpu_models: [0; 4],
            countries: [[0; 2]; 8],
            ..requirements()
        };
        let expired = Offer {
            attestation_expires_at: 0,
            country: *b"US",
            gpu_model: 0,
            ..offer()
        };
        assert_eq!(easy.check(&expired, NOW), Ok(()));
    }
}
