//! Sets up a local network and funds a wallet on it.
//!
//! `cargo run -p gantry-sdk --example bootstrap -- http://127.0.0.1:8899 .gantry WALLET`

use gantry_sdk::{
    Gantry, Pubkey,
    bootstrap::{ONE_TOKEN, bootstrap},
};
use std::path::Path;

#[tokio::main]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let [url, folder, wallet] = arguments.as_slice() else {
        return Err("arguments: RPC-URL RUN-FOLDER WALLET".into());
    };
    let gantry = Gantry::connect(url);
    let deployment = bootstrap(&gantry, Path::new(folder)).await?;
    let wallet: Pubkey = wallet.parse()?;
    gantry.airdrop(&wallet, 5_000_000_000).await?;
    deployment
        .mint_to(&gantry, &wallet, 1_000 * ONE_TOKEN, 100 * ONE_TOKEN)
        .await?;
    println!("{}", serde_json::to_string_pretty(&deployment)?);
    Ok(())
}
