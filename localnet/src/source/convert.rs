//! Transactions as the VM holds them → as they go over the wire.

use solana_message::VersionedMessage;
use solana_message::compiled_instruction::CompiledInstruction;
use solana_transaction::versioned::VersionedTransaction;
use solana_transaction_error::TransactionError;
use solana_transaction_status_client_types::{InnerInstructions, TransactionStatusMeta, TransactionTokenBalance};
use yellowstone_grpc_proto::prelude as proto;

use crate::ledger::TransactionItem;

/// The wire form of an executed transaction, at `index` in its block.
pub(super) fn transaction(
    transaction: &VersionedTransaction,
    meta: &TransactionStatusMeta,
    index: usize,
) -> TransactionItem {
    let loaded = &meta.loaded_addresses;
    let keys = transaction
        .message
        .static_account_keys()
        .iter()
        .chain(&loaded.writable)
        .chain(&loaded.readonly);
    TransactionItem {
        keys: keys.map(|key| key.to_bytes()).collect(),
        failed: meta.status.is_err(),
        info: proto::SubscribeUpdateTransactionInfo {
            signature: transaction
                .signatures
                .first()
                .map(|signature| signature.as_ref().to_vec())
                .unwrap_or_default(),
            is_vote: false,
            transaction: Some(proto::Transaction {
                signatures: transaction
                    .signatures
                    .iter()
                    .map(|signature| signature.as_ref().to_vec())
                    .collect(),
                message: Some(message(&transaction.message)),
            }),
            meta: Some(status_meta(meta)),
            index: index as u64,
        },
    }
}

fn message(message: &VersionedMessage) -> proto::Message {
    let header = message.header();
    let config = match message {
        VersionedMessage::V1(message) => Some(proto::TransactionConfig {
            priority_fee: message.config.priority_fee,
            compute_unit_limit: message.config.compute_unit_limit,
            loaded_accounts_data_size_limit: message.config.loaded_accounts_data_size_limit,
            heap_size: message.config.heap_size,
        }),
        VersionedMessage::Legacy(_) | VersionedMessage::V0(_) => None,
    };
    proto::Message {
        header: Some(proto::MessageHeader {
            num_required_signatures: header.num_required_signatures.into(),
            num_readonly_signed_accounts: header.num_readonly_signed_accounts.into(),
            num_readonly_unsigned_accounts: header.num_readonly_unsigned_accounts.into(),
        }),
        account_keys: message
            .static_account_keys()
            .iter()
            .map(|key| key.to_bytes().to_vec())
            .collect(),
        recent_blockhash: message.recent_blockhash().to_bytes().to_vec(),
        instructions: message.instructions().iter().map(instruction).collect(),
        versioned: !matches!(message, VersionedMessage::Legacy(_)),
        address_table_lookups: message
            .address_table_lookups()
            .unwrap_or_default()
            .iter()
            .map(|lookup| proto::MessageAddressTableLookup {
                account_key: lookup.account_key.to_bytes().to_vec(),
                writable_indexes: lookup.writable_indexes.clone(),
                readonly_indexes: lookup.readonly_indexes.clone(),
            })
            .collect(),
        config,
    }
}

fn instruction(instruction: &CompiledInstruction) -> proto::CompiledInstruction {
    proto::CompiledInstruction {
        program_id_index: instruction.program_id_index.into(),
        accounts: instruction.accounts.clone(),
        data: instruction.data.clone(),
    }
}

fn status_meta(meta: &TransactionStatusMeta) -> proto::TransactionStatusMeta {
    let key = |key: &solana_pubkey::Pubkey| key.to_bytes().to_vec();
    proto::TransactionStatusMeta {
        err: meta.status.as_ref().err().map(error),
        fee: meta.fee,
        pre_balances: meta.pre_balances.clone(),
        post_balances: meta.post_balances.clone(),
        inner_instructions: meta
            .inner_instructions
            .iter()
            .flatten()
            .map(inner_instructions)
            .collect(),
        inner_instructions_none: meta.inner_instructions.is_none(),
        log_messages: meta.log_messages.clone().unwrap_or_default(),
        log_messages_none: meta.log_messages.is_none(),
        pre_token_balances: meta.pre_token_balances.iter().flatten().map(token_balance).collect(),
        post_token_balances: meta.post_token_balances.iter().flatten().map(token_balance).collect(),
        // The VM pays no rewards in transactions.
        rewards: Vec::new(),
        loaded_writable_addresses: meta.loaded_addresses.writable.iter().map(key).collect(),
        loaded_readonly_addresses: meta.loaded_addresses.readonly.iter().map(key).collect(),
        return_data: meta.return_data.as_ref().map(|returned| proto::ReturnData {
            program_id: returned.program_id.to_bytes().to_vec(),
            data: returned.data.clone(),
        }),
        return_data_none: meta.return_data.is_none(),
        compute_units_consumed: meta.compute_units_consumed,
        cost_units: meta.cost_units,
    }
}

fn error(error: &TransactionError) -> proto::TransactionError {
    // Clients decode these bytes with bincode, as from any Yellowstone server; an error type always serializes.
    proto::TransactionError {
        err: bincode::serialize(error).unwrap_or_default(),
    }
}

fn inner_instructions(inner: &InnerInstructions) -> proto::InnerInstructions {
    let instruction = |inner: &solana_transaction_status_client_types::InnerInstruction| proto::InnerInstruction {
        program_id_index: inner.instruction.program_id_index.into(),
        accounts: inner.instruction.accounts.clone(),
        data: inner.instruction.data.clone(),
        stack_height: inner.stack_height,
    };
    proto::InnerInstructions {
        index: inner.index.into(),
        instructions: inner.instructions.iter().map(instruction).collect(),
    }
}

fn token_balance(balance: &TransactionTokenBalance) -> proto::TokenBalance {
    proto::TokenBalance {
        account_index: balance.account_index.into(),
        mint: balance.mint.clone(),
        ui_token_amount: Some(proto::UiTokenAmount {
            ui_amount: balance.ui_token_amount.ui_amount.unwrap_or_default(),
            decimals: balance.ui_token_amount.decimals.into(),
            amount: balance.ui_token_amount.amount.clone(),
            ui_amount_string: balance.ui_token_amount.ui_amount_string.clone(),
        }),
        owner: balance.owner.clone(),
        program_id: balance.program_id.clone(),
    }
}
