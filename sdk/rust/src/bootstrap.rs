//! Setting up the three programs on a network of one's own: mints, rules, an attestor.
//!
//! Every step looks first whether it is done, so that running it again changes nothing and finishes what was cut off.

use crate::{
    AnySigner, ClientError, Gantry, Instruction, Keypair, Pubkey, Signer,
    client::MintInfo,
    ix::{self, MintRef, token},
    keys::{self, KeyError},
    market, pda, registry, staking,
};
use serde::{Deserialize, Serialize};
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

/// The file that [`Deployment`] is written to, in the run folder.
pub const DEPLOYMENT_FILE: &str = "deployment.json";
/// The folder in a stack's run folder that keys, blobs and the deployment file of its network lie in.
pub const NETWORK_FOLDER: &str = "network";

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

/// A token of a local network.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LocalToken {
    /// What people call it.
    pub symbol: String,
    /// Its mint, base58.
    #[serde(with = "base58")]
    pub mint: Pubkey,
    /// Its token program, base58.
    #[serde(with = "base58")]
    pub token_program: Pubkey,
    /// Digits after the point.
    pub decimals: u8,
    /// The treasury's token account in it, base58.
    #[serde(with = "base58")]
    pub treasury: Pubkey,
}

impl LocalToken {
    /// The mint and its token program.
    pub fn mint_ref(&self) -> MintRef {
        MintRef {
            mint: self.mint,
            token_program: self.token_program,
        }
    }
}

/// What was set up, as others read it from `deployment.json`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deployment {
    /// Genesis hash of the cluster, base58.
    #[serde(with = "base58")]
    pub genesis_hash: Pubkey,
    /// The network's authority, which is the mint authority of both tokens too, base58.
    #[serde(with = "base58")]
    pub authority: Pubkey,
    /// Its key file.
    pub authority_key: PathBuf,
    /// The admitted attestor, base58.
    #[serde(with = "base58")]
    pub attestor: Pubkey,
    /// Its key file.
    pub attestor_key: PathBuf,
    /// What providers stake.
    pub stake: LocalToken,
    /// What jobs are paid in.
    pub payment: LocalToken,
}

/// Keys in JSON as base58.
mod base58 {
    use crate::Pubkey;
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    pub(super) fn serialize<S: Serializer>(key: &Pubkey, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(key)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Pubkey, D::Error> {
        String::deserialize(deserializer)?
            .parse()
            .map_err(|_| D::Error::custom("no base58 key"))
    }
}

impl Deployment {
    /// Reads the deployment file of a run folder.
    ///
    /// # Errors
    /// If it is missing or malformed.
    pub fn load(folder: &Path) -> Result<Self, BootstrapError> {
        let path = folder.join(DEPLOYMENT_FILE);
        let io = |source| BootstrapError::Io {
            path: path.clone(),
            source,
        };
        serde_json::from_slice(&std::fs::read(&path).map_err(io)?).map_err(|error| io(error.into()))
    }

    /// Reads the deployment file of a run folder, be it the network's own or that of the stack around it. None: neither
    /// has one.
    ///
    /// # Errors
    /// If it is malformed.
    pub fn find(folder: &Path) -> Result<Option<Self>, BootstrapError> {
        let mut folders = [folder.to_owned(), folder.join(NETWORK_FOLDER)].into_iter();
        let found = folders.find(|folder| folder.join(DEPLOYMENT_FILE).exists());
        found.map(|folder| Self::load(&folder)).transpose()
    }

    fn save(&self, folder: &Path) -> Result<(), BootstrapError> {
        let path = folder.join(DEPLOYMENT_FILE);
        let io = |source| BootstrapError::Io {
            path: path.clone(),
            source,
        };
        let mut text = serde_json::to_string_pretty(self).map_err(|error| io(error.into()))?;
        text.push('\n');
        std::fs::write(&path, text).map_err(io)
    }

    /// Mints base units of both tokens to the wallet `owner`, whose token accounts are made where they are missing.
    ///
    /// # Errors
    /// If the authority's key file cannot be read; as [`Gantry::send`].
    pub async fn mint_to(
        &self,
        gantry: &Gantry,
        owner: &Pubkey,
        stake: u64,
        payment: u64,
    ) -> Result<(), BootstrapError> {
        let authority = keys::load(&self.authority_key)?;
        let payer = authority.pubkey();
        let mut instructions = Vec::new();
        for (local, amount) in [(&self.stake, stake), (&self.payment, payment)] {
            let account = pda::associated_token(owner, &local.mint, &local.token_program);
            instructions.push(token::create_associated_account(
                &payer,
                owner,
                &local.mint,
                &local.token_program,
            ));
            if amount > 0 {
                instructions.push(token::mint_to(
                    &local.mint,
                    &payer,
                    &account,
                    amount,
                    &local.token_program,
                ));
            }
        }
        gantry.send(&instructions, &authority, &[]).await?;
        Ok(())
    }
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
    use crate::mints::MintNames;

    #[test]
    fn stake_outlasts_every_judgement() {
        let (rules, terms) = (local_rules(), local_terms());
        let judgement = terms.dispute_window + terms.max_proof_timeout + terms.arbitration_timeout;
        assert!(rules.unbonding_seconds >= judgement);
    }

    fn deployment() -> Deployment {
        let token = |symbol: &str, mint| LocalToken {
            symbol: symbol.to_owned(),
            mint: Pubkey::from([mint; 32]),
            token_program: token::TOKEN_PROGRAM,
            decimals: DECIMALS,
            treasury: Pubkey::default(),
        };
        Deployment {
            genesis_hash: Pubkey::default(),
            authority: Pubkey::default(),
            authority_key: PathBuf::new(),
            attestor: Pubkey::default(),
            attestor_key: PathBuf::new(),
            stake: token("STAKE", 1),
            payment: token("USDC", 2),
        }
    }

    #[test]
    fn a_deployment_is_found_in_its_folder_and_in_the_stack_s() {
        let stack = tempfile::tempdir().expect("a folder");
        assert_eq!(Deployment::find(stack.path()).expect("nothing to read"), None);
        let network = stack.path().join(NETWORK_FOLDER);
        std::fs::create_dir(&network).expect("a folder");
        deployment().save(&network).expect("written");
        for folder in [stack.path(), &network] {
            assert_eq!(Deployment::find(folder).expect("read"), Some(deployment()));
        }
        std::fs::write(network.join(DEPLOYMENT_FILE), "{").expect("written");
        assert!(Deployment::find(stack.path()).is_err());
    }

    #[test]
    fn a_network_names_its_own_tokens() {
        let names = MintNames::of(&deployment()).expect("names");
        assert_eq!(names.symbol(&Pubkey::from([1; 32])), Some("STAKE"));
        assert_eq!(names.symbol(&Pubkey::from([2; 32])), Some("USDC"));
        assert_eq!(names.symbol(&Pubkey::from([3; 32])), None);
        assert_eq!(names.to_string().parse(), Ok(names));
    }
}
