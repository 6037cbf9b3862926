//! The stream over TLS: an authority of its own, a token beside it, and servers that nobody vouches for.

use std::sync::Arc;

use anyhow::ensure;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use tokio_rustls::rustls::ServerConfig;
use tokio_rustls::rustls::pki_types::PrivateKeyDer;

use super::lab::{Lab, until};
use super::proxy::Proxy;

type Authority = CertifiedIssuer<'static, KeyPair>;

fn authority(name: &str) -> anyhow::Result<Authority> {
    let mut params = CertificateParams::new(Vec::new())?;
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    Ok(CertifiedIssuer::self_signed(params, KeyPair::generate()?)?)
}

/// A server that `authority` vouches for under a name.
fn server(authority: &Authority, name: &str) -> anyhow::Result<Arc<ServerConfig>> {
    let key = KeyPair::generate()?;
    let certificate = CertificateParams::new(vec![name.to_owned()])?.signed_by(&key, authority)?;
    let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(anyhow::Error::msg)?;
    let mut config = ServerConfig::builder()
        .with_no_client_auth()
        .with_single_cert(vec![certificate.der().clone()], key)?;
    config.alpn_protocols = vec![b"h2".to_vec()];
    Ok(Arc::new(config))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stream_over_tls_and_servers_that_are_not_who_they_say() -> anyhow::Result<()> {
    let mut lab = Lab::start().await?;
    let plain = lab.grpc_url.clone();
    let (ours, others) = (authority("ours")?, authority("others")?);
    let folder = tempfile::tempdir()?;
    let ca = folder.path().join("ca.pem");
    std::fs::write(&ca, ours.pem())?;
    let right = Proxy::start(&plain, Some(server(&ours, "localhost")?)).await?;
    let misnamed = Proxy::start(&plain, Some(server(&ours, "stream.example")?)).await?;
    let unknown = Proxy::start(&plain, Some(server(&others, "localhost")?)).await?;
    // Of an authority that calls itself as ours does.
    let forged = Proxy::start(&plain, Some(server(&authority("ours")?, "localhost")?)).await?;
    let url = |proxy: &Proxy| format!("https://localhost:{}", proxy.address().port());
    lab.kill_indexer().await?;

    // Refused, with words that say why; nothing is written.
    let at = lab.checkpoint().await?.slot;
    for (proxy, file, said) in [
        (&misnamed, Some(&ca), "not valid for name"),
        (&unknown, Some(&ca), "--stream-ca"),
        (&forged, Some(&ca), "--stream-ca"),
        (&right, None, "--stream-ca"),
    ] {
        let before = lab.log().len();
        lab.grpc_url = url(proxy);
        lab.environment = file
            .map(|file| ("GANTRY_STREAM_CA".to_owned(), file.display().to_string()))
            .into_iter()
            .collect();
        lab.start_indexer().await?;
        until(async || Ok(lab.log()[before..].contains(said)), said)
            .await
            .inspect_err(|_| lab.show_log())?;
        lab.kill_indexer().await?;
        ensure!(lab.checkpoint().await?.slot == at, "it wrote");
    }

    lab.grpc_url = url(&right);
    lab.environment = vec![("GANTRY_STREAM_CA".to_owned(), ca.display().to_string())];
    lab.start_indexer().await?;
    lab.trade.rounds(3).await?;
    lab.caught_up().await?;
    ensure!(right.open() > 0, "it is not connected over TLS");
    lab.check(
        "stream over TLS",
        "own authority, with its token; a wrong name and an unknown authority refused",
    )
    .await?;

    // The token is asked for over TLS as without it.
    let before = lab.log().len();
    lab.kill_indexer().await?;
    lab.environment
        .push(("GANTRY_GRPC_TOKEN".to_owned(), "wrong".to_owned()));
    lab.start_indexer().await?;
    until(
        async || Ok(lab.log()[before..].contains("Unauthenticated")),
        "the token is refused",
    )
    .await
    .inspect_err(|_| lab.show_log())?;
    lab.kill_indexer().await?;
    lab.environment.pop();
    lab.start_indexer().await?;
    lab.check(
        "wrong token over TLS",
        "refused; with the right one it went on where it was",
    )
    .await
}
