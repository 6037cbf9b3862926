//! Exit codes: stable, and told by the kind of error.

use gantry_sdk::{
    ClientError, blob::BlobError, bootstrap::BootstrapError, client::OutboxError, keys::KeyError,
    manifest::ManifestError, spec::SpecError,
};

/// Anything that has no code of its own.
pub(crate) const FAILED: u8 = 1;
/// A wrong command line (clap's own code) or job spec.
pub(crate) const USAGE: u8 = 2;
/// What was asked for does not exist.
pub(crate) const NOT_FOUND: u8 = 3;
/// A program refused, or this program did before it was sent.
pub(crate) const REFUSED: u8 = 4;
/// Network or API cannot be reached.
pub(crate) const UNREACHABLE: u8 = 5;

/// The table of exit codes, for help texts.
pub(crate) const HELP: &str = "Exit codes: 0 done, 1 failed, 2 wrong command line or job spec, 3 not found, 4 refused by a \
program or before it was sent, 5 the network or the API cannot be reached";

/// A problem with the command line that clap cannot see.
#[derive(Debug)]
pub(crate) struct Usage(pub(crate) String);

impl std::fmt::Display for Usage {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Usage {}

/// The exit code for `error`.
pub(crate) fn code(error: &anyhow::Error) -> u8 {
    error.chain().find_map(of_cause).unwrap_or(FAILED)
}

fn of_cause(cause: &(dyn std::error::Error + 'static)) -> Option<u8> {
    if cause.is::<Usage>() || cause.is::<gantry_sdk::amount::AmountError>() {
        return Some(USAGE);
    }
    if let Some(error) = cause.downcast_ref::<ClientError>() {
        return Some(of_client(error));
    }
    if let Some(BootstrapError::Client(error)) = cause.downcast_ref() {
        return Some(of_client(error));
    }
    if let Some(error) = cause.downcast_ref::<OutboxError>() {
        return Some(of_outbox(error));
    }
    if let Some(error) = cause.downcast_ref::<SpecError>() {
        return Some(of_spec(error));
    }
    if let Some(error) = cause.downcast_ref::<ManifestError>() {
        return Some(of_manifest(error));
    }
    if let Some(error) = cause.downcast_ref::<BlobError>() {
        return Some(of_blob(error));
    }
    if let Some(error) = cause.downcast_ref::<KeyError>() {
        return Some(if matches!(error, KeyError::Missing(_)) {
            NOT_FOUND
        } else {
            FAILED
        });
    }
    let api = cause.downcast_ref::<reqwest::Error>()?;
    Some(if api.is_connect() || api.is_timeout() {
        UNREACHABLE
    } else {
        FAILED
    })
}

fn of_client(error: &ClientError) -> u8 {
    match error {
        ClientError::Program { .. }
        | ClientError::Unfunded { .. }
        | ClientError::InsufficientTokens { .. }
        | ClientError::MintNotEnabled { .. }
        | ClientError::OutOfBounds { .. }
        | ClientError::HeldBack(_)
        | ClientError::WrongSigner { .. }
        | ClientError::Paused(_) => REFUSED,
        ClientError::NotFound { .. } => NOT_FOUND,
        ClientError::Unreachable { .. } => UNREACHABLE,
        ClientError::Spec(error) => of_spec(error),
        ClientError::Blob(error) => of_blob(error),
        ClientError::Manifest(error) => of_manifest(error),
        ClientError::Outbox(error) => of_outbox(error),
        ClientError::Signer { .. }
        | ClientError::Decode { .. }
        | ClientError::Transaction { .. }
        | ClientError::Expired(_)
        | ClientError::Rpc(_)
        | ClientError::Build(_) => FAILED,
    }
}

fn of_outbox(error: &OutboxError) -> u8 {
    match error {
        OutboxError::Name(_) => USAGE,
        OutboxError::Taken { .. } => REFUSED,
        OutboxError::Io { .. } | OutboxError::Malformed { .. } => FAILED,
    }
}

fn of_spec(error: &SpecError) -> u8 {
    match error {
        SpecError::Io { source, .. } if source.kind() == std::io::ErrorKind::NotFound => NOT_FOUND,
        SpecError::Io { .. } => FAILED,
        SpecError::Blob(error) => of_blob(error),
        _ => USAGE,
    }
}

fn of_manifest(error: &ManifestError) -> u8 {
    match error {
        ManifestError::Blob(error) => of_blob(error),
        _ => FAILED,
    }
}

fn of_blob(error: &BlobError) -> u8 {
    if matches!(error, BlobError::Missing(_)) {
        NOT_FOUND
    } else {
        FAILED
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use anyhow::Context;
    use gantry_sdk::Pubkey;

    #[test]
    fn the_kind_of_error_tells_the_code_also_under_context() {
        let cases = [
            (
                ClientError::Unfunded {
                    wallet: Pubkey::default(),
                },
                REFUSED,
            ),
            (
                ClientError::NotFound {
                    what: "job",
                    address: "x".into(),
                },
                NOT_FOUND,
            ),
            (
                ClientError::Unreachable {
                    url: "u".into(),
                    reason: "r".into(),
                },
                UNREACHABLE,
            ),
            (ClientError::Spec(SpecError::Version(2)), USAGE),
            (ClientError::Build("b".into()), FAILED),
        ];
        for (error, expected) in cases {
            let error = Err::<(), _>(error).context("doing something").expect_err("an error");
            assert_eq!(code(&error), expected, "{error:#}");
        }
        assert_eq!(code(&anyhow::anyhow!("other")), FAILED);
        assert_eq!(code(&anyhow::Error::new(Usage("u".into()))), USAGE);
    }
}
