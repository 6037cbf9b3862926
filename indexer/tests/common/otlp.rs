//! A collector of OpenTelemetry traces: real gRPC, real protobuf.

use std::time::Duration;

use opentelemetry_proto::tonic::collector::trace::v1::trace_service_server::{TraceService, TraceServiceServer};
use opentelemetry_proto::tonic::collector::trace::v1::{ExportTraceServiceRequest, ExportTraceServiceResponse};
use opentelemetry_proto::tonic::common::v1::KeyValue;
use opentelemetry_proto::tonic::common::v1::any_value::Value;
use opentelemetry_proto::tonic::trace::v1::Span;
use tokio::sync::mpsc;
use tonic::transport::server::TcpIncoming;
use tonic::transport::{Identity, Server, ServerTlsConfig};
use tonic::{Request, Response, Status};

struct Received {
    spans: mpsc::UnboundedSender<(String, Span)>,
    /// The `authorization` without which nothing is taken.
    key: Option<&'static str>,
}

#[tonic::async_trait]
impl TraceService for Received {
    async fn export(
        &self,
        request: Request<ExportTraceServiceRequest>,
    ) -> Result<Response<ExportTraceServiceResponse>, Status> {
        let given = request
            .metadata()
            .get("authorization")
            .and_then(|value| value.to_str().ok());
        if self.key.is_some_and(|key| given != Some(key)) {
            return Err(Status::unauthenticated("no key"));
        }
        for resource in request.into_inner().resource_spans {
            let attributes = resource
                .resource
                .map(|resource| resource.attributes)
                .unwrap_or_default();
            let service = text(&attributes, "service.name").unwrap_or_default();
            for span in resource.scope_spans.into_iter().flat_map(|scope| scope.spans) {
                // Nobody listens once the test is over.
                let _ = self.spans.send((service.clone(), span));
            }
        }
        Ok(Response::new(ExportTraceServiceResponse::default()))
    }
}

/// An attribute as text.
pub fn text(attributes: &[KeyValue], name: &str) -> Option<String> {
    let attribute = attributes.iter().find(|attribute| attribute.key == name)?;
    Some(match attribute.value.as_ref()?.value.as_ref()? {
        Value::StringValue(text) => text.clone(),
        Value::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    })
}

pub struct Collector {
    pub url: String,
    spans: mpsc::UnboundedReceiver<(String, Span)>,
}

impl Collector {
    pub async fn start() -> Self {
        Self::serve(Server::builder(), "http://127.0.0.1", None).await
    }

    /// One over TLS, as `localhost`, that wants `key`; and the certificate (PEM) of who vouches for it.
    pub async fn guarded(key: &'static str) -> (Self, String) {
        let own = rcgen::generate_simple_self_signed(["localhost".to_owned()]).expect("a certificate");
        let certificate = own.cert.pem();
        let identity = Identity::from_pem(&certificate, own.signing_key.serialize_pem());
        let server = Server::builder()
            .tls_config(ServerTlsConfig::new().identity(identity))
            .expect("a server's certificate");
        (Self::serve(server, "https://localhost", Some(key)).await, certificate)
    }

    async fn serve(mut server: Server, origin: &str, key: Option<&'static str>) -> Self {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let url = format!("{origin}:{}", listener.local_addr().expect("an address").port());
        let (sender, spans) = mpsc::unbounded_channel();
        let service = TraceServiceServer::new(Received { spans: sender, key });
        let incoming = TcpIncoming::from(listener);
        tokio::spawn(server.add_service(service).serve_with_incoming(incoming));
        Self { url, spans }
    }

    /// Whether no span that came and was not looked at fits.
    pub fn none(&mut self, fits: impl Fn(&Span) -> bool) -> bool {
        std::iter::from_fn(|| self.spans.try_recv().ok()).all(|(_, span)| !fits(&span))
    }

    /// The next span that fits, of the service that sent it.
    pub async fn span(&mut self, patience: Duration, fits: impl Fn(&Span) -> bool) -> (String, Span) {
        let found = async {
            loop {
                let (service, span) = self.spans.recv().await.expect("the collector runs");
                if fits(&span) {
                    return (service, span);
                }
            }
        };
        tokio::time::timeout(patience, found)
            .await
            .expect("such a span is sent")
    }
}
