//! Ends the stream of a client that does not read: HTTP alone would keep it, and its place, for ever.

use std::time::Duration;

use futures::{Stream, StreamExt, stream};
use tokio::sync::mpsc;

/// Messages on their way to a client, besides what its connection holds.
const AHEAD: usize = 16;

/// The same messages, until the client has taken none for so long though some wait. What it has received is whole, so it
/// resumes after its last id.
pub(super) fn slow<T: Send + 'static>(
    messages: impl Stream<Item = T> + Send + 'static,
    patience: Duration,
) -> impl Stream<Item = T> + Send + 'static {
    let (waiting, mut taken) = mpsc::channel(AHEAD);
    tokio::spawn(async move {
        let mut messages = std::pin::pin!(messages);
        loop {
            let message = tokio::select! {
                message = messages.next() => message,
                // The client has gone.
                () = waiting.closed() => return,
            };
            let Some(message) = message else { return };
            if tokio::time::timeout(patience, waiting.send(message)).await.is_err() {
                metrics::counter!("gantry_indexer_api_streams_cut_total").increment(1);
                tracing::info!(?patience, "a client does not read its stream: it is ended");
                return;
            }
        }
    });
    stream::poll_fn(move |context| taken.poll_recv(context))
}
