use anchor_lang::prelude::*;
use common::{Stored, pda, seeds, state::Seeds, table::ChildSeeds};
use gantry_core::requirements::Requirements;

/// Nodes that a job remembers as barred.
pub const MAX_BARRED: usize = 4;

/// Where a job is in its life, as the byte in [`Job::status`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum JobStatus {
    /// Funded, waits for a node.
    Open = 0,
    /// Paired, waits for the node's first receipt.
    Assigned = 1,
    /// Being served.
    Running = 2,
    /// Ended by a final receipt or by the customer's word.
    Finished = 3,
    /// Ended because no proof came in time.
    Lapsed = 4,
    /// Before the council.
    Disputed = 5,
    /// Decided by the council. No account says so: a verdict settles and closes the job in the same instruction.
    Resolved = 6,
}

impl JobStatus {
    /// The status that `byte` stands for, if any.
    pub const fn from_byte(byte: u8) -> Option<Self> {
        match byte {
            0 => Some(Self::Open),
            1 => Some(Self::Assigned),
            2 => Some(Self::Running),
            3 => Some(Self::Finished),
            4 => Some(Self::Lapsed),
            5 => Some(Self::Disputed),
            6 => Some(Self::Resolved),
            _ => None,
        }
    }
}

/// How a job ended, as the byte in [`Job::outcome`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum JobOutcome {
    /// Not yet.
    None = 0,
    /// The process ended by itself.
    Completed = 1,
    /// The node could not run it to its end.
    Failed = 2,
    /// The customer stopped it.
    Stopped = 3,
    /// The node went silent.
    Lapsed = 4,
    /// It ran for as long as it was paid.
    Expired = 5,
}

/// [`Job::options`] bit: only the node in [`Job::node`] may take it.
pub const FIXED_NODE: u8 = 1;
/// [`Job::options`] bit: only the matcher in [`Job::matcher`] may assign it.
pub const FIXED_MATCHER: u8 = 2;
/// [`Job::options`] bit: the customer has accepted the result, so nobody waits for the dispute window.
pub const ACCEPTED: u8 = 4;
/// [`Job::options`] bit: the node has given notice, so that the end at [`Job::max_duration`] is its own doing.
pub const ENDED_BY_NODE: u8 = 8;

/// Seconds that a node serves on after it has given notice.
pub const END_NOTICE_SECONDS: u32 = 900;

/// A job and its escrow. Seeds `"job", wallet, id`; its vault is `"vault", job`.
///
/// 441 bytes with the discriminator: with a vault of 165 bytes the rent of a job stays below 0.006 SOL. Times after
/// `created_at` are stored as seconds since then; which of them count follows from the status.
#[account]
pub struct Job {
    /// The customer's wallet.
    pub customer: Address,
    /// Mint that it pays in.
    pub mint: Address,
    /// The node account that serves it; before that the node it asks for, or zeros.
    pub node: Address,
    /// The provider account of that node; zeros until assigned.
    pub provider: Address,
    /// Who assigned it; before that the matcher it asks for, or zeros.
    pub matcher: Address,
    /// Who paid the rent of this account and of the vault.
    pub rent_payer: Address,
    /// SHA-256 of the job spec.
    pub spec_hash: [u8; 32],
    /// SHA-256 of the result's manifest; zeros until the final receipt.
    pub output_digest: [u8; 32],
    /// Number of the job with its customer, never used again.
    pub id: PodU64,
    /// Base units that the customer put in.
    pub deposited: PodU64,
    /// Highest price, base units per hour.
    pub max_price_per_hour: PodU64,
    /// The node's price at assignment, base units per hour; 0 until assigned.
    pub price_per_hour: PodU64,
    /// Base units paid out while running.
    pub paid_out: PodU64,
    /// Stake of the node's pool that answers for it, base units of the stake mint.
    pub bond: PodU64,
    /// Sequence number of the latest receipt.
    pub sequence: PodU64,
    /// When it was opened, Unix seconds.
    pub created_at: PodI64,
    /// When it was assigned, or when the latest proof came since: what deadlines count from.
    pub active_at: PodU32,
    /// When the node started it.
    pub started_at: PodU32,
    /// When it ended.
    pub ended_at: PodU32,
    /// Most seconds to serve.
    pub max_duration: PodU32,
    /// Seconds that a node has to start it.
    pub start_deadline: PodU32,
    /// Seconds without a proof after which it lapses.
    pub proof_timeout: PodU32,
    /// Assignments so far.
    pub assignment: PodU32,
    /// Seconds proven by receipts.
    pub served_seconds: PodU32,
    /// Proven seconds beyond dispute, by age or by the customer's word: may be claimed while it runs.
    pub released_seconds: PodU32,
    /// Proven seconds at `checkpoint_at`; they are released once that is a dispute window ago.
    pub checkpoint_seconds: PodU32,
    /// When `checkpoint_seconds` had been proven.
    pub checkpoint_at: PodU32,
    /// Exit code of its process.
    pub exit_code: PodI32,
    /// Least disk, GiB.
    pub disk_gib: PodU32,
    /// Least bandwidth, Mbit/s.
    pub mbps: PodU32,
    /// First four bytes of the nodes that did not start it, latest first; zeros are empty places.
    pub barred: [[u8; 4]; 4],
    /// GPU models, any of which will do; zeros are empty places, all zeros mean any model.
    pub gpu_models: [PodU16; 4],
    /// Countries, any of which will do; zeros are empty places, all zeros mean anywhere.
    pub countries: [[u8; 2]; 8],
    /// Least memory of each GPU, GiB.
    pub vram_gib: PodU16,
    /// Least main memory, GiB.
    pub ram_gib: PodU16,
    /// Flags that must all be attested.
    pub flags: PodU16,
    /// Least reputation, basis points.
    pub reputation_bps: PodU16,
    /// Uptime target, basis points of the elapsed seconds.
    pub sla_uptime_bps: PodU16,
    /// Least number of GPUs.
    pub gpu_count: u8,
    /// Least tier.
    pub tier: u8,
    /// 0 open, 1 assigned, 2 running, 3 finished, 4 lapsed, 5 disputed, 6 resolved.
    pub status: u8,
    /// 0 none, 1 completed, 2 failed, 3 stopped, 4 lapsed, 5 expired.
    pub outcome: u8,
    /// Bits: 1 fixed node, 2 fixed matcher, 4 result accepted, 8 ended by its node.
    pub options: u8,
    /// Canonical bump.
    pub bump: u8,
    /// Canonical bump of the vault.
    pub vault_bump: u8,
}

impl Stored for Job {
    const SEEDS: Seeds = seeds!(Job: b"job", customer, id);
}

impl Job {
    /// How the address of the vault follows.
    pub const VAULT: ChildSeeds = ChildSeeds {
        prefix: b"vault",
        bump_at: core::mem::offset_of!(Job, vault_bump) as u16,
        program: crate::ID,
    };

    /// The token account that holds the money of the job at `address`.
    pub fn vault(&self, address: &Address) -> Address {
        pda::address(&[b"vault", address.as_ref(), &[self.vault_bump]], &crate::ID)
    }
}

const _: () = assert!(
    core::mem::size_of::<Job>() + 8 <= 441,
    "rent held by a running job is bounded"
);

impl Job {
    /// What the job asks of a node.
    pub fn requirements(&self) -> Requirements {
        Requirements {
            gpu_models: self.gpu_models.map(|model| model.get()),
            gpu_count: self.gpu_count,
            vram_gib: self.vram_gib.get(),
            ram_gib: self.ram_gib.get(),
            disk_gib: self.disk_gib.get(),
            mbps: self.mbps.get(),
            countries: self.countries,
            flags: self.flags.get(),
            tier: self.tier,
            reputation_bps: self.reputation_bps.get(),
            max_price_per_hour: self.max_price_per_hour.get(),
            mint: self.mint.to_bytes(),
        }
    }
}

impl Job {
    /// Where the job is in its life.
    pub fn status(&self) -> Option<JobStatus> {
        JobStatus::from_byte(self.status)
    }

    /// `at` as the job stores times: seconds since it was opened. `None` before that, or 136 years after.
    pub fn offset(&self, at: i64) -> Option<u32> {
        u32::try_from(at.checked_sub(self.created_at.get())?).ok()
    }

    /// Seconds from the start to `now`, or to the end if the job has ended.
    pub fn elapsed(&self, now: u32) -> u32 {
        let end = if self.status > JobStatus::Running as u8 {
            self.ended_at.get()
        } else {
            now
        };
        end.saturating_sub(self.started_at.get())
    }

    /// Whether `node` let this job down before.
    pub fn is_barred(&self, node: &Address) -> bool {
        let prefix = node_prefix(node);
        self.barred.contains(&prefix)
    }

    /// Remembers that `node` let this job down; forgets the one longest ago.
    pub fn bar(&mut self, node: &Address) {
        self.barred.rotate_right(1);
        self.barred[0] = node_prefix(node);
    }

    /// Takes the job from its node, remembers that `node` let it down, and opens it to others.
    #[inline(never)]
    pub fn reopen(&mut self, node: &Address) {
        self.bar(node);
        self.status = JobStatus::Open as u8;
        self.bond = 0u64.into();
        self.price_per_hour = 0u64.into();
        self.active_at = 0u32.into();
        self.provider = Address::default();
        if self.options & FIXED_NODE == 0 {
            self.node = Address::default();
        }
        if self.options & FIXED_MATCHER == 0 {
            self.matcher = Address::default();
        }
    }

    /// Releases the checkpoint's seconds if they were proven a dispute window before `now`; says whether they were.
    fn release_checkpoint(&mut self, now: u32, dispute_window: u32) -> bool {
        let due = now.saturating_sub(self.checkpoint_at.get()) >= dispute_window;
        if due && self.checkpoint_seconds.get() > self.released_seconds.get() {
            self.released_seconds = self.checkpoint_seconds;
        }
        due
    }

    /// Records seconds proven at `now`, and releases those that have been proven for a dispute window.
    pub fn record(&mut self, served: u32, now: u32, dispute_window: u32) {
        if self.release_checkpoint(now, dispute_window) {
            self.checkpoint_seconds = served.into();
            self.checkpoint_at = now.into();
        }
        self.served_seconds = served.into();
        self.active_at = now.into();
    }

    /// Releases what has been proven for a dispute window at `now`, without a new proof: the checkpoint's seconds, and
    /// those of the latest proof, which is the next checkpoint.
    pub fn release_due(&mut self, now: u32, dispute_window: u32) {
        if self.release_checkpoint(now, dispute_window) {
            self.checkpoint_seconds = self.served_seconds;
            self.checkpoint_at = self.active_at;
            self.release_checkpoint(now, dispute_window);
        }
    }

    /// Seconds that the SLA is measured over. A job that lapsed is measured to its end; any other to the node's last
    /// receipt, because the seconds between a receipt and its landing are the chain's and not the node's.
    pub fn sla_seconds(&self) -> u32 {
        let until = if self.outcome == JobOutcome::Lapsed as u8 {
            self.ended_at.get()
        } else {
            self.active_at.get()
        };
        until.saturating_sub(self.started_at.get()).min(self.max_duration.get())
    }
}

/// What a job remembers of a barred node. All zeros mean an empty place, so a node is never that.
fn node_prefix(node: &Address) -> [u8; 4] {
    let bytes = node.as_array();
    let prefix = [bytes[0], bytes[1], bytes[2], bytes[3]];
    if prefix == [0; 4] { [0xff; 4] } else { prefix }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WINDOW: u32 = 60;

    fn running() -> Job {
        Job {
            status: JobStatus::Running as u8,
            ..bytemuck::Zeroable::zeroed()
        }
    }

    fn released(job: &Job) -> u32 {
        job.released_seconds.get()
    }

    #[test]
    fn nothing_is_released_before_it_was_proven_for_a_dispute_window() {
        let mut job = running();
        for now in 1..500 {
            // A proof every seven seconds, a look at what is due in each.
            if now % 7 == 0 {
                job.record(now, now, WINDOW);
            }
            job.release_due(now, WINDOW);
            assert!(
                released(&job) <= now.saturating_sub(WINDOW),
                "{now}: {}",
                released(&job)
            );
            // And not long after two of them either.
            assert!(released(&job) + 2 * WINDOW + 14 >= now, "{now}: {}", released(&job));
        }
    }

    #[test]
    fn the_latest_proof_is_released_without_another() {
        let mut job = running();
        job.record(40, 40, WINDOW);
        job.release_due(99, WINDOW);
        assert_eq!((released(&job), job.checkpoint_seconds.get()), (0, 40));
        job.release_due(100, WINDOW);
        assert_eq!(released(&job), 40);
    }

    #[test]
    fn what_the_customer_released_is_never_taken_back() {
        let mut job = running();
        job.record(40, 40, WINDOW);
        job.record(45, 70, WINDOW);
        job.released_seconds = 50u32.into();
        job.release_due(1_000, WINDOW);
        assert_eq!(released(&job), 50);
    }

    #[test]
    fn a_reopened_job_forgets_its_node_but_not_its_customers_wishes() {
        let [node, matcher, provider] = [1, 2, 3].map(|byte| Address::new_from_array([byte; 32]));
        let mut job = Job {
            status: JobStatus::Assigned as u8,
            node,
            matcher,
            provider,
            bond: 5u64.into(),
            price_per_hour: 6u64.into(),
            active_at: 7u32.into(),
            assignment: 1u32.into(),
            ..bytemuck::Zeroable::zeroed()
        };
        let mut fixed = job;
        job.reopen(&node);
        assert_eq!((job.status, job.assignment.get()), (JobStatus::Open as u8, 1));
        assert_eq!(
            (job.bond.get(), job.price_per_hour.get(), job.active_at.get()),
            (0, 0, 0)
        );
        let none = Address::default();
        assert_eq!((job.node, job.matcher, job.provider), (none, none, none));
        assert!(job.is_barred(&node));
        fixed.options = FIXED_NODE | FIXED_MATCHER;
        fixed.reopen(&node);
        assert_eq!((fixed.node, fixed.matcher, fixed.provider), (node, matcher, none));
    }
}
