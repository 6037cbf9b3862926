//! What was set up on a network, as others read it from its run folder.

use super::BootstrapError;
use crate::{
    Gantry, Pubkey, Signer as _,
    ix::{MintRef, token},
    keys, pda,
};
use serde::{Deserialize, Serialize};
use std::path::{Path, PathBuf};

/// The file that [`Deployment`] is written to, in the run folder.
pub const DEPLOYMENT_FILE: &str = "deployment.json";
/// The folder in a stack's run folder that keys, blobs and the deployment file of its network lie in.
pub const NETWORK_FOLDER: &str = "network";

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

    pub(super) fn save(&self, folder: &Path) -> Result<(), BootstrapError> {
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{bootstrap::DECIMALS, mints::MintNames};

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
