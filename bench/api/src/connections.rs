//! Connections that stay open. A client library's own pool costs half as much as an answer of the API does, on the same
//! machine that is measured: here a request is only written and its answer read.

use std::sync::{Mutex, PoisonError};

use anyhow::{Context as _, Result};
use http_body_util::{BodyExt as _, Empty};
use hyper::body::Bytes;
use hyper::client::conn::http1::{SendRequest, handshake};
use hyper::{Request, header};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;

/// As many as are needed at once, each used again.
pub(crate) struct Connections {
    host: String,
    idle: Mutex<Vec<SendRequest<Empty<Bytes>>>>,
}

impl Connections {
    /// To the server at `base`, `http://HOST:PORT`.
    ///
    /// # Errors
    /// Where that is no such address.
    pub(crate) fn to(base: &str) -> Result<Self> {
        let host = base.strip_prefix("http://").with_context(|| base.to_owned())?;
        Ok(Self {
            host: host.trim_end_matches('/').to_owned(),
            idle: Mutex::default(),
        })
    }

    /// Asks for a path, reads the answer to its end, and gives its status.
    ///
    /// # Errors
    /// Where the server does not answer.
    pub(crate) async fn get(&self, path: String) -> Result<u16> {
        let mut connection = self.take().await?;
        let request = Request::get(path).header(header::HOST, &self.host).body(Empty::new())?;
        let mut answer = connection.send_request(request).await?;
        while let Some(frame) = answer.body_mut().frame().await {
            frame?;
        }
        let status = answer.status().as_u16();
        self.idle().push(connection);
        Ok(status)
    }

    /// The connection that was used last: few are open where few are needed.
    async fn take(&self) -> Result<SendRequest<Empty<Bytes>>> {
        loop {
            let Some(mut connection) = self.idle().pop() else {
                break;
            };
            // The server may have closed it.
            if connection.ready().await.is_ok() {
                return Ok(connection);
            }
        }
        let stream = TcpStream::connect(&self.host).await?;
        stream.set_nodelay(true)?;
        let (mut connection, driver) = handshake(TokioIo::new(stream)).await?;
        tokio::spawn(driver);
        connection.ready().await?;
        Ok(connection)
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<SendRequest<Empty<Bytes>>>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
