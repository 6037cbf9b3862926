//! Conditions that are lines of the table.

use crate::{accounts::Accounts, attributes::Constraint};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::{Error, Expr, ExprField, ExprMethodCall, Ident, Member, Result};

/// What a condition becomes.
pub(crate) enum Line {
    /// Two addresses are one; where the first is an account's own, that account is identified by it.
    Relation {
        tokens: TokenStream,
        identifies: Option<Ident>,
    },
    /// An account is at an address derived from another's.
    Child(TokenStream),
    /// No line: it is run.
    Code,
}

/// One side of a comparison.
enum Side<'a> {
    /// `account.address()`.
    Address(&'a Ident),
    /// `&account.field`, or `account.field()` of a token account.
    Field(&'a Ident, &'a Ident),
    /// `&parent.child(parent.address())`.
    Child(&'a Ident, &'a Ident),
}

/// What `constraint` becomes in the table of `accounts`.
pub(crate) fn read(accounts: &Accounts, constraint: &Constraint) -> Result<Line> {
    let Some((one, other)) = sides(&constraint.condition) else {
        return Ok(Line::Code);
    };
    let error = error(&constraint.error)?;
    Ok(match (one, other) {
        (Side::Address(account), Side::Child(parent, child)) => {
            let (account, parent) = (known(accounts, account)?, known(accounts, parent)?);
            let (account, ty, parent) = (&account.place, parent.ty, &parent.place);
            let seeds = format_ident!("{}", child.to_string().to_uppercase());
            Line::Child(quote!(Child {
                account: (#account) as u8,
                parent: (#parent) as u8,
                error: #error,
                seeds: &<<#ty as Field>::Fields>::#seeds,
            }))
        }
        (Side::Child(..), _) | (_, Side::Child(..)) => Line::Code,
        (one, other) => {
            // An account that another names is that one: whoever wrote the name had checked what is there.
            let identifies = match (&one, &other) {
                (Side::Address(account), Side::Field(..)) => Some((*account).clone()),
                _ => None,
            };
            let ((left, left_at), (right, right_at)) = (operand(accounts, one)?, operand(accounts, other)?);
            let tokens = quote!(Relation {
                left: (#left) as u8,
                right: (#right) as u8,
                left_at: (#left_at) as u16,
                right_at: (#right_at) as u16,
                error: #error,
            });
            Line::Relation { tokens, identifies }
        }
    })
}

/// The two sides of `same(one, other)`.
fn sides(condition: &Expr) -> Option<(Side<'_>, Side<'_>)> {
    let Expr::Call(call) = condition else {
        return None;
    };
    let Expr::Path(function) = &*call.func else {
        return None;
    };
    if !function.path.is_ident("same") || call.args.len() != 2 {
        return None;
    }
    Some((side(&call.args[0])?, side(&call.args[1])?))
}

fn side(expression: &Expr) -> Option<Side<'_>> {
    let expression = match expression {
        Expr::Reference(reference) => &*reference.expr,
        other => other,
    };
    match expression {
        Expr::Field(ExprField {
            base,
            member: Member::Named(field),
            ..
        }) => Some(Side::Field(name(base)?, field)),
        Expr::MethodCall(ExprMethodCall {
            receiver, method, args, ..
        }) => {
            let account = name(receiver)?;
            if args.is_empty() {
                return Some(if method == "address" {
                    Side::Address(account)
                } else {
                    Side::Field(account, method)
                });
            }
            let of_itself = matches!(side(args.first()?)?, Side::Address(parent) if parent == account);
            of_itself.then_some(Side::Child(account, method))
        }
        _ => None,
    }
}

fn name(expression: &Expr) -> Option<&Ident> {
    match expression {
        Expr::Path(path) => path.path.get_ident(),
        _ => None,
    }
}

fn known<'a>(accounts: &'a Accounts, name: &Ident) -> Result<&'a crate::accounts::Field<'a>> {
    let field = accounts.field(name);
    field.ok_or_else(|| Error::new_spanned(name, "no account has this name"))
}

/// Place of the account, and where in it the address is.
fn operand(accounts: &Accounts, side: Side) -> Result<(TokenStream, TokenStream)> {
    match side {
        Side::Address(account) => Ok((known(accounts, account)?.place.clone(), quote!(table::ADDRESS))),
        Side::Field(account, field) => {
            let account = known(accounts, account)?;
            let ty = account.ty;
            let at = quote! {
                table::DATA + <#ty as Field>::FIELDS_AT + core::mem::offset_of!(<#ty as Field>::Fields, #field)
            };
            Ok((account.place.clone(), at))
        }
        Side::Child(_, child) => Err(Error::new_spanned(child, "a derived address has no place")),
    }
}

/// The number of a program's own error; 0 stands for `InvalidSeeds`.
fn error(error: &Expr) -> Result<TokenStream> {
    let Expr::Path(path) = error else {
        return Err(Error::new_spanned(error, "an error is named by its path"));
    };
    let segments: Vec<_> = path.path.segments.iter().collect();
    let [.., kind, variant] = segments.as_slice() else {
        return Err(Error::new_spanned(error, "an error is named with its type"));
    };
    if kind.ident == "ProgramError" && variant.ident == "InvalidSeeds" {
        return Ok(quote!(0));
    }
    let kind = &kind.ident;
    Ok(quote!((#error as u32 + <#kind as common::table::Refusal>::OFFSET) as u16))
}
