//! One file per instruction: arguments, accounts, `validate`, handler.

pub mod bond;
pub mod cancel_unstake;
pub mod claim_rewards;
pub mod close_pool;
pub mod close_position;
pub mod create_pool;
pub mod deposit_rewards;
pub mod initialize;
pub mod release;
pub mod request_unstake;
pub mod set_commission;
pub mod slash;
pub mod stake;
pub mod withdraw;

pub use {
    bond::*, cancel_unstake::*, claim_rewards::*, close_pool::*, close_position::*, create_pool::*, deposit_rewards::*,
    initialize::*, release::*, request_unstake::*, set_commission::*, slash::*, stake::*, withdraw::*,
};
