//! A job from Rust: opened, followed, paid, and its picture fetched.

use futures::StreamExt;
use gantry_sdk::{
    Gantry, amount,
    blob::BlobStore,
    client::{Closing, JobUpdate, OpenJob},
    keys,
    spec::JobSpec,
    state::JobExt,
};
use std::{env, path::Path};

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn std::error::Error>> {
    let gantry = Gantry::connect(env::var("GANTRY_RPC_URL")?);
    let wallet = keys::load(env::var("GANTRY_KEYPAIR")?)?;
    let blobs = BlobStore::open(env::var("GANTRY_BLOB_DIR")?)?;

    let spec = JobSpec::load(Path::new("examples/quick.json"))?;
    let prepared = spec.prepare(Path::new("examples"), &blobs).await?;
    let job = gantry.open_job(&wallet, OpenJob::new(&prepared)).await?;
    let tokens = |units| amount::format(units, job.decimals);
    println!("job {} is open, {} deposited", job.id, tokens(job.deposited));

    let mut updates = Box::pin(gantry.watch(job.address));
    while let Some(update) = updates.next().await {
        match update? {
            JobUpdate::Live { job, .. } => {
                let status = job.status().map(|status| status.to_string()).unwrap_or_default();
                println!(
                    "{status}: {} s proven, {} billed",
                    job.served_seconds,
                    tokens(job.billed())
                );
            }
            JobUpdate::Closed(Closing::Settled(bill)) => {
                let cost = bill.deposited - bill.to_customer;
                println!(
                    "{} s cost {}, {} came back",
                    bill.paid_seconds,
                    tokens(cost),
                    tokens(bill.to_customer)
                );
            }
            JobUpdate::Closed(other) => println!("closed: {other:?}"),
        }
    }

    let result = gantry.result(&job.address, &blobs).await?;
    for file in result.save(&blobs, Path::new("picture")).await? {
        println!("{}", file.display());
    }
    Ok(())
}
