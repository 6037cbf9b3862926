//! The two programs that the market calls.

use anchor_lang::prelude::*;
use common::Located;

/// The registry.
pub struct Registry;

impl Id for Registry {
    const IDL_ADDRESS: &'static str = "2Dqz1P6gSCGoqj7vN39Esy524JGPkePhXd8BqgqTzBTF";

    fn id() -> Address {
        registry::ID
    }
}

/// Staking.
pub struct Staking;

impl Id for Staking {
    const IDL_ADDRESS: &'static str = "32m8cq5TJFPWGoXDKtGctFyc7HY8dwSNgBrGKuMDRQbY";

    fn id() -> Address {
        staking::ID
    }
}

impl Located for Registry {
    const ADDRESS: Address = registry::ID;
}

impl Located for Staking {
    const ADDRESS: Address = staking::ID;
}
