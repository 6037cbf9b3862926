//! Address lookup tables, for the one transaction that is too large without: two receipts leave too little room for the
//! accounts of a conviction.
//!
//! The instructions are written out here: the crate that has them would turn on a feature of every Solana crate around it.

use super::{ClientError, Gantry, POLL, draft::Draft, send::SendOptions};
use crate::{AnySigner, Instruction, Pubkey, Signature, ix};
use solana_commitment_config::CommitmentConfig;
use solana_instruction::AccountMeta;
use solana_message::AddressLookupTableAccount;
use std::collections::BTreeSet;

/// The address lookup table program.
const PROGRAM: Pubkey = Pubkey::from_str_const("AddressLookupTab1e1111111111111111111111111");
/// Its instructions, as the numbers that they begin with.
const CREATE: u32 = 0;
const EXTEND: u32 = 2;
const DEACTIVATE: u32 = 3;
/// Addresses that one transaction has room for.
const MOST_ADDRESSES: usize = 20;

impl Gantry {
    /// [`send`](Self::send) for instructions that may be too large for a transaction: then the accounts that do not sign
    /// go into a lookup table of `payer`'s first. The table is deactivated afterwards; its rent, below 0.006 SOL, is back
    /// once it is closed, which the cluster allows a few minutes later (`solana address-lookup-table close`).
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub(super) async fn send_large(
        &self,
        instructions: &[Instruction],
        payer: &AnySigner,
    ) -> Result<Signature, ClientError> {
        if Draft::new(instructions, payer, &[]).fits()? {
            return self.send(instructions, payer, &[]).await;
        }
        let owner = payer.pubkey();
        // One that is final: the program knows no other.
        let slot = self.rpc.get_slot_with_commitment(CommitmentConfig::finalized()).await;
        let slot = slot.map_err(|error| self.rpc_error(error))?;
        let (table, bump) = Pubkey::find_program_address(&[owner.as_ref(), &slot.to_le_bytes()], &PROGRAM);
        let addresses = movable(instructions, &owner);
        let create = [create(&table, &owner, slot, bump), extend(&table, &owner, &addresses)];
        let made = self.send_with(&create, payer, &[], SendOptions::default()).await?;
        // What was added counts from the next slot on.
        while !self.is_rehearsing() && self.slot().await? <= made.slot {
            tokio::time::sleep(POLL).await;
        }
        let table = AddressLookupTableAccount { key: table, addresses };
        let draft = Draft::new(instructions, payer, &[]).with_table(table.clone());
        let sent = self.send_draft(&draft, SendOptions::default()).await?;
        if let Err(error) = self.send(&[deactivate(&table.key, &owner)], payer, &[]).await {
            tracing::warn!(table = %table.key, %error, "the lookup table is not deactivated");
        }
        Ok(sent.signature)
    }

    async fn slot(&self) -> Result<u64, ClientError> {
        self.rpc.get_slot().await.map_err(|error| self.rpc_error(error))
    }
}

/// The accounts that may be looked up: neither signers nor the programs that are called.
fn movable(instructions: &[Instruction], payer: &Pubkey) -> Vec<Pubkey> {
    let metas = || instructions.iter().flat_map(|instruction| &instruction.accounts);
    let mut kept: BTreeSet<Pubkey> = metas().filter(|meta| meta.is_signer).map(|meta| meta.pubkey).collect();
    kept.extend(instructions.iter().map(|instruction| instruction.program_id));
    kept.insert(*payer);
    let others: BTreeSet<Pubkey> = metas()
        .map(|meta| meta.pubkey)
        .filter(|key| !kept.contains(key))
        .collect();
    others.into_iter().take(MOST_ADDRESSES).collect()
}

fn create(table: &Pubkey, owner: &Pubkey, slot: u64, bump: u8) -> Instruction {
    let mut data = CREATE.to_le_bytes().to_vec();
    data.extend(slot.to_le_bytes());
    data.push(bump);
    Instruction {
        program_id: PROGRAM,
        accounts: vec![
            AccountMeta::new(*table, false),
            AccountMeta::new_readonly(*owner, true),
            AccountMeta::new(*owner, true),
            AccountMeta::new_readonly(ix::SYSTEM_PROGRAM, false),
        ],
        data,
    }
}

fn extend(table: &Pubkey, owner: &Pubkey, addresses: &[Pubkey]) -> Instruction {
    let mut data = EXTEND.to_le_bytes().to_vec();
    data.extend((addresses.len() as u64).to_le_bytes());
    data.extend(addresses.iter().flat_map(|address| address.to_bytes()));
    Instruction {
        program_id: PROGRAM,
        accounts: vec![
            AccountMeta::new(*table, false),
            AccountMeta::new_readonly(*owner, true),
            AccountMeta::new(*owner, true),
            AccountMeta::new_readonly(ix::SYSTEM_PROGRAM, false),
        ],
        data,
    }
}

fn deactivate(table: &Pubkey, owner: &Pubkey) -> Instruction {
    Instruction {
        program_id: PROGRAM,
        accounts: vec![AccountMeta::new(*table, false), AccountMeta::new_readonly(*owner, true)],
        data: DEACTIVATE.to_le_bytes().to_vec(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Pubkey {
        Pubkey::from([byte; 32])
    }

    #[test]
    fn signers_and_called_programs_are_never_looked_up() {
        let instruction = Instruction {
            program_id: key(9),
            accounts: vec![
                AccountMeta::new(key(1), true),
                AccountMeta::new(key(2), false),
                AccountMeta::new_readonly(key(9), false),
                AccountMeta::new_readonly(key(3), false),
                AccountMeta::new_readonly(key(2), false),
                AccountMeta::new_readonly(key(8), false),
            ],
            data: vec![],
        };
        assert_eq!(movable(&[instruction], &key(8)), [key(2), key(3)]);
    }
}
