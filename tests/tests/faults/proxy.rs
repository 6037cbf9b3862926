//! A network between the indexer and the stream that can fail: in this process, so that nothing of the machine is changed.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use tokio::io::{AsyncRead, AsyncWrite, copy_bidirectional};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio_rustls::TlsAcceptor;
use tokio_rustls::rustls::ServerConfig;

/// How the open connections end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Cut {
    /// With RST on both sides, as a router or a host that forgot them ends them.
    Reset,
    /// The server's side ends and the client's does not hear of it: nothing comes, and what it sends is not read.
    HalfOpen,
}

/// Passes connections on to the stream. Ends with its test.
pub(crate) struct Proxy {
    address: SocketAddr,
    cuts: watch::Sender<Option<Cut>>,
    open: Arc<AtomicU64>,
    listening: JoinHandle<()>,
}

impl Proxy {
    /// A proxy before `url`, `http://` and an address; over TLS where there is a configuration for it.
    pub(crate) async fn start(url: &str, tls: Option<Arc<ServerConfig>>) -> anyhow::Result<Self> {
        let target: SocketAddr = url.strip_prefix("http://").context("http")?.parse()?;
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let address = listener.local_addr()?;
        let cuts = watch::Sender::new(None);
        let open = Arc::new(AtomicU64::new(0));
        let (told, counted) = (cuts.clone(), open.clone());
        let tls = tls.map(TlsAcceptor::from);
        let listening = tokio::spawn(async move {
            while let Ok((client, _)) = listener.accept().await {
                let (told, counted, tls) = (told.subscribe(), counted.clone(), tls.clone());
                tokio::spawn(async move {
                    // What fails here fails for the client, which is who has to cope.
                    let _ = pass(client, target, tls, told, &counted).await;
                });
            }
        });
        Ok(Self {
            address,
            cuts,
            open,
            listening,
        })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Connections that are passed on now.
    pub(crate) fn open(&self) -> u64 {
        self.open.load(Ordering::Acquire)
    }

    /// Ends the open connections; gives how many there were.
    pub(crate) fn cut(&self, how: Cut) -> u64 {
        let open = self.open();
        self.cuts.send_replace(Some(how));
        open
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.listening.abort();
    }
}

/// Counts a connection while it is there.
struct Counted<'a>(&'a AtomicU64);

impl<'a> Counted<'a> {
    fn new(count: &'a AtomicU64) -> Self {
        count.fetch_add(1, Ordering::AcqRel);
        Self(count)
    }
}

impl Drop for Counted<'_> {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

async fn pass(
    mut client: TcpStream,
    target: SocketAddr,
    tls: Option<TlsAcceptor>,
    mut told: watch::Receiver<Option<Cut>>,
    counted: &AtomicU64,
) -> std::io::Result<()> {
    let mut server = TcpStream::connect(target).await?;
    for socket in [&client, &server] {
        socket.set_nodelay(true)?;
    }
    if let Some(tls) = tls {
        let mut client = tls.accept(client).await?;
        return both(&mut client, &mut server, counted).await;
    }
    let cut = tokio::select! {
        done = both(&mut client, &mut server, counted) => return done,
        cut = told.changed() => cut.ok().and_then(|()| *told.borrow()),
    };
    match cut {
        Some(Cut::HalfOpen) => {
            drop(server);
            // Held, and neither read nor written, for as long as the test runs.
            std::future::pending::<()>().await;
        }
        Some(Cut::Reset) => {
            client.set_zero_linger()?;
            server.set_zero_linger()?;
        }
        None => {}
    }
    Ok(())
}

async fn both(
    client: &mut (impl AsyncRead + AsyncWrite + Unpin),
    server: &mut TcpStream,
    counted: &AtomicU64,
) -> std::io::Result<()> {
    let _counted = Counted::new(counted);
    copy_bidirectional(client, server).await.map(|_| ())
}
