//! What a job left behind.

use crate::{context::Context, exit::Usage, output::fields};
use anyhow::Result;
use gantry_sdk::{
    Keypair, Pubkey,
    blob::BlobStore,
    client::ClientError,
    manifest::{ManifestError, ResultManifest},
    seal::{self, Opener},
};
use serde_json::json;
use std::{path::Path, sync::Arc};

/// A result's manifest, and what opens its files where it is sealed.
pub(super) struct Fetched {
    pub(super) manifest: ResultManifest,
    sealed: Option<(Arc<Keypair>, seal::Context)>,
}

impl Fetched {
    /// The wallet's key is asked for where the result is sealed, and only there.
    pub(super) async fn of(context: &Context, address: &Pubkey, blobs: &BlobStore) -> Result<Self> {
        match context.gantry.result(address, blobs).await {
            Ok(manifest) => Ok(Self { manifest, sealed: None }),
            Err(ClientError::Manifest(ManifestError::Sealed)) => {
                let key = context.key()?;
                let (manifest, opener) = context.gantry.sealed_result(address, blobs, &key).await?;
                let place = opener.context;
                let sealed = Some((key, place));
                Ok(Self { manifest, sealed })
            }
            Err(error) => Err(error.into()),
        }
    }

    pub(super) fn opener(&self) -> Option<Opener<'_>> {
        let (key, context) = self.sealed.as_ref()?;
        Some(Opener { key, context: *context })
    }
}

/// Writes outputs and logs into the folder `out`.
pub(super) async fn save(context: &Context, address: &Pubkey, out: &Path) -> Result<()> {
    if out.is_file() {
        return Err(Usage(format!("--out {}: is a file, name a folder", out.display())).into());
    }
    let blobs = context.blobs()?;
    let fetched = Fetched::of(context, address, &blobs).await?;
    let manifest = &fetched.manifest;
    let written = manifest.save_with(&blobs, out, fetched.opener().as_ref()).await?;
    let files: Vec<String> = written.iter().map(|path| path.display().to_string()).collect();
    let value = json!({
        "job": address.to_string(),
        "exit_code": manifest.exit_code,
        "device": manifest.device,
        "files": files,
        "missing": manifest.missing,
    });
    context.show(value, || {
        let mut rows = vec![
            ("Exit code", manifest.exit_code.to_string()),
            ("Device", manifest.device.clone()),
        ];
        rows.extend(files.iter().map(|file| ("Written", file.clone())));
        rows.extend(
            manifest
                .missing
                .iter()
                .map(|file| ("Missing", format!("{file}: the job did not write it"))),
        );
        fields(rows)
    })
}
