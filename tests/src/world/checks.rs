//! Refusals of whole transactions: they say why, and leave everything as it was.

use super::{Outcome, Refusal, World, assert_error, assert_refused};
use gantry_sdk::Keypair;
use solana_instruction::error::InstructionError;

impl World {
    /// The same market, which from here on goes its own way.
    pub fn fork(&self) -> Self {
        Self {
            svm: self.svm.clone(),
            authority: self.authority.insecure_clone(),
            guardian: self.guardian.insecure_clone(),
            payer: self.payer.insecure_clone(),
            usdc: self.usdc,
            stake: self.stake,
            arbiters: self.arbiters.each_ref().map(Keypair::insecure_clone),
        }
    }

    /// Runs `act`, asserts that no account of the programs and no token account has changed, and hands the result on.
    #[track_caller]
    pub fn unchanged(&mut self, act: impl FnOnce(&mut Self) -> Result<Outcome, Refusal>) -> Result<Outcome, Refusal> {
        let before = self.state();
        let result = act(self);
        assert!(before == self.state(), "an account has changed");
        result
    }

    /// Asserts that the market refuses `act` with the error `name`, and that nothing has changed.
    #[track_caller]
    pub fn market_refuses(&mut self, name: &str, act: impl FnOnce(&mut Self) -> Result<Outcome, Refusal>) {
        let result = self.unchanged(act);
        assert_refused(result, "market", name);
    }

    /// Asserts that the framework, the runtime or a token program refuses `act` with `expected`, and that nothing has
    /// changed.
    #[track_caller]
    pub fn runtime_refuses(
        &mut self,
        expected: InstructionError,
        act: impl FnOnce(&mut Self) -> Result<Outcome, Refusal>,
    ) {
        let result = self.unchanged(act);
        assert_error(result, expected);
    }
}
