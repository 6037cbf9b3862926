//! Filters over executed transactions.

use std::collections::HashSet;

use yellowstone_grpc_proto::prelude::SubscribeRequestFilterTransactions;

use super::{BadFilter, pubkey};
use crate::ledger::TransactionItem;

/// Fields are joined by *and*; an empty field matches everything.
#[derive(Debug)]
pub(super) struct TransactionFilter {
    vote: Option<bool>,
    failed: Option<bool>,
    signature: Option<Vec<u8>>,
    include: HashSet<[u8; 32]>,
    exclude: HashSet<[u8; 32]>,
    required: Vec<[u8; 32]>,
}

impl TransactionFilter {
    pub(super) fn compile(filter: &SubscribeRequestFilterTransactions) -> Result<Self, BadFilter> {
        if filter.cuckoo_account_include.is_some() {
            return Err(BadFilter::unsupported(
                "`cuckoo_account_include`",
                "list the accounts in account_include",
            ));
        }
        if filter.token_accounts.is_some() {
            return Err(BadFilter::unsupported(
                "`token_accounts`",
                "list the token accounts in account_include",
            ));
        }
        let keys = |keys: &[String]| keys.iter().map(|key| pubkey(key)).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            vote: filter.vote,
            failed: filter.failed,
            signature: filter.signature.as_deref().map(signature).transpose()?,
            include: keys(&filter.account_include)?.into_iter().collect(),
            exclude: keys(&filter.account_exclude)?.into_iter().collect(),
            required: keys(&filter.account_required)?,
        })
    }

    pub(super) fn matches(&self, transaction: &TransactionItem) -> bool {
        let mentions = |keys: &HashSet<[u8; 32]>| transaction.keys.iter().any(|key| keys.contains(key));
        self.vote.is_none_or(|vote| vote == transaction.info.is_vote)
            && self.failed.is_none_or(|failed| failed == transaction.failed)
            && self
                .signature
                .as_ref()
                .is_none_or(|signature| *signature == transaction.info.signature)
            && (self.include.is_empty() || mentions(&self.include))
            && !mentions(&self.exclude)
            && self.required.iter().all(|key| transaction.keys.contains(key))
    }
}

fn signature(text: &str) -> Result<Vec<u8>, BadFilter> {
    let bytes = bs58::decode(text).into_vec().ok().filter(|bytes| bytes.len() == 64);
    bytes.ok_or_else(|| BadFilter::new(format!("`{text}` is no signature: 64 bytes in base58 are expected")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn transaction() -> TransactionItem {
        TransactionItem {
            keys: vec![[1; 32], [2; 32]],
            failed: true,
            info: Default::default(),
        }
    }

    fn keys(bytes: &[u8]) -> Vec<String> {
        bytes
            .iter()
            .map(|byte| bs58::encode([*byte; 32]).into_string())
            .collect()
    }

    fn matches(filter: SubscribeRequestFilterTransactions) -> bool {
        TransactionFilter::compile(&filter)
            .expect("a valid filter")
            .matches(&transaction())
    }

    #[test]
    fn accounts_are_included_excluded_and_required() {
        let filter = |include: &[u8], exclude: &[u8], required: &[u8]| SubscribeRequestFilterTransactions {
            account_include: keys(include),
            account_exclude: keys(exclude),
            account_required: keys(required),
            ..Default::default()
        };
        assert!(matches(filter(&[], &[], &[])));
        assert!(matches(filter(&[1, 9], &[9], &[1, 2])));
        assert!(!matches(filter(&[9], &[], &[])));
        assert!(!matches(filter(&[], &[2], &[])));
        assert!(!matches(filter(&[], &[], &[1, 9])));
    }

    #[test]
    fn votes_and_failures_are_told_apart() {
        let filter = |vote, failed| SubscribeRequestFilterTransactions {
            vote,
            failed,
            ..Default::default()
        };
        assert!(matches(filter(Some(false), Some(true))));
        assert!(!matches(filter(Some(true), None)));
        assert!(!matches(filter(None, Some(false))));
    }
}
