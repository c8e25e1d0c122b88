//! Listening for the public.

use std::sync::Arc;

use axum::Router;
use souk_platform::{
    listen::{self, Listening},
    tls::Accepting,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::Config;

/// Requests at the same time on one HTTP/2 connection of a visitor.
const STREAMS: u32 = 128;

/// Bytes of a visitor's requests that may wait to be read.
const WINDOW: u32 = 1 << 20;

/// Serves until `stop` is cancelled; then accepts no more, lets every request that has begun end within
/// `gateway.drain_limit`, and closes what is left.
pub async fn serve(
    listener: TcpListener,
    router: Router,
    config: Config,
    tls: Option<Arc<dyn Accepting>>,
    stop: CancellationToken,
) {
    let listening = Listening {
        header_timeout: config.header_timeout,
        drain_limit: config.drain_limit,
        linger: config.linger,
        max_connections: config.max_connections,
        max_streams: STREAMS,
        window: WINDOW,
        http2: config.h2c,
        tls,
    };
    listen::serve(listener, router, listening, stop).await;
}
