//! What can go wrong between here and a confirmed transaction, in words that say what to do.

use crate::{
    Pubkey, Signature, amount, blob::BlobError, errors, idl, ix, manifest::ManifestError, spec::SpecError,
    state::DecodeError,
};
use solana_instruction::error::InstructionError;
use solana_rpc_client_api::{client_error, request::RpcError};
use solana_transaction_error::TransactionError;

/// Why a call did not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum ClientError {
    /// A program refused the instruction. No token moved.
    #[error("{program} refused: {message} ({name}, {code})")]
    Program {
        /// `registry`, `staking`, `market`, `token`, `system` or an address.
        program: String,
        /// The program's error code; 0 for one of the runtime's own errors.
        code: u32,
        /// Name in the program's error table.
        name: String,
        /// What to do about it.
        message: String,
    },
    /// A wallet without SOL for fees or rent.
    #[error("unfunded wallet: send SOL to {wallet} for fees and rent (on a local network: `gantry airdrop`)")]
    Unfunded {
        /// The wallet.
        wallet: Pubkey,
    },
    /// A wallet without enough of a token.
    #[error(
        "wallet {wallet} has {} of token {mint}, {} are needed: send it the difference",
        amount::format(*available, *decimals),
        amount::format(*needed, *decimals)
    )]
    InsufficientTokens {
        /// The wallet.
        wallet: Pubkey,
        /// The token's mint.
        mint: Pubkey,
        /// Decimals of the token.
        decimals: u8,
        /// Base units needed.
        needed: u64,
        /// Base units there.
        available: u64,
    },
    /// Jobs cannot be paid in this mint.
    #[error("jobs cannot be paid in mint {mint}: {}", choices(enabled))]
    MintNotEnabled {
        /// The mint that was asked for.
        mint: Pubkey,
        /// Mints that are enabled.
        enabled: Vec<Pubkey>,
    },
    /// Something that the market would refuse, seen before anything was sent.
    #[error("{field}: {problem}")]
    OutOfBounds {
        /// What is out of bounds, by its name in the job spec or on the command line.
        field: &'static str,
        /// What is wrong and which values are right.
        problem: String,
    },
    /// The network has paused what was asked for.
    #[error("the network has paused {0}: try again later")]
    Paused(&'static str),
    /// No account of this kind at this address.
    #[error("there is no {what} {address}")]
    NotFound {
        /// What was looked for.
        what: &'static str,
        /// Where, or which.
        address: String,
    },
    /// An account that does not decode.
    #[error("account {address}: {source}")]
    Decode {
        /// Its address.
        address: Pubkey,
        /// Why.
        source: DecodeError,
    },
    /// The cluster refused the transaction for another reason.
    #[error("the transaction failed: {error}{}", last_log(logs))]
    Transaction {
        /// The runtime's error.
        error: TransactionError,
        /// Its logs, if there are any.
        logs: Vec<String>,
    },
    /// The transaction was not confirmed before its blockhash expired: it never will be.
    #[error("transaction {0} was not confirmed before it expired and had no effect: send it again")]
    Expired(Signature),
    /// The RPC server cannot be reached.
    #[error("cannot reach the RPC server at {url}: start it (`cargo xtask up`) or pass --rpc-url ({reason})")]
    Unreachable {
        /// Where it should be.
        url: String,
        /// Why not.
        reason: String,
    },
    /// The RPC server answered with an error.
    #[error("RPC server: {0}")]
    Rpc(Box<client_error::Error>),
    /// A transaction that cannot be made.
    #[error("cannot make the transaction: {0}")]
    Build(String),
    /// The review of this connection ([`Gantry::reviewed`](super::Gantry::reviewed)) held it back: nothing was sent.
    #[error("{0}")]
    HeldBack(String),
    /// The signer would not, or could not.
    #[error("{signer} has not signed: {reason}")]
    Signer {
        /// Who.
        signer: Pubkey,
        /// Why not.
        reason: String,
    },
    /// The record of jobs that are being opened.
    #[error(transparent)]
    Outbox(#[from] super::OutboxError),
    /// Something that this signer cannot do, seen before anything was sent.
    #[error("{what} is not this wallet's to do: sign with {signer}")]
    WrongSigner {
        /// What was asked for.
        what: &'static str,
        /// Who can.
        signer: Pubkey,
    },
    /// The job's spec.
    #[error(transparent)]
    Spec(#[from] SpecError),
    /// The blob store.
    #[error(transparent)]
    Blob(#[from] BlobError),
    /// The job's result.
    #[error(transparent)]
    Manifest(#[from] ManifestError),
}

fn choices(enabled: &[Pubkey]) -> String {
    match enabled {
        [] => "none is enabled on this network yet".to_owned(),
        mints => format!(
            "choose one of {}",
            mints.iter().map(ToString::to_string).collect::<Vec<_>>().join(", ")
        ),
    }
}

fn last_log(logs: &[String]) -> String {
    logs.iter()
        .rev()
        .find_map(|line| line.strip_prefix("Program log: "))
        .map(|log| format!(" ({log})"))
        .unwrap_or_default()
}

impl ClientError {
    /// Whether a program refused with the error called `name` (as in the programs' error enums).
    pub fn is_refusal(&self, wanted: &str) -> bool {
        matches!(self, Self::Program { name, .. } if name == wanted)
    }

    /// Whether sending the same again may work: the cluster was away or busy.
    pub fn is_transient(&self) -> bool {
        matches!(
            self,
            Self::Unreachable { .. }
                | Self::Expired(_)
                | Self::Transaction {
                    error: TransactionError::AccountInUse
                        | TransactionError::BlockhashNotFound
                        | TransactionError::ClusterMaintenance
                        | TransactionError::WouldExceedMaxBlockCostLimit
                        | TransactionError::WouldExceedMaxAccountCostLimit,
                    ..
                }
        )
    }

    /// An RPC error, with the server's address where it cannot be reached.
    pub(super) fn from_rpc(url: &str, error: client_error::Error) -> Self {
        let away = match error.kind() {
            client_error::ErrorKind::Reqwest(inner) => inner.is_connect() || inner.is_timeout() || inner.is_request(),
            client_error::ErrorKind::Io(_) | client_error::ErrorKind::Middleware(_) => true,
            client_error::ErrorKind::RpcError(RpcError::RpcRequestError(_)) => true,
            _ => false,
        };
        if away {
            return Self::Unreachable {
                url: url.to_owned(),
                reason: error.to_string(),
            };
        }
        Self::Rpc(Box::new(error))
    }

    /// What a failed transaction means. `programs` are the programs of its instructions in order, `payer` its fee payer.
    pub(super) fn from_transaction(
        error: TransactionError,
        logs: Vec<String>,
        programs: &[Pubkey],
        payer: &Pubkey,
    ) -> Self {
        match &error {
            TransactionError::AccountNotFound
            | TransactionError::InsufficientFundsForFee
            | TransactionError::InvalidAccountForFee
            | TransactionError::InsufficientFundsForRent { .. } => Self::Unfunded { wallet: *payer },
            TransactionError::InstructionError(index, cause) => {
                let outer = programs.get(usize::from(*index)).copied().unwrap_or_default();
                let program = failed_program(&logs).unwrap_or(outer);
                match cause {
                    InstructionError::Custom(code) => Self::from_code(*code, program, &logs),
                    cause => Self::from_builtin(cause, program),
                }
            }
            _ => Self::Transaction { error, logs },
        }
    }

    /// A refusal with one of the runtime's own errors, which programs use where an account is not what it should be.
    fn from_builtin(cause: &InstructionError, program: Pubkey) -> Self {
        let hint = match cause {
            InstructionError::UninitializedAccount
            | InstructionError::AccountDataTooSmall
            | InstructionError::InvalidAccountOwner
            | InstructionError::IncorrectProgramId => {
                ": an account that this needs does not exist or is of another kind"
            }
            _ => "",
        };
        let name = format!("{cause:?}");
        Self::Program {
            program: idl::program_name(&program),
            code: 0,
            name,
            message: format!("{cause}{hint}"),
        }
    }

    fn from_code(code: u32, program: Pubkey, logs: &[String]) -> Self {
        // The three programs' codes do not overlap: the code says which one, also where it was called by another.
        if let Some(refusal) = errors::lookup(code) {
            return Self::Program {
                program: refusal.program.to_owned(),
                code,
                name: refusal.name.clone(),
                message: refusal.message.clone(),
            };
        }
        let (program, name, message) = match (program, code) {
            (ix::SYSTEM_PROGRAM, 0) => (
                "system",
                "AccountAlreadyInUse",
                "an account that this would create exists already".into(),
            ),
            (ix::SYSTEM_PROGRAM, 1) => (
                "system",
                "InsufficientFunds",
                "the payer has too little SOL for rent: send it some".into(),
            ),
            (ix::token::TOKEN_PROGRAM | ix::token::TOKEN_2022_PROGRAM, 1) => (
                "token",
                "InsufficientFunds",
                "the token account holds less than this needs".into(),
            ),
            (ix::token::TOKEN_PROGRAM | ix::token::TOKEN_2022_PROGRAM, 4) => (
                "token",
                "OwnerMismatch",
                "the signer does not own this token account".into(),
            ),
            (program, code) => {
                let hint = last_log(logs);
                return Self::Program {
                    program: idl::program_name(&program),
                    code,
                    name: "Custom".into(),
                    message: format!("error {code}{hint}: an account or argument is not what the program expects"),
                };
            }
        };
        Self::Program {
            program: program.to_owned(),
            code,
            name: name.to_owned(),
            message,
        }
    }
}

/// The innermost program that failed: the first that the logs report.
fn failed_program(logs: &[String]) -> Option<Pubkey> {
    logs.iter()
        .find_map(|line| line.strip_prefix("Program ")?.split_once(" failed: ")?.0.parse().ok())
}

// A Result is as large as its error: what every call returns stays small.
const _: () = assert!(size_of::<ClientError>() < 128);

#[cfg(test)]
mod tests {
    use super::*;
    use crate::market;

    fn failed(code: u32, logs: &[&str]) -> ClientError {
        let error = TransactionError::InstructionError(1, InstructionError::Custom(code));
        let logs = logs.iter().map(ToString::to_string).collect();
        ClientError::from_transaction(error, logs, &[Pubkey::default(), market::ID], &Pubkey::from([7; 32]))
    }

    #[test]
    fn a_refusal_names_the_program_that_refused_also_through_a_call() {
        let error = failed(6000, &[]);
        assert!(error.is_refusal("NotNetworkAuthority"), "{error}");
        assert!(
            error
                .to_string()
                .starts_with("registry refused: only the network's authority"),
            "{error}"
        );
    }

    #[test]
    fn token_and_system_errors_are_told_apart_by_the_logs() {
        let token = format!("Program {} failed: custom program error: 0x1", ix::token::TOKEN_PROGRAM);
        let outer = format!("Program {} failed: custom program error: 0x1", market::ID);
        assert!(
            failed(1, &[&token, &outer])
                .to_string()
                .contains("token account holds less")
        );
        let system = format!("Program {} failed: custom program error: 0x1", ix::SYSTEM_PROGRAM);
        assert!(failed(1, &[&system, &outer]).to_string().contains("too little SOL"));
        let unknown = failed(77, &["Program log: reason"]).to_string();
        assert!(unknown.starts_with("market refused: error 77 (reason)"), "{unknown}");
    }

    #[test]
    fn the_runtimes_own_errors_are_refusals_too() {
        let error = TransactionError::InstructionError(1, InstructionError::UninitializedAccount);
        let error =
            ClientError::from_transaction(error, Vec::new(), &[Pubkey::default(), market::ID], &Pubkey::default());
        assert!(error.is_refusal("UninitializedAccount"), "{error}");
        assert!(error.to_string().starts_with("market refused: "), "{error}");
    }

    #[test]
    fn a_wallet_without_sol_is_told_so() {
        let wallet = Pubkey::from([7; 32]);
        for error in [
            TransactionError::AccountNotFound,
            TransactionError::InsufficientFundsForFee,
        ] {
            let error = ClientError::from_transaction(error, Vec::new(), &[], &wallet);
            assert!(error.to_string().contains(&format!("send SOL to {wallet}")), "{error}");
        }
    }
}
