//! The attributes of one account.

use proc_macro2::TokenStream;
use syn::{
    Attribute, Error, Expr, Ident, Result, Token, bracketed,
    ext::IdentExt,
    parenthesized,
    parse::{Parse, ParseStream},
    punctuated::Punctuated,
};

/// How an account comes into being.
#[derive(Clone, Copy, Default, PartialEq, Eq)]
pub(crate) enum Creation {
    /// It is there already.
    #[default]
    Never,
    /// The instruction makes it.
    Always,
    /// The instruction makes it unless it is there.
    IfMissing,
}

/// A condition, and the error where it does not hold.
pub(crate) struct Constraint {
    pub condition: Expr,
    pub error: Expr,
}

/// What `#[account(…)]` says.
#[derive(Default)]
pub(crate) struct Account {
    pub writable: bool,
    pub creation: Creation,
    pub payer: Option<Ident>,
    pub seeds: Option<Vec<Expr>>,
    pub close: Option<Ident>,
    pub constraints: Vec<Constraint>,
}

impl Account {
    pub(crate) fn of(attributes: &[Attribute]) -> Result<Self> {
        let mut account = Self::default();
        for attribute in attributes.iter().filter(|one| one.path().is_ident("account")) {
            let items = attribute.parse_args_with(Punctuated::<Item, Token![,]>::parse_terminated)?;
            items.into_iter().for_each(|item| account.add(item));
        }
        Ok(account)
    }

    fn add(&mut self, item: Item) {
        match item {
            Item::Mutable => self.writable = true,
            Item::Create(creation) => (self.writable, self.creation) = (true, creation),
            Item::Payer(payer) => self.payer = Some(payer),
            Item::Seeds(seeds) => self.seeds = Some(seeds),
            Item::Close(destination) => self.close = Some(destination),
            Item::Constraint(constraint) => self.constraints.push(*constraint),
            Item::ForAnchor => (),
        }
    }
}

enum Item {
    Mutable,
    Create(Creation),
    Payer(Ident),
    Seeds(Vec<Expr>),
    Close(Ident),
    Constraint(Box<Constraint>),
    /// Says something to Anchor's derive that the table takes from there.
    ForAnchor,
}

impl Parse for Item {
    fn parse(input: ParseStream) -> Result<Self> {
        let word = input.call(Ident::parse_any)?;
        Ok(match word.to_string().as_str() {
            "mut" => Self::Mutable,
            "init" => Self::Create(Creation::Always),
            "init_if_needed" => Self::Create(Creation::IfMissing),
            "bump" => Self::ForAnchor,
            "unsafe" => {
                let what;
                parenthesized!(what in input);
                let what = what.parse::<Ident>()?;
                if what != "dup" {
                    return Err(Error::new_spanned(what, "only `unsafe(dup)` is known"));
                }
                // It says that an account that is written may be passed twice.
                Self::Mutable
            }
            "payer" => Self::Payer(value(input)?),
            "close" => Self::Close(value(input)?),
            "seeds" => {
                input.parse::<Token![=]>()?;
                let seeds;
                bracketed!(seeds in input);
                let seeds = Punctuated::<Expr, Token![,]>::parse_terminated(&seeds)?;
                Self::Seeds(seeds.into_iter().collect())
            }
            "constraint" => {
                let condition = value(input)?;
                input.parse::<Token![@]>()?;
                let error = input.parse()?;
                Self::Constraint(Box::new(Constraint { condition, error }))
            }
            _ => {
                let rest: TokenStream = input.parse()?;
                drop(rest);
                return Err(Error::new_spanned(
                    word,
                    "the table of accounts does not know this attribute",
                ));
            }
        })
    }
}

fn value<T: Parse>(input: ParseStream) -> Result<T> {
    input.parse::<Token![=]>()?;
    input.parse()
}
