//! Opening a job.

use super::watch;
use crate::{context::Context, output::fields};
use anyhow::{Context as _, Result};
use gantry_sdk::{
    Pubkey, Signer,
    client::{OpenJob, Outbox},
    spec::JobSpec,
};
use serde_json::json;
use std::path::{Path, PathBuf};

/// How a job is opened.
pub(super) struct Wanted {
    pub(super) mint: Option<Pubkey>,
    pub(super) node: Option<Pubkey>,
    pub(super) matcher: Option<Pubkey>,
    pub(super) id: Option<u64>,
    pub(super) once: Option<String>,
    pub(super) seal: bool,
    pub(super) watch: bool,
}

/// Where openings are written down before they are sent.
fn outbox(wallet: &Pubkey) -> Result<Outbox> {
    let set = |name: &str| {
        std::env::var_os(name)
            .filter(|value| !value.is_empty())
            .map(PathBuf::from)
    };
    let state = set("XDG_STATE_HOME").or_else(|| Some(set("HOME")?.join(".local/state")));
    let state = state.context("HOME is not set: set XDG_STATE_HOME to a folder that stays")?;
    // One for each wallet: names are its own.
    Ok(Outbox::open(state.join("gantry/outbox").join(wallet.to_string()))?)
}

pub(super) async fn open(context: &Context, path: &Path, wanted: Wanted) -> Result<Pubkey> {
    let Wanted {
        mint,
        node,
        matcher,
        id,
        once,
        seal,
        watch,
    } = wanted;
    // The spec first: nothing is asked of the network for one that cannot be.
    let spec = JobSpec::load(path).with_context(|| path.display().to_string())?;
    let wallet = context.wallet()?;
    let folder = path.parent().unwrap_or(Path::new("."));
    let blobs = context.blobs()?;
    let (prepared, id) = match node {
        Some(node) if seal => {
            // Before anything is paid for: without the key nobody could read the result.
            context.key()?;
            let (sealer, id) = context.gantry.sealer(&wallet.pubkey(), &node).await?;
            (spec.prepare_sealed(folder, &blobs, &sealer).await, Some(id))
        }
        _ => (spec.prepare(folder, &blobs).await, id),
    };
    let prepared = prepared.with_context(|| path.display().to_string())?;
    let request = OpenJob {
        spec: &prepared,
        mint,
        node,
        matcher,
        id,
    };
    let opened = match once {
        Some(name) => {
            let outbox = outbox(&wallet.pubkey())?;
            context.gantry.open_job_once(&wallet, request, &outbox, &name).await?
        }
        None => context.gantry.open_job(&wallet, request).await?,
    };
    let token = context.token(&opened.mint).await?;
    let value = json!({
        "address": opened.address.to_string(),
        "id": opened.id,
        "deposited": { "amount": opened.deposited.to_string(), "decimals": token.decimals, "mint": token.mint.to_string() },
        "spec_hash": hex::encode(prepared.hash()),
        "sealed": prepared.is_sealed(),
        "transaction": opened.signature.map(|signature| signature.to_string()),
    });
    if watch && context.for_scripts() {
        if context.format() == crate::Format::Json && context.field().is_none() {
            watch::opened(&value)?;
        }
        return Ok(opened.address);
    }
    context.show(value, || {
        let transaction = opened
            .signature
            .map_or_else(|| "was open already".to_owned(), |s| s.to_string());
        fields([
            ("Job", format!("{} ({})", opened.id, opened.address)),
            ("Deposited", token.show(opened.deposited)),
            (
                "Spec",
                format!(
                    "{}{}",
                    hex::encode(prepared.hash()),
                    if prepared.is_sealed() { ", sealed" } else { "" }
                ),
            ),
            ("Transaction", transaction),
        ])
    })?;
    Ok(opened.address)
}
