//! The token instructions that Gantry's own ones need around them, for SPL Token and Token-2022 alike.

use crate::{Instruction, Pubkey, pda};
use solana_instruction::AccountMeta;

/// SPL Token.
pub const TOKEN_PROGRAM: Pubkey = spl_token_interface::ID;
/// SPL Token-2022.
pub const TOKEN_2022_PROGRAM: Pubkey = Pubkey::from_str_const("TokenzQdBNbLqP5VEhdkAS6EPFLC1PHnBqCXEpPxuEb");
/// SPL associated token account.
pub const ASSOCIATED_TOKEN_PROGRAM: Pubkey = Pubkey::from_str_const("ATokenGPvbdGVxr1b2hvZbsiqW5xWH25efTNsLJA8knL");

/// Bytes of a mint without extensions.
pub const MINT_LEN: usize = 82;

const CREATE_IDEMPOTENT: u8 = 1;
const MINT_TO: u8 = 7;
const TRANSFER_CHECKED: u8 = 12;
const INITIALIZE_MINT2: u8 = 20;

/// Creates the associated token account of `owner` for `mint`, unless it exists.
pub fn create_associated_account(payer: &Pubkey, owner: &Pubkey, mint: &Pubkey, token_program: &Pubkey) -> Instruction {
    Instruction {
        program_id: ASSOCIATED_TOKEN_PROGRAM,
        accounts: vec![
            AccountMeta::new(*payer, true),
            AccountMeta::new(pda::associated_token(owner, mint, token_program), false),
            AccountMeta::new_readonly(*owner, false),
            AccountMeta::new_readonly(*mint, false),
            AccountMeta::new_readonly(super::SYSTEM_PROGRAM, false),
            AccountMeta::new_readonly(*token_program, false),
        ],
        data: vec![CREATE_IDEMPOTENT],
    }
}

/// Creates the account `mint` with `lamports` of rent and makes it a mint of `authority`, which nobody can freeze.
pub fn create_mint(
    payer: &Pubkey,
    mint: &Pubkey,
    authority: &Pubkey,
    decimals: u8,
    lamports: u64,
    token_program: &Pubkey,
) -> [Instruction; 2] {
    let mut data = vec![INITIALIZE_MINT2, decimals];
    data.extend(authority.as_ref());
    data.push(0);
    [
        solana_system_interface::instruction::create_account(payer, mint, lamports, MINT_LEN as u64, token_program),
        Instruction {
            program_id: *token_program,
            accounts: vec![AccountMeta::new(*mint, false)],
            data,
        },
    ]
}

/// Mints `amount` base units into the token account `destination`.
pub fn mint_to(
    mint: &Pubkey,
    authority: &Pubkey,
    destination: &Pubkey,
    amount: u64,
    token_program: &Pubkey,
) -> Instruction {
    let mut data = vec![MINT_TO];
    data.extend(amount.to_le_bytes());
    Instruction {
        program_id: *token_program,
        accounts: vec![
            AccountMeta::new(*mint, false),
            AccountMeta::new(*destination, false),
            AccountMeta::new_readonly(*authority, true),
        ],
        data,
    }
}

/// Transfers `amount` base units between the token accounts `source` and `destination`; `owner` owns the first.
pub fn transfer_checked(
    source: &Pubkey,
    mint: &Pubkey,
    destination: &Pubkey,
    owner: &Pubkey,
    amount: u64,
    decimals: u8,
    token_program: &Pubkey,
) -> Instruction {
    let mut data = vec![TRANSFER_CHECKED];
    data.extend(amount.to_le_bytes());
    data.push(decimals);
    Instruction {
        program_id: *token_program,
        accounts: vec![
            AccountMeta::new(*source, false),
            AccountMeta::new_readonly(*mint, false),
            AccountMeta::new(*destination, false),
            AccountMeta::new_readonly(*owner, true),
        ],
        data,
    }
}
