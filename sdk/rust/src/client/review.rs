//! Looking at a transaction before it is sent: what it costs and which tokens it moves.

use super::{
    ClientError, Gantry,
    draft::{Budget, Draft, MAX_COMPUTE_UNITS},
};
use crate::{Pubkey, ix};
use solana_account::Account;
use solana_rpc_client_api::response::UiAccount;
use std::collections::BTreeMap;

/// Decides over a transaction. An `Err` says why it is not sent.
pub type Review = dyn Fn(&Preview) -> Result<(), String> + Send + Sync;

/// What a transaction would do, as the cluster simulates it now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Preview {
    /// Who signs; the first pays the fee.
    pub signers: Vec<Pubkey>,
    /// Fee in lamports.
    pub fee: u64,
    /// Compute units.
    pub compute_units: u64,
    /// Lamports that go into accounts of others, mostly rent that comes back when they close; below zero where more
    /// comes out of them.
    pub rent: i128,
    /// Token accounts whose balance changes.
    pub tokens: Vec<TokenChange>,
}

/// A token account whose balance changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenChange {
    /// The token account.
    pub account: Pubkey,
    /// Who owns it.
    pub owner: Pubkey,
    /// The token's mint.
    pub mint: Pubkey,
    /// The mint's decimals.
    pub decimals: u8,
    /// Base units that come in; below zero where they go out.
    pub change: i128,
}

impl Preview {
    /// What leaves the signers, base units of each mint with its decimals.
    pub fn spent(&self) -> Vec<(Pubkey, u8, u64)> {
        let mut by_mint: BTreeMap<(Pubkey, u8), i128> = BTreeMap::new();
        for token in self.tokens.iter().filter(|token| self.signers.contains(&token.owner)) {
            *by_mint.entry((token.mint, token.decimals)).or_default() += token.change;
        }
        let spent = by_mint.into_iter().filter(|(_, change)| *change < 0);
        spent
            .map(|((mint, decimals), change)| (mint, decimals, u64::try_from(-change).unwrap_or(u64::MAX)))
            .collect()
    }
}

impl Gantry {
    /// Simulates `draft` beside the accounts as they are.
    pub(super) async fn preview(&self, draft: &Draft<'_>) -> Result<Preview, ClientError> {
        let message = draft.message();
        let signers = message
            .account_keys
            .iter()
            .take(message.header.num_required_signatures.into());
        let signers: Vec<Pubkey> = signers.copied().collect();
        let writable = draft.writable();
        let before = self.raw_accounts(&writable).await?;
        let result = self.simulate(draft, &writable).await?;
        let fee = match result.fee {
            Some(fee) => fee,
            None => self.fee(draft).await?,
        };
        // Without them it would look as if no money moved.
        let unreadable = || ClientError::Build("the RPC server does not say what it would do to which account".into());
        let after = result.accounts.filter(|after| after.len() == writable.len());
        let after = after.ok_or_else(unreadable)?.into_iter();
        let after: Option<Vec<_>> = after
            .map(|account| account.map_or(Some(None), |a| decoded(&a).map(Some)))
            .collect();
        let (rent, changes) = differences(&signers, &writable, &before, &after.ok_or_else(unreadable)?);
        let mut tokens = Vec::new();
        for (account, owner, mint, change) in changes {
            let decimals = self.mint(&mint).await?.decimals;
            tokens.push(TokenChange {
                account,
                owner,
                mint,
                decimals,
                change,
            });
        }
        Ok(Preview {
            signers,
            fee,
            compute_units: result.units_consumed.unwrap_or(u64::from(MAX_COMPUTE_UNITS)),
            rent,
            tokens,
        })
    }

    async fn fee(&self, draft: &Draft<'_>) -> Result<u64, ClientError> {
        let latest = self.rpc.get_latest_blockhash().await;
        let blockhash = latest.map_err(|error| self.rpc_error(error))?;
        let message = draft.versioned(Budget::SIMULATION, blockhash)?;
        let fee = self.rpc.get_fee_for_message(&message).await;
        fee.map_err(|error| self.rpc_error(error))
    }

    async fn raw_accounts(&self, addresses: &[Pubkey]) -> Result<Vec<Option<Account>>, ClientError> {
        let commitment = self.rpc.commitment();
        let response = self.rpc.get_multiple_accounts_with_commitment(addresses, commitment);
        Ok(response.await.map_err(|error| self.rpc_error(error))?.value)
    }
}

/// An account of a simulation; `None` where it is in no known encoding.
fn decoded(account: &UiAccount) -> Option<Account> {
    Some(Account {
        lamports: account.lamports,
        data: account.data.decode()?,
        owner: account.owner.parse().ok()?,
        ..Account::default()
    })
}

/// A token account's address, owner and mint, and by how much its balance changes.
type Difference = (Pubkey, Pubkey, Pubkey, i128);

/// Lamports that go into accounts of others than the signers, and the token accounts whose balance changes.
fn differences(
    signers: &[Pubkey],
    addresses: &[Pubkey],
    before: &[Option<Account>],
    after: &[Option<Account>],
) -> (i128, Vec<Difference>) {
    let (mut rent, mut changes) = (0, Vec::new());
    for ((address, before), after) in addresses.iter().zip(before).zip(after) {
        // What the simulation does not name has not changed.
        let Some(after) = after else { continue };
        if !signers.contains(address) {
            let held = before.as_ref().map_or(0, |account| account.lamports);
            rent += i128::from(after.lamports) - i128::from(held);
        }
        let (old, new) = (before.as_ref().and_then(token), token(after));
        let Some((mint, owner, _)) = new.or(old) else { continue };
        let amount = |token: Option<(Pubkey, Pubkey, u64)>| token.map_or(0, |(_, _, amount)| i128::from(amount));
        let change = amount(new) - amount(old);
        if change != 0 {
            changes.push((*address, owner, mint, change));
        }
    }
    (rent, changes)
}

/// Bytes of a token account; Token-2022 marks what is longer with a byte after that.
const TOKEN_ACCOUNT_LEN: usize = 165;
/// That mark, for a token account.
const TOKEN_ACCOUNT_MARK: u8 = 2;

/// Mint, owner and amount of a token account.
fn token(account: &Account) -> Option<(Pubkey, Pubkey, u64)> {
    let programs = [ix::token::TOKEN_PROGRAM, ix::token::TOKEN_2022_PROGRAM];
    let data = &account.data;
    let kind = data.len() == TOKEN_ACCOUNT_LEN || data.get(TOKEN_ACCOUNT_LEN) == Some(&TOKEN_ACCOUNT_MARK);
    if !programs.contains(&account.owner) || !kind {
        return None;
    }
    let key = |at: usize| Some(Pubkey::from(<[u8; 32]>::try_from(data.get(at..at + 32)?).ok()?));
    let amount = u64::from_le_bytes(data.get(64..72)?.try_into().ok()?);
    Some((key(0)?, key(32)?, amount))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(byte: u8) -> Pubkey {
        Pubkey::from([byte; 32])
    }

    fn change(owner: u8, mint: u8, change: i128) -> TokenChange {
        TokenChange {
            account: key(owner + mint),
            owner: key(owner),
            mint: key(mint),
            decimals: 6,
            change,
        }
    }

    #[test]
    fn only_what_leaves_the_signers_is_spent() {
        let mut preview = Preview {
            signers: vec![key(1)],
            fee: 5_000,
            compute_units: 1,
            rent: 0,
            tokens: vec![
                change(1, 50, -70),
                change(9, 50, 70),
                change(9, 51, -3),
                change(1, 51, 3),
            ],
        };
        assert_eq!(preview.spent(), [(key(50), 6, 70)]);
        // From one account of the wallet to another of its own: nothing has left.
        preview.tokens.push(change(1, 50, 70));
        assert_eq!(preview.spent(), []);
    }

    fn token_account(mint: u8, owner: u8, amount: u64) -> Account {
        let mut data = vec![0; TOKEN_ACCOUNT_LEN];
        data[..32].copy_from_slice(key(mint).as_ref());
        data[32..64].copy_from_slice(key(owner).as_ref());
        data[64..72].copy_from_slice(&amount.to_le_bytes());
        Account {
            lamports: 2_039_280,
            data,
            owner: ix::token::TOKEN_PROGRAM,
            ..Account::default()
        }
    }

    #[test]
    fn a_deposit_and_a_closed_account_are_seen_in_the_difference() {
        let wallet = |lamports| Account {
            lamports,
            ..Account::default()
        };
        let (signers, addresses) = ([key(1)], [1, 2, 3, 4, 5].map(key));
        let before = [
            Some(wallet(9_000_000)),
            Some(token_account(50, 1, 100)),
            None,
            Some(token_account(50, 8, 7)),
            Some(token_account(50, 9, 6)),
        ];
        let after = [
            Some(wallet(7_000_000)),
            Some(token_account(50, 1, 30)),
            Some(token_account(50, 7, 77)),
            Some(Account::default()),
            None,
        ];
        let (rent, changes) = differences(&signers, &addresses, &before, &after);
        // One account was made and another closed: what the wallet paid is not in it.
        assert_eq!(rent, 0);
        let expected = [
            (key(2), key(1), key(50), -70),
            (key(3), key(7), key(50), 77),
            (key(4), key(8), key(50), -7),
        ];
        assert_eq!(changes, expected);
    }

    #[test]
    fn a_token_account_is_told_from_a_mint() {
        let mut account = token_account(3, 4, 9);
        assert_eq!(token(&account), Some((key(3), key(4), 9)));
        account.owner = ix::token::TOKEN_2022_PROGRAM;
        account.data.push(1);
        assert_eq!(token(&account), None, "an extended mint");
        account.data[TOKEN_ACCOUNT_LEN] = TOKEN_ACCOUNT_MARK;
        assert!(token(&account).is_some());
        account.data.truncate(82);
        assert_eq!(token(&account), None, "a mint");
        account.data.resize(TOKEN_ACCOUNT_LEN, 0);
        account.owner = key(5);
        assert_eq!(token(&account), None, "of another program");
    }
}
