//! How connections are made, and how far an exchange had come when it failed.
//!
//! An error while connecting means that nothing was sent; the same error later means that the
//! request may have been carried out. ureq does not tell the two apart, so the resolver and the
//! connector note it for the thread that runs the exchange.

use std::cell::Cell;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};
use ureq::config::Config;
use ureq::http::Uri;
use ureq::unversioned::resolver::{DefaultResolver, ResolvedSocketAddrs, Resolver};
use ureq::unversioned::transport::{ConnectionDetails, Connector, DefaultConnector, NextTimeout, Transport};

/// How long the addresses of a name are kept.
const ADDRESSES_LIFE: Duration = Duration::from_secs(60);

thread_local! {
    static CONNECTING: Cell<bool> = const { Cell::new(false) };
}

/// Begins an exchange on this thread.
pub(crate) fn begin() {
    CONNECTING.set(false);
}

/// Whether this thread's exchange failed before a connection stood.
pub(crate) fn was_connecting() -> bool {
    CONNECTING.get()
}

/// The usual connector (TCP, then TLS where the URL asks for it), watched.
#[derive(Debug, Default)]
pub(crate) struct WatchedConnector(DefaultConnector);

impl Connector for WatchedConnector {
    type Out = Box<dyn Transport>;

    fn connect(
        &self,
        details: &ConnectionDetails<'_>,
        chained: Option<()>,
    ) -> Result<Option<Self::Out>, ureq::Error> {
        CONNECTING.set(true);
        let transport = self.0.connect(details, chained)?;
        CONNECTING.set(false);
        Ok(transport)
    }
}

/// Resolves addresses at once and names with the usual resolver, which starts a thread for each
/// lookup; so the last name is remembered for a minute.
#[derive(Debug, Default)]
pub(crate) struct WatchedResolver {
    names: DefaultResolver,
    last: Mutex<Option<Remembered>>,
}

#[derive(Debug)]
struct Remembered {
    authority: String,
    addresses: Vec<SocketAddr>,
    until: Instant,
}

impl WatchedResolver {
    fn recall(&self, authority: &str) -> Option<Vec<SocketAddr>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        last.as_ref()
            .filter(|last| last.authority == authority && Instant::now() < last.until)
            .map(|last| last.addresses.clone())
    }

    fn remember(&self, authority: &str, addresses: &ResolvedSocketAddrs) {
        *self.last.lock().unwrap_or_else(PoisonError::into_inner) = Some(Remembered {
            authority: authority.to_owned(),
            addresses: addresses.to_vec(),
            until: Instant::now() + ADDRESSES_LIFE,
        });
    }

    fn listed(&self, addresses: impl IntoIterator<Item = SocketAddr>) -> ResolvedSocketAddrs {
        let mut list = self.empty();
        addresses.into_iter().for_each(|address| list.push(address));
        list
    }
}

impl Resolver for WatchedResolver {
    fn resolve(
        &self,
        uri: &Uri,
        config: &Config,
        timeout: NextTimeout,
    ) -> Result<ResolvedSocketAddrs, ureq::Error> {
        if let Some(address) = literal_address(uri) {
            return Ok(self.listed([address]));
        }
        let authority = uri.authority().map_or("", |authority| authority.as_str());
        if let Some(addresses) = self.recall(authority) {
            return Ok(self.listed(addresses));
        }
        CONNECTING.set(true);
        let addresses = self.names.resolve(uri, config, timeout)?;
        CONNECTING.set(false);
        self.remember(authority, &addresses);
        Ok(addresses)
    }
}

/// The address of a URL whose host is one.
fn literal_address(uri: &Uri) -> Option<SocketAddr> {
    let address: IpAddr = uri.host()?.trim_matches(['[', ']']).parse().ok()?;
    let port = uri.port_u16().unwrap_or(if uri.scheme_str() == Some("https") { 443 } else { 80 });
    Some(SocketAddr::new(address, port))
}
