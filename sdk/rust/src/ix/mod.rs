//! One builder per instruction, with every address that can be derived filled in.
//!
//! `payer` pays fees of accounts that the instruction creates; it may be the same wallet as another signer.

mod market;
mod market_judgement;
mod market_rules;
mod market_running;
mod registry;
mod staking;
pub mod token;

pub use {market::*, market_judgement::*, market_rules::*, market_running::*, registry::*, staking::*};

use crate::Pubkey;

/// Solana's system program.
pub const SYSTEM_PROGRAM: Pubkey = solana_system_interface::program::ID;
/// The sysvar that lists the instructions of a transaction.
pub const INSTRUCTIONS_SYSVAR: Pubkey = Pubkey::from_str_const("Sysvar1nstructions1111111111111111111111111");

/// Shorthand for a program's instruction out of the generated accounts and arguments.
macro_rules! instruction {
    ($program:ident, $name:ident { $($account:ident $(: $value:expr)?),* $(,)? }, { $($arg:ident $(: $arg_value:expr)?),* $(,)? }) => {
        $crate::Instruction {
            program_id: $crate::$program::ID,
            accounts: anchor_lang::ToAccountMetas::to_account_metas(
                &$crate::$program::client::accounts::$name { $($account $(: $value)?),* },
                None,
            ),
            data: anchor_lang::InstructionData::data(&$crate::$program::client::args::$name { $($arg $(: $arg_value)?),* }),
        }
    };
}
use instruction;
