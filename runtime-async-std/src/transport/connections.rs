//! How an exchange comes by a connection: an idle one, or a new one.

use super::connection::{Connection, Stream};
use super::failure::{Stage, failure};
use super::origin::Origin;
use super::pool::Pool;
use super::proxy::Proxy;
use super::tls::Tls;
use crate::runtime::Runtime;
use absio_proto::effect::{TransportError, TransportErrorKind};
use futures_lite::future;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::{Duration, Instant};

/// The longest wait for a connection to stand; the request's deadline counts too.
const CONNECT_PATIENCE: Duration = Duration::from_secs(20);

/// Makes connections and keeps those that wait.
pub(crate) struct Connections<R: Runtime> {
    pub(crate) runtime: R,
    pub(crate) pool: Arc<Pool<R::Stream>>,
    tls: Tls,
    proxy: Option<Proxy>,
}

impl<R: Runtime> Connections<R> {
    pub(crate) fn new(runtime: R, tls: Tls, proxy: Option<Proxy>) -> Self {
        Self { runtime, pool: Arc::new(Pool::new()), tls, proxy }
    }

    /// A connection to `origin`. If there is none, nothing was sent, and `stage` says so meanwhile.
    pub(crate) async fn connection(
        &self,
        origin: &Origin,
        stage: &Stage,
    ) -> Result<Connection<R::Stream>, TransportError> {
        let name: Arc<str> = origin.to_string().into();
        if let Some(connection) = self.pool.take(&name) {
            return Ok(connection);
        }
        stage.set_connecting(true);
        let late = async {
            self.runtime.sleep(CONNECT_PATIENCE).await;
            Err(stage.timed_out(CONNECT_PATIENCE, &name))
        };
        let stream = future::or(self.connect(origin, &name), late).await?;
        stage.set_connecting(false);
        Ok(Connection::new(stream, name))
    }

    async fn connect(&self, origin: &Origin, name: &str) -> Result<Stream<R::Stream>, TransportError> {
        // Plain http is loopback only and goes direct.
        let proxy = self.proxy.as_ref().filter(|proxy| origin.secure && proxy.serves(&origin.host));
        let stream = match proxy {
            None => Stream::Plain(self.reach(origin, name).await?),
            Some(proxy) => {
                let unusable = || {
                    failure(TransportErrorKind::Unreachable, "proxies of this kind are not supported", name)
                };
                let hop = proxy.origin.as_ref().ok_or_else(unusable)?;
                let mut stream = Stream::Plain(self.reach(hop, name).await?);
                if hop.secure {
                    stream = self.tls.secure(stream, &hop.host, name).await?;
                }
                proxy.tunnel(stream, origin, name).await?
            }
        };
        if origin.secure { self.tls.secure(stream, &origin.host, name).await } else { Ok(stream) }
    }

    /// A TCP connection to one of the addresses of `origin`.
    async fn reach(&self, origin: &Origin, name: &str) -> Result<R::Stream, TransportError> {
        let unreachable = |error| failure(TransportErrorKind::Unreachable, error, name);
        let addresses = match origin.host.parse::<IpAddr>() {
            Ok(address) => vec![SocketAddr::new(address, origin.port)],
            Err(_) => self.runtime.resolve(&origin.host, origin.port).await.map_err(unreachable)?,
        };
        let end = Instant::now() + CONNECT_PATIENCE;
        let mut last = io::Error::new(io::ErrorKind::NotFound, "the name has no address");
        for (index, address) in addresses.iter().enumerate() {
            // Each address has an equal share of the time left, so that one that swallows packets
            // does not keep the others from being tried.
            let others = u32::try_from(addresses.len() - index).unwrap_or(u32::MAX);
            let share = end.saturating_duration_since(Instant::now()) / others;
            let late = async {
                self.runtime.sleep(share).await;
                Err(io::ErrorKind::TimedOut.into())
            };
            match future::or(self.runtime.connect(*address), late).await {
                Ok(stream) => return Ok(stream),
                Err(error) => last = error,
            }
        }
        Err(unreachable(last))
    }
}
