//! `#[derive(Log)]`.

use proc_macro2::TokenStream;
use quote::quote;
use syn::{Data, DeriveInput, Error, Fields, Result};

pub(crate) fn expand(input: &DeriveInput) -> Result<TokenStream> {
    let Data::Struct(data) = &input.data else {
        return Err(Error::new_spanned(&input.ident, "an event is a struct"));
    };
    let Fields::Named(fields) = &data.fields else {
        return Err(Error::new_spanned(&input.ident, "an event's fields have names"));
    };
    let name = &input.ident;
    let (names, types): (Vec<_>, Vec<_>) = fields.named.iter().map(|field| (&field.ident, &field.ty)).unzip();
    let mut at = quote!(8);
    let mut writes = Vec::new();
    for (name, ty) in names.iter().zip(&types) {
        let from = at.clone();
        at.extend(quote!(+ <#ty as Bytes>::LENGTH));
        writes.push(quote!(bytes[#from..#at].copy_from_slice(Bytes::bytes(&self.#name).as_ref());));
    }
    Ok(quote! {
        impl #name {
            /// Writes the event to the transaction's log.
            #[inline(always)]
            pub fn log(self) {
                use common::event::Bytes;
                let mut bytes = [0u8; #at];
                bytes[..8].copy_from_slice(<Self as anchor_lang::Discriminator>::DISCRIMINATOR);
                #(#writes)*
                common::event::log(&bytes);
            }
        }
    })
}
