//! Who signs: a key in memory, or another program that keeps its key to itself.
//!
//! Every call of [`Gantry`](crate::Gantry) takes an [`AnySigner`]: a [`Keypair`](crate::Keypair) from a
//! [key file](crate::keys), a [`CommandSigner`], or whatever else implements [`Signer`].
//!
//! ```
//! use gantry_sdk::{AnySigner, Keypair, Signer};
//!
//! fn address(wallet: &AnySigner) -> String {
//!     wallet.pubkey().to_string()
//! }
//! let key = Keypair::new();
//! assert_eq!(address(&key), key.pubkey().to_string());
//! ```

use crate::{Pubkey, Signature, Signer};
use solana_signer::SignerError;
use std::{
    io::Write as _,
    process::{Command, Stdio},
};

/// Anything that signs, from any thread.
pub type AnySigner = dyn Signer + Send + Sync;

/// A command that signs, such as one that talks to a hardware wallet or a key management service. Its key never comes
/// here.
///
/// `COMMAND address` prints the base58 address. `COMMAND sign` reads the bytes to sign, in hex, from standard input, and
/// prints the base58 signature. It may ask its user on the terminal; another exit code than 0 says no, and what it wrote
/// to standard error says why.
#[derive(Debug, Clone)]
pub struct CommandSigner {
    program: String,
    arguments: Vec<String>,
    address: Pubkey,
}

impl CommandSigner {
    /// Asks the command, program and arguments with blanks between them, for its address.
    ///
    /// # Errors
    /// If it cannot be started, says no, or prints no address.
    pub fn new(command: &str) -> Result<Self, SignerError> {
        let mut words = command.split_whitespace().map(str::to_owned);
        let program = words
            .next()
            .ok_or_else(|| SignerError::InvalidInput("no command: write exec:PROGRAM ARGUMENTS".into()))?;
        let mut signer = Self {
            program,
            arguments: words.collect(),
            address: Pubkey::default(),
        };
        let printed = signer.ask("address", None)?;
        signer.address = printed
            .parse()
            .map_err(|_| signer.odd(&format!("printed no base58 address but `{printed}`")))?;
        Ok(signer)
    }

    fn odd(&self, what: &str) -> SignerError {
        SignerError::Protocol(format!("the signing command {} {what}", self.program))
    }

    fn ask(&self, verb: &str, input: Option<&str>) -> Result<String, SignerError> {
        let mut command = Command::new(&self.program);
        command.args(&self.arguments).arg(verb).stdout(Stdio::piped());
        command.stdin(if input.is_some() { Stdio::piped() } else { Stdio::null() });
        command.stderr(Stdio::piped());
        let failed = |error: std::io::Error| self.odd(&format!("cannot be run: {error}"));
        let mut child = command.spawn().map_err(failed)?;
        if let (Some(text), Some(mut stdin)) = (input, child.stdin.take()) {
            // It may say no before it has read all.
            let _ = stdin.write_all(text.as_bytes());
        }
        let output = child.wait_with_output().map_err(failed)?;
        if !output.status.success() {
            let reason = String::from_utf8_lossy(&output.stderr);
            return Err(self.odd(&format!("refused ({}): {}", output.status, reason.trim())));
        }
        Ok(String::from_utf8_lossy(&output.stdout).trim().to_owned())
    }
}

impl Signer for CommandSigner {
    fn try_pubkey(&self) -> Result<Pubkey, SignerError> {
        Ok(self.address)
    }

    fn try_sign_message(&self, message: &[u8]) -> Result<Signature, SignerError> {
        let printed = self.ask("sign", Some(&hex::encode(message)))?;
        let signature: Signature = printed
            .parse()
            .map_err(|_| self.odd(&format!("printed no base58 signature but `{printed}`")))?;
        if !signature.verify(self.address.as_ref(), message) {
            return Err(self.odd("printed a signature that is not one of its address over these bytes"));
        }
        Ok(signature)
    }

    fn is_interactive(&self) -> bool {
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Keypair;
    use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

    /// A signing command that prints what it is told to, once it has been asked rightly.
    fn command(folder: &std::path::Path, address: &str, expected: &str, signature: &str) -> PathBuf {
        let file = folder.join("signer.sh");
        let text = format!(
            "#!/bin/sh\ncase $1 in address) echo '{address}';; \
             sign) [ \"$(cat)\" = {expected} ] || {{ echo 'will not' >&2; exit 3; }}; echo '{signature}';; esac\n"
        );
        fs::write(&file, text).expect("written");
        fs::set_permissions(&file, fs::Permissions::from_mode(0o700)).expect("chmod");
        file
    }

    #[test]
    fn a_command_signs_and_is_not_believed_blindly() {
        let folder = tempfile::tempdir().expect("a folder");
        let key = Keypair::new();
        let (message, other) = (b"these bytes".as_slice(), b"other bytes".as_slice());
        let address = key.pubkey().to_string();
        let make = |address: &str, expected: &[u8], signature: &str| {
            let file = command(folder.path(), address, &hex::encode(expected), signature);
            CommandSigner::new(&file.display().to_string())
        };
        let right = key.sign_message(message);
        let signer = make(&address, message, &right.to_string()).expect("an address");
        assert_eq!(signer.pubkey(), key.pubkey());
        assert_eq!(signer.try_sign_message(message).expect("signed"), right);
        let refused = signer.try_sign_message(other).expect_err("it says no").to_string();
        assert!(refused.contains("will not"), "{refused}");
        let wrong = make(&address, message, &key.sign_message(other).to_string()).expect("an address");
        assert!(wrong.try_sign_message(message).is_err());
        assert!(make("nobody", message, "").is_err());
        assert!(CommandSigner::new("/nonexistent/signer").is_err());
        assert!(CommandSigner::new("  ").is_err());
    }
}
