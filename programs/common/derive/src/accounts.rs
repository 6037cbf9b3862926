//! `#[derive(AccountTable)]`.

use crate::{
    attributes::{Account, Constraint, Creation},
    relation::{self, Line},
};
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, FnArg, Ident, Pat, Result, Token, Type, punctuated::Punctuated};

/// One account of an instruction.
pub(crate) struct Field<'a> {
    pub name: &'a Ident,
    pub ty: &'a Type,
    pub account: Account,
    /// Accounts before it in the flat list, as a constant expression.
    pub place: TokenStream,
}

/// The accounts of an instruction.
pub(crate) struct Accounts<'a> {
    name: &'a Ident,
    fields: Vec<Field<'a>>,
    arguments: Vec<(Ident, Type)>,
}

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    Accounts::read(input)?.expand()
}

impl<'a> Accounts<'a> {
    fn read(input: &'a DeriveInput) -> Result<Self> {
        let Data::Struct(data) = &input.data else {
            return Err(Error::new_spanned(&input.ident, "accounts are a struct"));
        };
        let mut fields = Vec::new();
        let mut place = quote!(0);
        for field in &data.fields {
            let (name, ty) = (field.ident.as_ref(), &field.ty);
            fields.push(Field {
                name: name.ok_or_else(|| Error::new_spanned(field, "accounts have names"))?,
                ty,
                account: Account::of(&field.attrs)?,
                place: place.clone(),
            });
            place.extend(quote!(+ <#ty as Field>::SLOTS.len()));
        }
        let mut arguments = Vec::new();
        for attribute in input.attrs.iter().filter(|one| one.path().is_ident("instruction")) {
            for argument in attribute.parse_args_with(Punctuated::<FnArg, Token![,]>::parse_terminated)? {
                let named = |argument| Error::new_spanned(argument, "an argument has a name and a type");
                let FnArg::Typed(typed) = &argument else {
                    return Err(named(&argument));
                };
                let Pat::Ident(name) = &*typed.pat else {
                    return Err(named(&argument));
                };
                arguments.push((name.ident.clone(), (*typed.ty).clone()));
            }
        }
        let name = &input.ident;
        Ok(Self {
            name,
            fields,
            arguments,
        })
    }

    /// The account called `name`.
    pub(crate) fn field(&self, name: &Ident) -> Option<&Field<'a>> {
        self.fields.iter().find(|field| field.name == name)
    }

    fn place(&self, name: &Ident) -> Result<&TokenStream> {
        let field = self.field(name);
        let field = field.ok_or_else(|| Error::new_spanned(name, "no account has this name"))?;
        Ok(&field.place)
    }

    fn expand(&self) -> Result<TokenStream> {
        let (mut relations, mut children, mut known, mut code) = (vec![], vec![], vec![], vec![]);
        for field in &self.fields {
            for constraint in &field.account.constraints {
                match relation::read(self, constraint)? {
                    Line::Relation { tokens, identifies } => {
                        relations.push(tokens);
                        known.extend(identifies);
                    }
                    Line::Child(tokens) => children.push(tokens),
                    Line::Code => {
                        let Constraint { condition, error } = constraint;
                        code.push(quote!(if !(#condition) { return Err(#error.into()); }));
                    }
                }
            }
        }
        let mut closes = Vec::new();
        for field in &self.fields {
            if let Some(destination) = &field.account.close {
                let (account, destination) = (&field.place, self.place(destination)?);
                closes.push(quote!(Close { account: (#account) as u8, destination: (#destination) as u8 }));
            }
        }
        let slots = self.fields.iter().map(|field| field.slots(known.contains(field.name)));

        let (relations_here, children_here, closes_here) = (relations.len(), children.len(), closes.len());
        let name = self.name;
        let types: Vec<_> = self.fields.iter().map(|field| field.ty).collect();
        let names: Vec<_> = self.fields.iter().map(|field| field.name).collect();
        let places: Vec<_> = self.fields.iter().map(|field| &field.place).collect();
        let enter = self.enter(&code)?;
        Ok(quote! {
            const _: () = {
                use common::table::{self, Close, Child, Field, Relation, Slot, Table};

                const ACCOUNTS: usize = 0 #(+ <#types as Field>::SLOTS.len())*;
                const SLOTS: [Slot; ACCOUNTS] = {
                    let mut slots = [Slot::ANY; ACCOUNTS];
                    #(slots = #slots;)*
                    slots
                };
                const RELATIONS: [Relation; #relations_here #(+ <#types as Field>::RELATIONS.len())*] =
                    table::relations(&[#((<#types as Field>::RELATIONS, #places),)* (&[#(#relations),*], 0)]);
                const CHILDREN: [Child; #children_here #(+ <#types as Field>::CHILDREN.len())*] =
                    table::children(&[#((<#types as Field>::CHILDREN, #places),)* (&[#(#children),*], 0)]);
                const CLOSES: [Close; #closes_here #(+ <#types as Field>::CLOSES.len())*] =
                    table::closes(&[#((<#types as Field>::CLOSES, #places),)* (&[#(#closes),*], 0)]);

                // The fields lie in memory as the accounts do in the list.
                #(const _: () = assert!(core::mem::offset_of!(#name, #names) == (#places) * size_of::<usize>());)*
                const _: () = assert!(size_of::<#name>() == ACCOUNTS * size_of::<usize>());

                // SAFETY: that was checked right above.
                unsafe impl table::AccountTable for #name {
                    const SLOTS: &'static [Slot] = &SLOTS;
                    const RELATIONS: &'static [Relation] = &RELATIONS;
                    const CHILDREN: &'static [Child] = &CHILDREN;
                    const CLOSES: &'static [Close] = &CLOSES;
                    const TABLE: &'static Table = &Table {
                        slots: &SLOTS,
                        relations: &RELATIONS,
                        children: &CHILDREN,
                        closes: &CLOSES,
                        exclusive: <#name as anchor_lang::TryAccounts>::MUT_MASK[0] as u32,
                    };
                    #enter
                }
            };
        })
    }

    /// What has to be run after the table: conditions that are no line of it, and the creation of accounts.
    fn enter(&self, code: &[TokenStream]) -> Result<TokenStream> {
        let (held, read, value) = match self.arguments.as_slice() {
            [] => (quote!(()), quote!(), quote!(())),
            [(name, ty)] => (
                quote!(<#ty as common::entry::Argument<'a>>::Held),
                quote!(let #name = <#ty as common::entry::Argument>::read(data)?;),
                quote!(#name),
            ),
            [_, (name, _), ..] => {
                return Err(Error::new_spanned(
                    name,
                    "`#[instruction]` names one argument: the first",
                ));
            }
        };
        let nested = self.fields.iter().filter(|field| field.is_nested()).map(|field| {
            let name = field.name;
            quote!(table::AccountTable::enter(&mut *self.#name, data)?;)
        });
        let mut creations = Vec::new();
        for field in &self.fields {
            creations.extend(field.creation()?);
        }
        let names = self.fields.iter().map(|field| field.name);
        Ok(quote! {
            type Argument<'a> = #held;

            #[inline(always)]
            #[allow(unused_variables, clippy::needless_question_mark, clippy::unit_arg)]
            fn enter<'a>(&mut self, data: &'a [u8]) -> anchor_lang::prelude::Result<Self::Argument<'a>> {
                #read
                #(#nested)*
                let Self { #(#names),* } = &*self;
                #(#creations)*
                #(#code)*
                Ok(#value)
            }
        })
    }
}

impl Field<'_> {
    fn is_nested(&self) -> bool {
        matches!(self.ty, Type::Path(path) if path.path.segments.last().is_some_and(|last| last.ident == "Nested"))
    }

    /// Writes the account into `slots`.
    fn slots(&self, known: bool) -> TokenStream {
        let (ty, place) = (self.ty, &self.place);
        let mut flags = quote!(0);
        if self.account.writable {
            flags.extend(quote!(| table::WRITABLE));
        }
        if known {
            flags.extend(quote!(| table::KNOWN));
        }
        // What is to be made is nothing yet.
        let own = if self.account.creation == Creation::Never {
            quote!(<#ty as Field>::SLOTS)
        } else {
            quote!(&[Slot::ANY])
        };
        quote!(table::slots(slots, #own, #place, #flags))
    }

    fn creation(&self) -> Result<Option<TokenStream>> {
        let (name, ty) = (self.name, self.ty);
        let Some(seeds) = &self.account.seeds else {
            return match self.account.creation {
                Creation::Never => Ok(None),
                _ => Err(Error::new_spanned(name, "an account that is made needs `seeds`")),
            };
        };
        let function = match self.account.creation {
            Creation::Never => {
                return Ok(Some(
                    quote!(common::state::bump(#name.account(), &[#(#seeds.as_ref()),*], &crate::ID)?;),
                ));
            }
            Creation::Always => quote!(create),
            Creation::IfMissing => quote!(create_if_missing),
        };
        let payer = self.account.payer.as_ref();
        let payer = payer.ok_or_else(|| Error::new_spanned(name, "an account that is made needs a `payer`"))?;
        Ok(Some(quote! {
            <#ty>::#function(#name.account(), #payer.account(), &[#(#seeds.as_ref()),*])?;
        }))
    }
}
