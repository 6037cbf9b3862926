//! Setting up the three programs on a network of one's own: mints, rules, an attestor.
//!
//! Every step looks first whether it is done, so that running it again changes nothing and finishes what was cut off.

mod deployment;

pub use deployment::{DEPLOYMENT_FILE, Deployment, LocalToken, NETWORK_FOLDER};

use crate::{
    AnySigner, ClientError, Gantry, Instruction, Keypair, Pubkey, Signer,
    client::MintInfo,
    ix::{self, token},
    keys::{self, KeyError},
    market, pda, registry, staking,
};
use std::{
    io,
    path::{Path, PathBuf},
};

/// Decimals of both mints.
pub const DECIMALS: u8 = 6;
/// One whole token in base units.
pub const ONE_TOKEN: u64 = 1_000_000;
/// SOL that the authority gets from the faucet, lamports.
const AUTHORITY_LAMPORTS: u64 = 20_000_000_000;
/// Stake units per payment unit, Q32.32: both mints have the same decimals, so parity is one.
const STAKE_RATE: u64 = 1 << 32;
const MINIMUM_PRICE: u64 = ONE_TOKEN / 100;
const HIGHEST_TIER: u8 = 3;
const ALL_FLAGS: u16 = (1 << 6) - 1;

/// Set-up that cannot be done.
#[derive(Debug, thiserror::Error)]
pub enum BootstrapError {
    /// A program is not on this network.
    #[error(
        "the {program} program is not deployed at {id}: build it with `cargo xtask programs build` and start `gantry-localnet`"
    )]
    NotDeployed {
        /// `registry`, `staking` or `market`.
        program: &'static str,
        /// Where it should be.
        id: Pubkey,
    },
    /// Somebody else has set the network up.
    #[error(
        "this network was set up by {found}, not by the key {expected} in the run folder: use that folder, or a fresh network"
    )]
    ForeignNetwork {
        /// The network's authority.
        found: Pubkey,
        /// The key in the run folder.
        expected: Pubkey,
    },
    /// A key file.
    #[error(transparent)]
    Key(#[from] KeyError),
    /// The cluster.
    #[error(transparent)]
    Client(#[from] ClientError),
    /// The deployment file.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

/// Rules of staking that suit a local network.
pub fn local_rules() -> ix::StakingRules {
    ix::StakingRules {
        // At least dispute window + longest proof timeout + arbitration timeout of `local_terms`.
        unbonding_seconds: 3 + 600 + 60,
        commission_notice_seconds: 60,
        minimum_pool_stake: 100 * ONE_TOKEN,
        minimum_position_stake: ONE_TOKEN,
        slash_customer_bps: 5_000,
        slash_reporter_bps: 1_000,
    }
}

/// Terms of the market that suit a local network: everything is over in seconds.
pub fn local_terms() -> ix::TermsArgs {
    let step = |shortfall_bps, credit_bps| ix::SlaCreditArgs {
        shortfall_bps,
        credit_bps,
    };
    ix::TermsArgs {
        dispute_bond: ONE_TOKEN,
        bond_ratio_bps: 5_000,
        dispute_window: 3,
        min_start_deadline: 5,
        max_start_deadline: 600,
        min_proof_timeout: 2,
        max_proof_timeout: 600,
        arbitration_timeout: 60,
        max_duration: 86_400,
        open_timeout: 3_600,
        fee_bps: 200,
        matcher_fee_bps: 50,
        sla: [step(100, 1_000), step(500, 2_500), step(1_000, 5_000)],
    }
}

/// Sets the network up with [`local_rules`] and [`local_terms`]: two mints, the three programs, an attestor. Its keys lie
/// in `folder/keys`, and what was set up in `folder/deployment.json`.
///
/// # Errors
/// If a program is not deployed, another key has set the network up, or the cluster refuses.
pub async fn bootstrap(gantry: &Gantry, folder: &Path) -> Result<Deployment, BootstrapError> {
    let folder = std::path::absolute(folder).map_err(|source| BootstrapError::Io {
        path: folder.to_owned(),
        source,
    })?;
    require_programs(gantry).await?;
    let key_file = |name: &str| folder.join("keys").join(format!("{name}.json"));
    let (authority_key, attestor_key) = (key_file("authority"), key_file("attestor"));
    let setup = Setup {
        gantry,
        authority: keys::load_or_create(&authority_key)?,
        attestor: keys::load_or_create(&attestor_key)?,
        treasury: keys::load_or_create(key_file("treasury"))?.pubkey(),
    };
    if let Some(network) = gantry.network().await?
        && network.authority != setup.authority.pubkey()
    {
        return Err(BootstrapError::ForeignNetwork {
            found: network.authority,
            expected: setup.authority.pubkey(),
        });
    }
    let authority = setup.authority.pubkey();
    if gantry.balance(&authority).await? < AUTHORITY_LAMPORTS / 2 {
        gantry.airdrop(&authority, AUTHORITY_LAMPORTS).await?;
    }
    let stake = setup
        .token("STAKE", &keys::load_or_create(key_file("stake-mint"))?)
        .await?;
    let payment = setup
        .token("USDC", &keys::load_or_create(key_file("payment-mint"))?)
        .await?;
    let genesis_hash = gantry.genesis_hash().await?;
    setup.initialize_network().await?;
    setup.initialize_rest(&stake, &payment, genesis_hash).await?;
    let deployment = Deployment {
        genesis_hash: Pubkey::from(genesis_hash),
        authority,
        authority_key,
        attestor: setup.attestor.pubkey(),
        attestor_key,
        stake,
        payment,
    };
    deployment.save(&folder)?;
    Ok(deployment)
}

async fn require_programs(gantry: &Gantry) -> Result<(), BootstrapError> {
    for (program, id) in [
        ("registry", registry::ID),
        ("staking", staking::ID),
        ("market", market::ID),
    ] {
        let account = gantry.raw_account(&id).await?;
        if !account.is_some_and(|account| account.executable) {
            return Err(BootstrapError::NotDeployed { program, id });
        }
    }
    Ok(())
}

struct Setup<'a> {
    gantry: &'a Gantry,
    authority: Keypair,
    attestor: Keypair,
    treasury: Pubkey,
}

impl Setup<'_> {
    async fn send(&self, instructions: &[Instruction], signers: &[&AnySigner]) -> Result<(), ClientError> {
        if !instructions.is_empty() {
            self.gantry.send(instructions, &self.authority, signers).await?;
        }
        Ok(())
    }

    /// A mint of the authority's, with the treasury's account in it.
    async fn token(&self, symbol: &str, key: &Keypair) -> Result<LocalToken, ClientError> {
        let (mint, payer) = (key.pubkey(), self.authority.pubkey());
        let token_program = token::TOKEN_PROGRAM;
        let mut instructions = Vec::new();
        let mut signers: Vec<&AnySigner> = Vec::new();
        match self.gantry.mint(&mint).await {
            Ok(MintInfo { .. }) => {}
            Err(ClientError::NotFound { .. }) => {
                let rent = self
                    .gantry
                    .rpc()
                    .get_minimum_balance_for_rent_exemption(token::MINT_LEN)
                    .await;
                let rent = rent.map_err(|error| self.gantry.rpc_error(error))?;
                instructions.extend(token::create_mint(
                    &payer,
                    &mint,
                    &payer,
                    DECIMALS,
                    rent,
                    &token_program,
                ));
                signers.push(key);
            }
            Err(error) => return Err(error),
        }
        let treasury = pda::associated_token(&self.treasury, &mint, &token_program);
        if self.gantry.token_amount(&treasury).await?.is_none() {
            instructions.push(token::create_associated_account(
                &payer,
                &self.treasury,
                &mint,
                &token_program,
            ));
        }
        self.send(&instructions, &signers).await?;
        Ok(LocalToken {
            symbol: symbol.to_owned(),
            mint,
            token_program,
            decimals: DECIMALS,
            treasury,
        })
    }

    async fn initialize_network(&self) -> Result<(), ClientError> {
        let authority = self.authority.pubkey();
        let mut instructions = Vec::new();
        if self.gantry.network().await?.is_none() {
            let mut arbiters = [Pubkey::default(); 9];
            arbiters[0] = authority;
            let args = ix::NetworkArgs {
                authority,
                guardian: authority,
                market_authority: pda::market_authority(),
                arbiters,
                arbiter_count: 1,
                arbiter_threshold: 1,
                timelock_seconds: 60,
            };
            instructions.push(ix::initialize_network(&authority, args));
        }
        let attestor = self.attestor.pubkey();
        if self.gantry.attestor(&attestor).await?.is_none() {
            instructions.push(ix::add_attestor(
                &authority,
                &authority,
                &attestor,
                HIGHEST_TIER,
                ALL_FLAGS,
            ));
        }
        self.send(&instructions, &[]).await?;
        // Attesting costs a fee and, for a new device, rent.
        if self.gantry.balance(&attestor).await? == 0 {
            let transfer = solana_system_interface::instruction::transfer(&authority, &attestor, 1_000_000_000);
            self.send(&[transfer], &[]).await?;
        }
        Ok(())
    }

    async fn initialize_rest(
        &self,
        stake: &LocalToken,
        payment: &LocalToken,
        genesis_hash: [u8; 32],
    ) -> Result<(), ClientError> {
        let authority = self.authority.pubkey();
        let mut instructions = Vec::new();
        if self.gantry.staking_params().await?.is_none() {
            instructions.push(ix::initialize_staking(
                &authority,
                &authority,
                &stake.mint,
                &stake.treasury,
                &stake.token_program,
                local_rules(),
            ));
        }
        if self.gantry.market_params().await?.is_none() {
            instructions.push(ix::initialize_market(
                &authority,
                &authority,
                genesis_hash,
                local_terms(),
            ));
        }
        if self.gantry.payment_mint(&payment.mint).await?.is_none() {
            instructions.push(ix::enable_mint(
                &authority,
                &authority,
                payment.mint_ref(),
                &payment.treasury,
                MINIMUM_PRICE,
                STAKE_RATE,
            ));
        }
        self.send(&instructions, &[]).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stake_outlasts_every_judgement() {
        let (rules, terms) = (local_rules(), local_terms());
        let judgement = terms.dispute_window + terms.max_proof_timeout + terms.arbitration_timeout;
        assert!(rules.unbonding_seconds >= judgement);
    }
}
