//! Whom this process believes over TLS.

use tonic::transport::{Certificate, ClientTlsConfig};

/// Sets a client up with the system's authorities and those in `ca` (PEM); with these alone on a system that has none.
pub(crate) fn with_authorities<T, E>(
    ca: Option<&[u8]>,
    set_up: impl Fn(ClientTlsConfig) -> Result<T, E>,
) -> Result<T, E> {
    let own = ClientTlsConfig::new().ca_certificates(ca.map(Certificate::from_pem));
    match set_up(own.clone().with_native_roots()) {
        Err(_) if ca.is_some() => set_up(own),
        with => with,
    }
}
