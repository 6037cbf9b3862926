//! The instructions: compute over account data, call another program, be called.

use alloc::vec::Vec;

use pinocchio::{
    AccountView, Address, ProgramResult,
    cpi::{Seed, Signer, get_return_data, invoke, invoke_signed, set_return_data},
    error::ProgramError,
    instruction::{InstructionAccount, InstructionView},
};

use crate::operations::Operation;

/// First byte of the instruction that applies one operation (second byte: its index in [`Operation::ALL`]) to the
/// operand pairs in account 0 (two little-endian `u128` each) and writes the outputs (four little-endian `u64` each)
/// to account 1.
pub const COMPUTE: u8 = 0;
/// First byte of the instruction that moves lamports (bytes 2..10) from the vault (account 0) to account 1 through the
/// system program (account 2), signed with [`VAULT_SEED`] and the bump in byte 1, then calls [`ECHO`] on this program
/// itself (account 3) with the rest and returns what that returned, each byte inverted.
pub const CROSS_CALL: u8 = 1;
/// First byte of the instruction that returns its remaining bytes in reverse order.
pub const ECHO: u8 = 2;
/// Seed, beside the bump, of the vault's address.
pub const VAULT_SEED: &[u8] = b"vault";

const PAIR: usize = 32;

/// Runs one instruction; the three kinds are described at their constants.
///
/// # Errors
/// `InvalidInstructionData` for an unknown or short instruction, `NotEnoughAccountKeys` for missing accounts,
/// `AccountDataTooSmall` when the outputs do not fit, and whatever a called program answers.
pub fn process_instruction(program: &Address, accounts: &mut [AccountView], data: &[u8]) -> ProgramResult {
    match data {
        [COMPUTE, index] => compute(*index, accounts),
        [CROSS_CALL, bump, rest @ ..] => cross_call(program, *bump, accounts, rest),
        [ECHO, rest @ ..] => {
            let reversed: Vec<u8> = rest.iter().rev().copied().collect();
            set_return_data(&reversed);
            Ok(())
        }
        _ => Err(ProgramError::InvalidInstructionData),
    }
}

fn compute(index: u8, accounts: &mut [AccountView]) -> ProgramResult {
    let operation = *Operation::ALL
        .get(usize::from(index))
        .ok_or(ProgramError::InvalidInstructionData)?;
    let [input, output, ..] = accounts else {
        return Err(ProgramError::NotEnoughAccountKeys);
    };
    let input = input.try_borrow()?;
    let mut output = output.try_borrow_mut()?;
    if output.len() < input.len() {
        return Err(ProgramError::AccountDataTooSmall);
    }
    for (pair, result) in input.chunks_exact(PAIR).zip(output.chunks_exact_mut(PAIR)) {
        let (a, b) = pair.split_at(PAIR / 2);
        let words = operation.apply(operand(a)?, operand(b)?);
        for (word, bytes) in words.iter().zip(result.chunks_exact_mut(8)) {
            bytes.copy_from_slice(&word.to_le_bytes());
        }
    }
    Ok(())
}

fn operand(bytes: &[u8]) -> Result<u128, ProgramError> {
    bytes
        .try_into()
        .map(u128::from_le_bytes)
        .map_err(|_| ProgramError::InvalidAccountData)
}

fn cross_call(program: &Address, bump: u8, accounts: &[AccountView], data: &[u8]) -> ProgramResult {
    let [vault, recipient, system, this, ..] = accounts else {
        return Err(ProgramError::NotEnoughAccountKeys);
    };
    let (lamports, message) = data.split_at_checked(8).ok_or(ProgramError::InvalidInstructionData)?;

    let mut transfer = [2, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
    transfer[4..].copy_from_slice(lamports);
    let bump = [bump];
    let seeds = [Seed::from(VAULT_SEED), Seed::from(&bump)];
    invoke_signed(
        &InstructionView {
            program_id: system.address(),
            data: &transfer,
            accounts: &[
                InstructionAccount::writable_signer(vault.address()),
                InstructionAccount::writable(recipient.address()),
            ],
        },
        &[vault, recipient],
        &[Signer::from(&seeds)],
    )?;

    let mut echo = Vec::with_capacity(message.len().saturating_add(1));
    echo.push(ECHO);
    echo.extend_from_slice(message);
    invoke(
        &InstructionView {
            program_id: program,
            data: &echo,
            accounts: &[],
        },
        &[this],
    )?;

    let returned = get_return_data().ok_or(ProgramError::InvalidInstructionData)?;
    if returned.program_id() != program {
        return Err(ProgramError::IncorrectProgramId);
    }
    let inverted: Vec<u8> = returned.as_slice().iter().map(|byte| !byte).collect();
    set_return_data(&inverted);
    Ok(())
}
