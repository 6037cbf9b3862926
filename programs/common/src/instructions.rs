//! The sysvar that holds the transaction's instructions.

use crate::table::{Field, Kind, Slot};
use anchor_lang::{AnchorAccount, IdlAccountType, prelude::*};
use core::ops::Deref;
use pinocchio::{
    account::AccountView,
    sysvars::instructions::{INSTRUCTIONS_ID, Instructions as Sysvar},
};

/// The instructions of the transaction that runs, to look into.
pub type Transaction<'a> = Sysvar<&'a [u8]>;

/// The account of the instructions of the transaction that runs.
pub struct Instructions(AccountView);

impl Instructions {
    /// Reads them.
    #[inline(always)]
    pub fn read(&self) -> Transaction<'_> {
        // SAFETY: the account is the sysvar's, which only the runtime writes, and not while a program runs.
        unsafe { Sysvar::new_unchecked(self.0.borrow_unchecked()) }
    }
}

impl Field for Instructions {
    type Fields = ();
    const SLOTS: &'static [Slot] = &[Slot {
        kind: &Kind::At(INSTRUCTIONS_ID, ProgramError::InvalidArgument),
        flags: 0,
    }];
}

impl AnchorAccount for Instructions {
    type Data = AccountView;

    #[inline(always)]
    fn load(view: AccountView) -> Result<Self> {
        require!(*view.address() == INSTRUCTIONS_ID, ProgramError::InvalidArgument);
        Ok(Self(view))
    }

    #[inline(always)]
    fn account(&self) -> &AccountView {
        &self.0
    }
}

impl Deref for Instructions {
    type Target = AccountView;

    #[inline(always)]
    fn deref(&self) -> &AccountView {
        &self.0
    }
}

#[doc(hidden)]
impl IdlAccountType for Instructions {
    const __IDL_ADDRESS: Option<&'static str> = Some("Sysvar1nstructions1111111111111111111111111");
}
