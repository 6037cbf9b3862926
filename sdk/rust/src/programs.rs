//! The three programs as their IDLs describe them.

// Generated code: its style and documentation are the generator's.
#![allow(
    missing_docs,
    unreachable_pub,
    unused_imports,
    dead_code,
    unexpected_cfgs,
    clippy::all
)]

use anchor_lang::{self, declare_program};

declare_program!(registry);
declare_program!(staking);
declare_program!(market);

// The macro reads these files where cargo does not see it: without this a changed IDL would leave the old client.
const _: [&[u8]; 3] = [
    include_bytes!("../idls/registry.json"),
    include_bytes!("../idls/staking.json"),
    include_bytes!("../idls/market.json"),
];
