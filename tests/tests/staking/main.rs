//! Staking's instructions in the VM: what each does, and each refusal.

mod bonds;
mod closing;
mod positions;
mod rewards;
mod setup;
mod slashes;
