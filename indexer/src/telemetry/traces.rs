//! Spans on their way to a collector.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use opentelemetry::KeyValue;
use opentelemetry_otlp::{ExporterBuildError, SpanExporter as Otlp, WithTonicConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{Sampler, SdkTracerProvider, SpanData, SpanExporter};
use tonic::metadata::{AsciiMetadataKey, AsciiMetadataValue, MetadataMap};
use tonic::transport::{Channel, Endpoint};

use crate::tls::with_authorities;

/// Longest wait for a collector, also at the end.
pub(super) const EXPORT_WITHIN: Duration = Duration::from_secs(5);

/// A collector of traces that takes OTLP over gRPC.
#[derive(Clone, Debug)]
pub struct Collector {
    /// `http://host:4317`, or `https://host:4317`.
    pub endpoint: String,
    /// Certificates (PEM) of authorities that may vouch for an https endpoint, besides the system's.
    pub ca: Option<Vec<u8>>,
    /// What goes with every request, such as a key.
    pub headers: MetadataMap,
}

/// Why a collector is not taken.
#[derive(Debug, thiserror::Error)]
pub enum CollectorError {
    /// Another scheme, no host, or nothing of a URL.
    #[error("the OTLP endpoint {0} is not taken: http://host:port or https://host:port is expected")]
    Endpoint(String),
    /// The certificates, or none that this system knows.
    #[error("no TLS to the OTLP endpoint: {0}; --otlp-ca names a file with the certificate of its authority")]
    Tls(tonic::transport::Error),
    /// The exporter.
    #[error("cannot send traces: {0}")]
    Exporter(#[from] ExporterBuildError),
}

/// Reads headers as `OTEL_EXPORTER_OTLP_HEADERS` has them: `name=value`, commas between, values percent-encoded.
///
/// # Errors
/// What is expected, where it is something else. No value is in it: it may be secret.
pub fn headers(text: &str) -> Result<MetadataMap, String> {
    let mut headers = MetadataMap::new();
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    for (place, pair) in pairs.enumerate() {
        let place = place + 1;
        let (name, value) = pair.split_once('=').ok_or_else(|| {
            format!("header {place} is not name=value; commas go between headers, and in a value as %2C")
        })?;
        let name: AsciiMetadataKey = name
            .trim()
            .to_lowercase()
            .parse()
            .map_err(|_| format!("header {place} has a name that gRPC does not take"))?;
        let value = percent_encoding::percent_decode_str(value.trim()).decode_utf8();
        let value: Option<AsciiMetadataValue> = value.ok().and_then(|value| value.parse().ok());
        let mut value = value.ok_or_else(|| format!("{name} has a value that is not printable ASCII"))?;
        value.set_sensitive(true);
        headers.insert(name, value);
    }
    Ok(headers)
}

fn channel(collector: &Collector) -> Result<Channel, CollectorError> {
    let refused = || CollectorError::Endpoint(collector.endpoint.clone());
    let endpoint = Endpoint::from_shared(collector.endpoint.clone())
        .map_err(|_| refused())?
        .connect_timeout(EXPORT_WITHIN)
        .timeout(EXPORT_WITHIN);
    if endpoint.uri().host().is_none_or(str::is_empty) {
        return Err(refused());
    }
    let endpoint = match endpoint.uri().scheme_str() {
        Some("http") => endpoint,
        Some("https") => with_authorities(collector.ca.as_deref(), |tls| endpoint.clone().tls_config(tls))
            .map_err(CollectorError::Tls)?,
        _ => return Err(refused()),
    };
    Ok(endpoint.connect_lazy())
}

/// Makes what sends spans. Within a tokio runtime.
pub(super) fn provider(collector: &Collector, ratio: f64) -> Result<SdkTracerProvider, CollectorError> {
    let headers = collector.headers.clone();
    let exporter = Otlp::builder()
        .with_tonic()
        .with_channel(channel(collector)?)
        // Goes last: the crate reads OTEL_EXPORTER_OTLP_HEADERS by itself, and a flag goes before the environment.
        .with_interceptor(move |mut request: tonic::Request<()>| {
            for pair in headers.iter() {
                if let tonic::metadata::KeyAndValueRef::Ascii(name, value) = pair {
                    request.metadata_mut().insert(name.clone(), value.clone());
                }
            }
            Ok(request)
        })
        .build()?;
    let resource = Resource::builder()
        .with_service_name("gantry-indexer")
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    Ok(SdkTracerProvider::builder()
        .with_batch_exporter(Told {
            exporter,
            endpoint: collector.endpoint.clone(),
            failing: AtomicBool::new(false),
        })
        .with_sampler(Sampler::ParentBased(Box::new(Sampler::TraceIdRatioBased(ratio))))
        .with_resource(resource)
        .build())
}

/// An exporter of which the log has when it stops working, and when it works again.
#[derive(Debug)]
struct Told {
    exporter: Otlp,
    endpoint: String,
    failing: AtomicBool,
}

impl SpanExporter for Told {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let sent = self.exporter.export(batch).await;
        match (&sent, self.failing.swap(sent.is_err(), Ordering::Relaxed)) {
            (Err(error), false) => {
                let error = match error {
                    OTelSdkError::InternalFailure(said) => said.clone(),
                    other => other.to_string(),
                };
                let hint = if self.endpoint.starts_with("https:") {
                    "; --otlp-ca names a file with the certificate of its authority, where this system does not know it"
                } else {
                    ""
                };
                tracing::warn!(
                    endpoint = self.endpoint,
                    error,
                    "traces are not taken, and are lost until they are{hint}"
                );
            }
            (Ok(()), true) => tracing::info!(endpoint = self.endpoint, "traces are taken again"),
            _ => {}
        }
        sent
    }

    fn shutdown_with_timeout(&mut self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }

    fn force_flush(&mut self) -> OTelSdkResult {
        self.exporter.force_flush()
    }

    fn set_resource(&mut self, resource: &Resource) {
        self.exporter.set_resource(resource);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_are_read_as_the_specification_writes_them() {
        let read = headers("Authorization=Bearer%20a%2Cb, x-team = gantry ,").expect("headers");
        assert_eq!(
            read.get("authorization").map(AsciiMetadataValue::as_bytes),
            Some(&b"Bearer a,b"[..])
        );
        assert_eq!(
            read.get("x-team").map(AsciiMetadataValue::as_bytes),
            Some(&b"gantry"[..])
        );
        assert_eq!(read.len(), 2);
        assert!(!format!("{read:?}").contains("Bearer"), "a secret is not printed");
        assert!(headers("").expect("none").is_empty());
    }

    #[test]
    fn headers_that_are_none_are_refused_without_their_values() {
        for (text, says) in [
            ("a=1,secret", "header 2 is not name=value"),
            ("a b=secret", "header 1 has a name"),
            ("a=secret%0A", "a has a value"),
            ("a=secret%FF", "a has a value"),
        ] {
            let error = headers(text).expect_err(text);
            assert!(error.contains(says) && !error.contains("secret"), "{error}");
        }
    }

    #[tokio::test]
    async fn endpoints_that_are_none_are_refused() {
        for endpoint in [
            "collector:4317",
            "ftp://collector",
            "http://",
            "https:///v1",
            "",
            "two words",
        ] {
            let collector = Collector {
                endpoint: endpoint.to_owned(),
                ca: None,
                headers: MetadataMap::new(),
            };
            let refused = channel(&collector).expect_err(endpoint);
            assert!(
                refused.to_string().contains("https://host:port"),
                "{endpoint}: {refused}"
            );
        }
    }
}
