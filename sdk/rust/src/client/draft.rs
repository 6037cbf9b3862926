//! A transaction before it is signed.

use super::ClientError;
use crate::{AnySigner, Instruction, Pubkey, Signature};
use solana_compute_budget_interface::ComputeBudgetInstruction;
use solana_message::{AddressLookupTableAccount, Hash, Message, VersionedMessage, v0};
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;

/// What a transaction may use at most.
pub(super) const MAX_COMPUTE_UNITS: u32 = 1_400_000;
/// Bytes of the largest transaction that the network carries.
const MAX_BYTES: usize = 1_232;

/// What a transaction asks of the runtime.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Budget {
    /// Most compute units.
    pub(super) units: u32,
    /// Micro-lamports paid for each of them beyond the base fee; 0 asks for nothing.
    pub(super) price: u64,
}

impl Budget {
    /// What a simulation runs with.
    pub(super) const SIMULATION: Self = Self {
        units: MAX_COMPUTE_UNITS,
        price: 0,
    };
}

/// Everything about a transaction but its budget and blockhash.
pub(super) struct Draft<'a> {
    instructions: Vec<Instruction>,
    signers: Vec<&'a AnySigner>,
    payer: Pubkey,
    tables: Vec<AddressLookupTableAccount>,
}

impl<'a> Draft<'a> {
    pub(super) fn new(instructions: &[Instruction], payer: &'a AnySigner, signers: &[&'a AnySigner]) -> Self {
        let mut all: Vec<&AnySigner> = vec![payer];
        for signer in signers {
            if !all.iter().any(|known| known.pubkey() == signer.pubkey()) {
                all.push(*signer);
            }
        }
        Self {
            instructions: instructions.to_vec(),
            signers: all,
            payer: payer.pubkey(),
            tables: Vec::new(),
        }
    }

    /// This draft, with the accounts in `table` looked up there.
    pub(super) fn with_table(mut self, table: AddressLookupTableAccount) -> Self {
        self.tables.push(table);
        self
    }

    /// Whether it is small enough for the network, in one form or another.
    pub(super) fn fits(&self) -> Result<bool, ClientError> {
        let unpriced = Budget::SIMULATION;
        let message = VersionedMessage::V0(self.versioned(unpriced, Hash::default())?);
        // Without a version it takes two bytes less.
        Ok(self.size(&message) <= MAX_BYTES + 2)
    }

    /// The message, unsigned and without a blockhash, as it is looked at before it is sent.
    pub(super) fn message(&self) -> Message {
        Message::new(&self.budgeted(Budget::SIMULATION), Some(&self.payer))
    }

    /// The accounts that it may change.
    pub(super) fn writable(&self) -> Vec<Pubkey> {
        let message = self.message();
        let keys = message.account_keys.iter().enumerate();
        keys.filter(|(place, _)| is_writable(&message, *place))
            .map(|(_, key)| *key)
            .collect()
    }

    fn budgeted(&self, budget: Budget) -> Vec<Instruction> {
        // First, so that a precompile's instruction stays right before the one that reads it.
        let mut all = vec![ComputeBudgetInstruction::set_compute_unit_limit(budget.units)];
        if budget.price > 0 {
            all.push(ComputeBudgetInstruction::set_compute_unit_price(budget.price));
        }
        all.extend_from_slice(&self.instructions);
        all
    }

    /// The signed transaction: version 0, or without a version where that makes the difference between fitting and not;
    /// a price that does not fit is left out first.
    pub(super) fn sign(&self, budget: Budget, blockhash: Hash) -> Result<VersionedTransaction, ClientError> {
        let unpriced = Budget { price: 0, ..budget };
        for budget in [budget, unpriced] {
            let message = VersionedMessage::V0(self.versioned(budget, blockhash)?);
            if self.size(&message) <= MAX_BYTES {
                return self.sign_message(message);
            }
        }
        let mut message = Message::new(&self.budgeted(unpriced), Some(&self.payer));
        message.recent_blockhash = blockhash;
        let message = VersionedMessage::Legacy(message);
        let size = self.size(&message);
        if size > MAX_BYTES {
            let problem = format!("it has {size} bytes, the network carries {MAX_BYTES}");
            return Err(ClientError::Build(problem));
        }
        self.sign_message(message)
    }

    pub(super) fn versioned(&self, budget: Budget, blockhash: Hash) -> Result<v0::Message, ClientError> {
        let compiled = v0::Message::try_compile(&self.payer, &self.budgeted(budget), &self.tables, blockhash);
        compiled.map_err(|error| ClientError::Build(error.to_string()))
    }

    fn size(&self, message: &VersionedMessage) -> usize {
        // Their number takes one byte: there are never 128.
        1 + usize::from(message.header().num_required_signatures) * size_of::<Signature>() + message.serialize().len()
    }

    fn sign_message(&self, message: VersionedMessage) -> Result<VersionedTransaction, ClientError> {
        let wanted = usize::from(message.header().num_required_signatures);
        let keys = message.static_account_keys().iter().take(wanted);
        let surplus = self.signers.iter().find(|signer| {
            let key = signer.pubkey();
            !message.static_account_keys()[..wanted].contains(&key)
        });
        if let Some(surplus) = surplus {
            let key = surplus.pubkey();
            return Err(ClientError::Build(format!("{key} is not among those who have to sign")));
        }
        let bytes = message.serialize();
        let signatures = keys.map(|key| {
            let signer = self.signers.iter().find(|signer| signer.pubkey() == *key);
            let missing = || ClientError::Build(format!("the key of {key} is missing, which has to sign"));
            let signature = signer.ok_or_else(missing)?.try_sign_message(&bytes);
            signature.map_err(|error| ClientError::Signer {
                signer: *key,
                reason: error.to_string(),
            })
        });
        Ok(VersionedTransaction {
            signatures: signatures.collect::<Result<_, _>>()?,
            message,
        })
    }

    pub(super) fn explain(&self, error: TransactionError, logs: Vec<String>, budget: Budget) -> ClientError {
        let programs: Vec<Pubkey> = self.budgeted(budget).iter().map(|i| i.program_id).collect();
        ClientError::from_transaction(error, logs, &programs, &self.payer)
    }
}

/// Whether the account at `place` is asked for writing: keys are signers first, writable ones first among each.
fn is_writable(message: &Message, place: usize) -> bool {
    let header = &message.header;
    let signers = usize::from(header.num_required_signatures);
    let (end, readonly) = if place < signers {
        (signers, header.num_readonly_signed_accounts)
    } else {
        (message.account_keys.len(), header.num_readonly_unsigned_accounts)
    };
    place + usize::from(readonly) < end
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Keypair, Signer};
    use solana_instruction::AccountMeta;

    fn key(byte: u8) -> Pubkey {
        Pubkey::from([byte; 32])
    }

    fn instruction(signers: &[Pubkey], bytes: usize) -> Instruction {
        let accounts = signers.iter().map(|signer| AccountMeta::new(*signer, true)).collect();
        Instruction {
            program_id: key(9),
            accounts,
            data: vec![0; bytes],
        }
    }

    fn bytes(transaction: &VersionedTransaction) -> usize {
        1 + transaction.signatures.len() * 64 + transaction.message.serialize().len()
    }

    const BUDGET: Budget = Budget {
        units: 10_000,
        price: 7,
    };

    #[test]
    fn it_is_version_0_signed_by_all_and_asks_for_its_budget_first() {
        let (payer, other) = (Keypair::new(), Keypair::new());
        let instructions = [instruction(&[other.pubkey(), payer.pubkey()], 10)];
        let draft = Draft::new(&instructions, &payer, &[&other, &payer]);
        let transaction = draft.sign(BUDGET, Hash::default()).expect("signed");
        assert!(matches!(transaction.message, VersionedMessage::V0(_)));
        let message = transaction.message.serialize();
        let keys = transaction.message.static_account_keys();
        assert_eq!(keys[0], payer.pubkey());
        for (signature, key) in transaction.signatures.iter().zip(keys) {
            assert!(signature.verify(key.as_ref(), &message));
        }
        let data: Vec<u8> = transaction.message.instructions().iter().map(|i| i.data[0]).collect();
        // The compute budget program's numbers for limit and price.
        assert_eq!(data, [2, 3, 0]);
        let unpriced = Budget { price: 0, ..BUDGET };
        let transaction = draft.sign(unpriced, Hash::default()).expect("signed");
        assert_eq!(transaction.message.instructions().len(), 2);
    }

    #[test]
    fn what_hardly_fits_loses_its_price_and_then_its_version() {
        let payer = Keypair::new();
        let signed = |length| {
            let instructions = [instruction(&[payer.pubkey()], length)];
            let draft = Draft::new(&instructions, &payer, &[]);
            (draft.fits().expect("compiles"), draft.sign(BUDGET, Hash::default()))
        };
        let mut order = Vec::new();
        let mut largest = 0;
        for length in 900..1_232 {
            let (fits, Ok(transaction)) = signed(length) else {
                assert!(!signed(length).0, "{length}");
                continue;
            };
            assert!(fits, "{length}");
            let version = matches!(transaction.message, VersionedMessage::V0(_));
            order.push((version, transaction.message.instructions().len()));
            largest = bytes(&transaction).max(largest);
        }
        order.dedup();
        assert_eq!(order, [(true, 3), (true, 2), (false, 2)]);
        assert_eq!(largest, MAX_BYTES);
    }

    #[test]
    fn a_key_too_few_and_one_too_many_are_named() {
        let (payer, other) = (Keypair::new(), Keypair::new());
        let said = |instructions: &[Instruction], signers: &[&AnySigner]| {
            let draft = Draft::new(instructions, &payer, signers);
            draft.sign(BUDGET, Hash::default()).expect_err("refused").to_string()
        };
        let name = other.pubkey().to_string();
        assert!(said(&[instruction(&[other.pubkey()], 1)], &[]).contains(&name));
        assert!(said(&[instruction(&[payer.pubkey()], 1)], &[&other]).contains(&name));
    }

    #[test]
    fn signers_come_first_and_writable_ones_first_among_each() {
        let header = solana_message::MessageHeader {
            num_required_signatures: 2,
            num_readonly_signed_accounts: 1,
            num_readonly_unsigned_accounts: 1,
        };
        let message = Message {
            header,
            account_keys: [1, 2, 3, 4].map(key).to_vec(),
            ..Message::default()
        };
        let writable = [0, 1, 2, 3].map(|place| is_writable(&message, place));
        assert_eq!(writable, [true, false, true, false]);
    }
}
