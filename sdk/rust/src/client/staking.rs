//! The staker's side: asking stake back, and what it earned; and the pool's owner.

use super::{ClientError, Gantry};
use crate::{
    AnySigner, Pubkey, Signature, ix, pda,
    staking::accounts::{Pool, Position},
};

impl Gantry {
    /// The pool at `address`.
    ///
    /// ```no_run
    /// # use gantry_sdk::{Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, pool: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// let pool = gantry.require_pool(&pool).await?;
    /// println!("a commission of {} basis points", pool.commission_bps);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::NotFound`] where there is none.
    pub async fn require_pool(&self, address: &Pubkey) -> Result<Pool, ClientError> {
        let missing = || ClientError::NotFound {
            what: "pool",
            address: address.to_string(),
        };
        self.pool(address).await?.ok_or_else(missing)
    }

    /// The position of `owner` in the pool at `pool`.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, pool: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// let position = gantry.require_position(&pool, &wallet.pubkey()).await?;
    /// println!("{} shares", position.shares);
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// [`ClientError::NotFound`] for a wallet that has not staked there.
    pub async fn require_position(&self, pool: &Pubkey, owner: &Pubkey) -> Result<Position, ClientError> {
        let missing = || ClientError::NotFound {
            what: "stake of this wallet in pool",
            address: pool.to_string(),
        };
        self.position(pool, owner).await?.ok_or_else(missing)
    }

    /// Asks for the stake behind `shares` of `wallet`'s position in `pool` back.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, pool: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// // All of it; it can be withdrawn after the unbonding time.
    /// let position = gantry.require_position(&pool, &wallet.pubkey()).await?;
    /// gantry.request_unstake(wallet, &pool, position.shares).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn request_unstake(
        &self,
        wallet: &AnySigner,
        pool: &Pubkey,
        shares: u128,
    ) -> Result<Signature, ClientError> {
        self.require_position(pool, &wallet.pubkey()).await?;
        self.send(&[ix::request_unstake(&wallet.pubkey(), pool, shares)], wallet, &[])
            .await
    }

    /// Takes `wallet`'s request to unstake at `place` back; 0 is the oldest.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, pool: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.cancel_unstake(wallet, &pool, 0).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn cancel_unstake(&self, wallet: &AnySigner, pool: &Pubkey, place: u8) -> Result<Signature, ClientError> {
        self.require_position(pool, &wallet.pubkey()).await?;
        self.send(&[ix::cancel_unstake(&wallet.pubkey(), pool, place)], wallet, &[])
            .await
    }

    /// Pays every request to unstake of `wallet` that is due to its associated token account, which is made where it is
    /// missing.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, pool: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.withdraw(wallet, &pool).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn withdraw(&self, wallet: &AnySigner, pool: &Pubkey) -> Result<Signature, ClientError> {
        let owner = wallet.pubkey();
        self.require_position(pool, &owner).await?;
        let stake = self.stake_tokens().await?.mint;
        let mut instructions = self.missing_accounts(&owner, &[owner], stake).await?;
        let destination = pda::associated_token(&owner, &stake.mint, &stake.token_program);
        instructions.push(ix::withdraw(&owner, pool, stake, &destination));
        self.send(&instructions, wallet, &[]).await
    }

    /// Pays the rewards of `wallet`'s position in `pool` to its associated token account, which is made where it is
    /// missing.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner) -> Result<(), Box<dyn std::error::Error>> {
    /// for (_, position) in gantry.positions_of(&wallet.pubkey()).await? {
    ///     gantry.claim_rewards(wallet, &position.pool).await?;
    /// }
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn claim_rewards(&self, wallet: &AnySigner, pool: &Pubkey) -> Result<Signature, ClientError> {
        let owner = wallet.pubkey();
        let account = self.require_pool(pool).await?;
        self.require_position(pool, &owner).await?;
        let reward = ix::MintRef {
            mint: account.reward_mint,
            token_program: account.reward_token_program,
        };
        let mut instructions = self.missing_accounts(&owner, &[owner], reward).await?;
        let destination = pda::associated_token(&owner, &reward.mint, &reward.token_program);
        instructions.push(ix::claim_rewards(&owner, pool, reward, &destination));
        self.send(&instructions, wallet, &[]).await
    }

    /// Closes `wallet`'s position in `pool`, which holds nothing any more.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry, Pubkey};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner, pool: Pubkey) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.close_position(wallet, &pool).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn close_position(&self, wallet: &AnySigner, pool: &Pubkey) -> Result<Signature, ClientError> {
        let owner = wallet.pubkey();
        let position = self.require_position(pool, &owner).await?;
        self.send(&[ix::close_position(&owner, pool, &position.rent_payer)], wallet, &[])
            .await
    }

    /// Lowers the commission of the provider `wallet` at once, or announces a raise.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.set_commission(wallet, 800).await?; // 8 %
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn set_commission(&self, wallet: &AnySigner, commission_bps: u16) -> Result<Signature, ClientError> {
        self.send(&[ix::set_commission(&wallet.pubkey(), commission_bps)], wallet, &[])
            .await
    }

    /// Closes the pool of the provider `wallet`, in which nobody has anything left.
    ///
    /// ```no_run
    /// # use gantry_sdk::{AnySigner, Gantry};
    /// # async fn example(gantry: Gantry, wallet: &AnySigner) -> Result<(), Box<dyn std::error::Error>> {
    /// gantry.close_pool(wallet).await?;
    /// # Ok(())
    /// # }
    /// ```
    ///
    /// # Errors
    /// As [`send`](Self::send).
    pub async fn close_pool(&self, wallet: &AnySigner) -> Result<Signature, ClientError> {
        let owner = wallet.pubkey();
        let provider = self.require_provider(&owner).await?;
        let pool = self.require_pool(&pda::pool(&pda::provider(&owner))).await?;
        let missing = || ClientError::NotFound {
            what: "staking set-up at",
            address: pda::staking_params().to_string(),
        };
        let params = self.staking_params().await?.ok_or_else(missing)?;
        let reward = ix::MintRef {
            mint: pool.reward_mint,
            token_program: pool.reward_token_program,
        };
        let mut instructions = self.missing_accounts(&owner, &[provider.payout_owner], reward).await?;
        let destination = pda::associated_token(&provider.payout_owner, &reward.mint, &reward.token_program);
        instructions.push(ix::close_pool(&owner, &pool, &params, &destination));
        self.send(&instructions, wallet, &[]).await
    }
}
