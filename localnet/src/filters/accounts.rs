//! Filters over account writes, and the slices of data that a client wants.

use std::collections::HashSet;
use std::ops::Range;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use yellowstone_grpc_proto::prelude::subscribe_request_filter_accounts_filter::Filter;
use yellowstone_grpc_proto::prelude::subscribe_request_filter_accounts_filter_lamports::Cmp;
use yellowstone_grpc_proto::prelude::subscribe_request_filter_accounts_filter_memcmp::Data;
use yellowstone_grpc_proto::prelude::{
    SubscribeRequestAccountsDataSlice, SubscribeRequestFilterAccounts, SubscribeRequestFilterAccountsFilterMemcmp,
    SubscribeUpdateAccountInfo,
};

use super::{BadFilter, pubkey};

/// Fields are joined by *and*, the values of a list by *or*, the entries of `filters` by *and*; an empty field
/// matches everything.
#[derive(Debug)]
pub(super) struct AccountFilter {
    accounts: HashSet<[u8; 32]>,
    owners: HashSet<[u8; 32]>,
    has_signature: Option<bool>,
    state: Vec<StateFilter>,
}

#[derive(Debug)]
enum StateFilter {
    Memcmp { offset: usize, bytes: Vec<u8> },
    DataSize(u64),
    Lamports(Cmp),
}

impl AccountFilter {
    pub(super) fn compile(filter: &SubscribeRequestFilterAccounts) -> Result<Self, BadFilter> {
        if filter.cuckoo_accounts_filter.is_some() {
            return Err(BadFilter::unsupported(
                "`cuckoo_accounts_filter`",
                "list the accounts or their owner instead",
            ));
        }
        let keys = |keys: &[String]| keys.iter().map(|key| pubkey(key)).collect::<Result<HashSet<_>, _>>();
        let state = filter.filters.iter().map(|filter| match &filter.filter {
            Some(Filter::Memcmp(memcmp)) => compile_memcmp(memcmp),
            Some(Filter::Datasize(size)) => Ok(StateFilter::DataSize(*size)),
            Some(Filter::Lamports(lamports)) => match lamports.cmp {
                Some(cmp) => Ok(StateFilter::Lamports(cmp)),
                None => Err(BadFilter::new("a lamports filter needs eq, ne, lt or gt")),
            },
            Some(Filter::TokenAccountState(_)) => Err(BadFilter::unsupported(
                "`token_account_state`",
                "filter by the token program as owner and by datasize 165 instead",
            )),
            None => Err(BadFilter::new(
                "an entry of `filters` is empty: set memcmp, datasize or lamports",
            )),
        });
        Ok(Self {
            accounts: keys(&filter.account)?,
            owners: keys(&filter.owner)?,
            has_signature: filter.nonempty_txn_signature,
            state: state.collect::<Result<_, _>>()?,
        })
    }

    pub(super) fn matches(&self, account: &SubscribeUpdateAccountInfo) -> bool {
        let listed = |keys: &HashSet<[u8; 32]>, key: &[u8]| keys.is_empty() || keys.contains(key);
        listed(&self.accounts, &account.pubkey)
            && listed(&self.owners, &account.owner)
            && self
                .has_signature
                .is_none_or(|wanted| wanted == account.txn_signature.is_some())
            && self.state.iter().all(|filter| filter.matches(account))
    }
}

impl StateFilter {
    fn matches(&self, account: &SubscribeUpdateAccountInfo) -> bool {
        match self {
            Self::Memcmp { offset, bytes } => account.data.get(*offset..).is_some_and(|rest| rest.starts_with(bytes)),
            Self::DataSize(size) => account.data.len() as u64 == *size,
            Self::Lamports(Cmp::Eq(value)) => account.lamports == *value,
            Self::Lamports(Cmp::Ne(value)) => account.lamports != *value,
            Self::Lamports(Cmp::Lt(value)) => account.lamports < *value,
            Self::Lamports(Cmp::Gt(value)) => account.lamports > *value,
        }
    }
}

fn compile_memcmp(memcmp: &SubscribeRequestFilterAccountsFilterMemcmp) -> Result<StateFilter, BadFilter> {
    let offset = usize::try_from(memcmp.offset)
        .map_err(|_| BadFilter::new(format!("the memcmp offset {} is too large", memcmp.offset)))?;
    let bytes = match &memcmp.data {
        Some(Data::Bytes(bytes)) => bytes.clone(),
        Some(Data::Base58(text)) => bs58::decode(text)
            .into_vec()
            .map_err(|error| BadFilter::new(format!("memcmp is no base58: {error}")))?,
        Some(Data::Base64(text)) => STANDARD
            .decode(text)
            .map_err(|error| BadFilter::new(format!("memcmp is no base64: {error}")))?,
        None => return Err(BadFilter::new("a memcmp filter needs bytes, base58 or base64")),
    };
    Ok(StateFilter::Memcmp { offset, bytes })
}

/// Parts of account data to send in place of all of it, one after the other.
#[derive(Debug, Default)]
pub(super) struct DataSlices(Vec<Range<usize>>);

impl DataSlices {
    pub(super) fn compile(slices: &[SubscribeRequestAccountsDataSlice]) -> Result<Self, BadFilter> {
        let mut ranges: Vec<Range<usize>> = Vec::with_capacity(slices.len());
        for slice in slices {
            let end = slice.offset.checked_add(slice.length);
            let range = end.and_then(|end| Some(usize::try_from(slice.offset).ok()?..usize::try_from(end).ok()?));
            let range = range.ok_or_else(|| {
                BadFilter::new(format!(
                    "the data slice at {} of {} bytes is too large",
                    slice.offset, slice.length
                ))
            })?;
            if ranges.last().is_some_and(|last| range.start < last.end) {
                return Err(BadFilter::new(
                    "accounts_data_slice must be sorted by offset and must not overlap",
                ));
            }
            ranges.push(range);
        }
        Ok(Self(ranges))
    }

    /// The account with only the data asked for; a slice that the data does not reach to the end of is left out.
    pub(super) fn cut(&self, account: &SubscribeUpdateAccountInfo) -> SubscribeUpdateAccountInfo {
        if self.0.is_empty() {
            return account.clone();
        }
        let data = self
            .0
            .iter()
            .filter_map(|range| account.data.get(range.clone()))
            .flatten()
            .copied()
            .collect();
        SubscribeUpdateAccountInfo {
            pubkey: account.pubkey.clone(),
            lamports: account.lamports,
            owner: account.owner.clone(),
            executable: account.executable,
            rent_epoch: account.rent_epoch,
            data,
            write_version: account.write_version,
            txn_signature: account.txn_signature.clone(),
        }
    }
}

#[cfg(test)]
mod tests {
    use yellowstone_grpc_proto::prelude::SubscribeRequestFilterAccountsFilter;

    use super::*;

    fn account() -> SubscribeUpdateAccountInfo {
        SubscribeUpdateAccountInfo {
            pubkey: vec![1; 32],
            owner: vec![2; 32],
            lamports: 10,
            data: vec![0, 1, 2, 3, 4],
            ..Default::default()
        }
    }

    fn base58(byte: u8) -> String {
        bs58::encode([byte; 32]).into_string()
    }

    fn with(filters: Vec<Filter>) -> SubscribeRequestFilterAccounts {
        let filters = filters
            .into_iter()
            .map(|filter| SubscribeRequestFilterAccountsFilter { filter: Some(filter) });
        SubscribeRequestFilterAccounts {
            filters: filters.collect(),
            ..Default::default()
        }
    }

    fn matches(filter: &SubscribeRequestFilterAccounts) -> bool {
        AccountFilter::compile(filter)
            .expect("a valid filter")
            .matches(&account())
    }

    #[test]
    fn account_and_owner_are_joined_by_and() {
        let filter = |account: &[u8], owner: &[u8]| SubscribeRequestFilterAccounts {
            account: account.iter().map(|byte| base58(*byte)).collect(),
            owner: owner.iter().map(|byte| base58(*byte)).collect(),
            ..Default::default()
        };
        assert!(matches(&filter(&[], &[])));
        assert!(matches(&filter(&[1, 9], &[])));
        assert!(matches(&filter(&[1], &[2])));
        assert!(!matches(&filter(&[1], &[9])));
        assert!(!matches(&filter(&[9], &[2])));
    }

    #[test]
    fn state_filters_are_joined_by_and() {
        let memcmp = |offset, bytes: &[u8]| {
            let data = Some(Data::Bytes(bytes.to_vec()));
            Filter::Memcmp(SubscribeRequestFilterAccountsFilterMemcmp { offset, data })
        };
        assert!(matches(&with(vec![memcmp(1, &[1, 2]), Filter::Datasize(5)])));
        assert!(!matches(&with(vec![memcmp(1, &[1, 2]), Filter::Datasize(6)])));
        assert!(
            !matches(&with(vec![memcmp(4, &[4, 5])])),
            "the data ends before the comparison"
        );
        assert!(
            !matches(&with(vec![memcmp(99, &[])])),
            "the data ends before the offset"
        );
    }

    #[test]
    fn malformed_and_unsupported_filters_are_refused() {
        let bad_key = SubscribeRequestFilterAccounts {
            owner: vec!["x".to_owned()],
            ..Default::default()
        };
        for filter in [bad_key, with(vec![Filter::TokenAccountState(true)])] {
            AccountFilter::compile(&filter).expect_err("must be refused");
        }
        let empty = SubscribeRequestFilterAccounts {
            filters: vec![Default::default()],
            ..Default::default()
        };
        AccountFilter::compile(&empty).expect_err("an empty filter must be refused");
    }

    #[test]
    fn slices_are_cut_and_checked() {
        let slice = |offset, length| SubscribeRequestAccountsDataSlice { offset, length };
        let cut = |slices: &[_]| DataSlices::compile(slices).expect("valid slices").cut(&account()).data;
        assert_eq!(cut(&[]), [0, 1, 2, 3, 4]);
        assert_eq!(cut(&[slice(1, 1), slice(3, 2)]), [1, 3, 4]);
        assert_eq!(cut(&[slice(4, 2)]), [0_u8; 0], "not reached to the end");
        DataSlices::compile(&[slice(1, 2), slice(2, 1)]).expect_err("overlap");
        DataSlices::compile(&[slice(u64::MAX, 1)]).expect_err("overflow");
    }
}
