//! Derives of `common`: the table of an instruction's accounts, and the bytes of an event.

mod accounts;
mod attributes;
mod event;
mod relation;

use proc_macro::TokenStream;
use syn::{DeriveInput, parse_macro_input};

/// Makes a table of what each account has to be out of the same `#[account(…)]` attributes
/// that Anchor's `Accounts` reads: `mut`, `unsafe(dup)`, `init`, `init_if_needed`, `payer`, `seeds`, `bump`, `close` and
/// `constraint = … @ error`.
///
/// A constraint of the form `same(one, other)`, where each side is `account.address()` or `&account.field`, becomes a
/// line of the table, and so does `same(vault.address(), &account.vault(account.address()))`; any other is code that runs
/// after the table. An attribute that is not listed here does not compile.
#[proc_macro_derive(AccountTable, attributes(account, instruction))]
pub fn account_table(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    accounts::expand(&input)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}

/// Lets an event of fixed size be logged without an allocation: `log()` writes its discriminator and its fields, in
/// order and little endian, as Borsh does.
#[proc_macro_derive(Log)]
pub fn log(input: TokenStream) -> TokenStream {
    let input = parse_macro_input!(input as DeriveInput);
    event::expand(&input)
        .unwrap_or_else(|error| error.to_compile_error())
        .into()
}
