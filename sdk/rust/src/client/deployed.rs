//! Which program is deployed at an address, and who may change it.

use super::{ClientError, Gantry};
use crate::{Hash32, Pubkey, state::DecodeError};

/// The loader of programs that can be changed.
const UPGRADEABLE: Pubkey = Pubkey::from_str_const("BPFLoaderUpgradeab1e11111111111111111111111");
/// How that loader's accounts begin: which of its kinds they are.
const PROGRAM: u32 = 2;
const PROGRAM_DATA: u32 = 3;
/// Where a program's code begins in its data: kind, slot, and an authority with a byte before it.
const CODE_AT: usize = 45;

/// A program as it is deployed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Deployed {
    /// Slot of the last deployment; `None` where its loader keeps none.
    pub slot: Option<u64>,
    /// Who may deploy another program in its place. Nobody where there is none, or only the system program's address,
    /// which has no key: a local network's programs have that.
    pub authority: Option<Pubkey>,
    /// SHA-256 of its code without zeros at the end, as `solana-verify get-program-hash` has it.
    pub code: Hash32,
}

impl Gantry {
    /// What is deployed at `program`; `None` where no program is.
    ///
    /// # Errors
    /// [`ClientError::Decode`] for an account of a loader that does not read; as every question.
    pub async fn deployed(&self, program: &Pubkey) -> Result<Option<Deployed>, ClientError> {
        let Some(account) = self.raw_account(program).await?.filter(|account| account.executable) else {
            return Ok(None);
        };
        if account.owner != UPGRADEABLE {
            return Ok(Some(Deployed {
                slot: None,
                authority: None,
                code: code_hash(&account.data),
            }));
        }
        let malformed = |address: &Pubkey, length| {
            let kind = "loader's account";
            let (address, source) = (*address, DecodeError::Malformed { kind, length });
            ClientError::Decode { address, source }
        };
        let place = data_address(&account.data).ok_or_else(|| malformed(program, account.data.len()))?;
        match self.raw_account(&place).await? {
            Some(data) => {
                let read = decode(&data.data);
                read.map(Some).ok_or_else(|| malformed(&place, data.data.len()))
            }
            None => Ok(None),
        }
    }
}

fn data_address(program: &[u8]) -> Option<Pubkey> {
    let (kind, rest) = program.split_first_chunk::<4>()?;
    let address = rest.first_chunk::<32>()?;
    (u32::from_le_bytes(*kind) == PROGRAM).then(|| Pubkey::from(*address))
}

fn decode(data: &[u8]) -> Option<Deployed> {
    let (header, code) = data.split_at_checked(CODE_AT)?;
    let (kind, rest) = header.split_first_chunk::<4>()?;
    let (slot, rest) = rest.split_first_chunk::<8>()?;
    let (has_authority, authority) = rest.split_first()?;
    let authority = Pubkey::from(*authority.first_chunk::<32>()?);
    (u32::from_le_bytes(*kind) == PROGRAM_DATA).then(|| Deployed {
        slot: Some(u64::from_le_bytes(*slot)),
        authority: Some(authority).filter(|key| *has_authority == 1 && *key != Pubkey::default()),
        code: code_hash(code),
    })
}

fn code_hash(code: &[u8]) -> Hash32 {
    let end = code.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    Hash32::of(&code[..end])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_loader_s_accounts_are_read_and_others_are_not() {
        let authority = [9; 32];
        let mut program = PROGRAM.to_le_bytes().to_vec();
        program.extend([7; 32]);
        assert_eq!(data_address(&program), Some(Pubkey::from([7; 32])));
        assert_eq!(data_address(&program[..35]), None);

        let mut data = PROGRAM_DATA.to_le_bytes().to_vec();
        data.extend(5u64.to_le_bytes());
        data.push(1);
        data.extend(authority);
        data.extend(b"code\0\0");
        let read = decode(&data).expect("reads");
        let expected = Deployed {
            slot: Some(5),
            authority: Some(Pubkey::from(authority)),
            code: Hash32::of(b"code"),
        };
        assert_eq!(read, expected);
        assert_eq!(data_address(&data), None);
        data[13..45].fill(0);
        assert_eq!(decode(&data).expect("reads").authority, None, "nobody has that key");
        data[12..45].copy_from_slice(&[&[0][..], &authority].concat());
        assert_eq!(decode(&data).expect("reads").authority, None);
        assert_eq!(decode(&data[..44]), None);
        assert_eq!(decode(&program), None);
    }
}
