//! Binding, accepting, and stopping without losing a request.

use super::convert::{head, peer, refusal, response};
use super::perform::{self, Shared};
use super::write_deadline::WriteDeadline;
use super::{Running, ServerConfig, ServerError, gate};
use crate::host::LocalHost;
use crate::{Housekeeping, Open, Sweep};
use absio_proto::driver::blocking::{self, Store};
use absio_proto::effect::HttpResponse;
use absio_proto::{Guard, RemoteCode};
use absio_store::system::Machine;
use core::convert::Infallible;
use core::future::Future;
use core::time::Duration;
use http_body_util::{BodyExt, Full, LengthLimitError, Limited};
use hyper::body::{Body, Bytes, Incoming};
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper::{Request, Response};
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use std::net::{IpAddr, SocketAddr, TcpListener, ToSocketAddrs};
use std::sync::Arc;
use tokio::net::TcpStream;
use tokio::sync::{Semaphore, SemaphorePermit, watch};

/// Header fields of a request at most.
const HEADERS: usize = 64;
/// Bytes of a request's head at most.
const HEAD: usize = 32 << 10;
/// How long accepting rests after it failed, most often for want of file descriptors.
const REST: Duration = Duration::from_millis(100);

/// A broker behind a bound address, ready to serve.
pub struct Server<S> {
    listener: TcpListener,
    address: SocketAddr,
    config: ServerConfig,
    shared: Arc<Shared<S>>,
}

impl<S: Store + Send + Sync + 'static> Server<S> {
    /// Opens the broker on `store`, sweeps what crashes left behind, and binds `address`; port 0 takes
    /// a free one.
    ///
    /// # Errors
    /// [`ServerError::Listen`], [`ServerError::Broker`].
    pub fn bind(address: impl ToSocketAddrs, store: S, config: ServerConfig) -> Result<Self, ServerError> {
        Self::bind_on(address, store, config, Machine::system())
    }

    /// The same, going by the time and the randomness of `machine`: a test's. Waiting is of the real clock.
    ///
    /// # Errors
    /// As there.
    #[cfg(feature = "testing")]
    pub fn bind_with_machine(
        address: impl ToSocketAddrs,
        store: S,
        config: ServerConfig,
        machine: Machine,
    ) -> Result<Self, ServerError> {
        Self::bind_on(address, store, config, machine)
    }

    fn bind_on(
        address: impl ToSocketAddrs,
        store: S,
        mut config: ServerConfig,
        machine: Machine,
    ) -> Result<Self, ServerError> {
        let listener = TcpListener::bind(address).map_err(ServerError::Listen)?;
        listener.set_nonblocking(true).map_err(ServerError::Listen)?;
        let address = listener.local_addr().map_err(ServerError::Listen)?;
        if config.broker.origins.is_empty() {
            config.broker.origins = origins_of(address);
        }
        let mut entropy = &machine;
        let state = {
            let host = LocalHost::new(&store, &machine, (), &mut entropy);
            blocking::run(&mut Open::new(config.broker.clone()), &host)?
        };
        {
            let host = LocalHost::new(&store, &machine, state.clone(), &mut entropy);
            blocking::run(&mut Guard::new(Sweep::new()), &host)?;
        }
        let working = Semaphore::new(config.working);
        let shared = Arc::new(Shared { state, store, machine, working });
        Ok(Self { listener, address, config, shared })
    }

    /// The address that is listened on.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.address
    }

    /// The first origin the broker is known by: what clients are configured with.
    #[must_use]
    pub fn origin(&self) -> String {
        self.shared.state.origins().first().cloned().unwrap_or_default()
    }

    /// The broker's store.
    #[must_use]
    pub fn store(&self) -> &S {
        &self.shared.store
    }

    /// Serves inside the caller's tokio runtime until `until` resolves, then lets running requests
    /// finish.
    ///
    /// # Errors
    /// [`ServerError::Listen`].
    pub async fn serve(self, until: impl Future<Output = ()> + Send) -> Result<(), ServerError> {
        let listener = tokio::net::TcpListener::from_std(self.listener).map_err(ServerError::Listen)?;
        let (stop, stopping) = watch::channel(false);
        let bodies = Semaphore::new(kibibytes(self.config.bodies) as usize);
        let front = Arc::new(Front { shared: self.shared, config: self.config, bodies, stopping });
        let connections = Arc::new(Semaphore::new(front.config.connections));
        let graceful = GracefulShutdown::new();
        let keeper = tokio::spawn(keep_house(front.clone()));
        let mut until = core::pin::pin!(until);
        loop {
            let accepted = tokio::select! {
                () = &mut until => break,
                accepted = accept(&listener, &connections) => accepted,
            };
            let Some((stream, from, permit)) = accepted else {
                tokio::time::sleep(REST).await;
                continue;
            };
            // Small answers leave at once; a socket that refuses the option still works.
            let _unimportant = stream.set_nodelay(true);
            let stream = WriteDeadline::new(stream, front.config.write_timeout);
            let service_front = front.clone();
            let service = service_fn(move |request| {
                let front = service_front.clone();
                async move { Ok::<_, Infallible>(front.serve_one(request, from).await) }
            });
            let connection = http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(front.config.header_timeout)
                .max_buf_size(HEAD)
                .max_headers(HEADERS)
                .serve_connection(TokioIo::new(stream), service);
            let connection = graceful.watch(connection);
            tokio::spawn(async move {
                // A connection that breaks is its client's affair.
                let _broken = connection.await;
                drop(permit);
            });
        }
        drop(listener);
        stop.send_replace(true);
        keeper.abort();
        let _out_of_time = tokio::time::timeout(front.config.grace, graceful.shutdown()).await;
        Ok(())
    }

    /// Serves on threads of its own until the process is told to end (SIGINT, SIGTERM) and running
    /// requests have finished. Blocks.
    ///
    /// # Errors
    /// As [`serve`](Self::serve), [`ServerError::Runtime`].
    pub fn run(self) -> Result<(), ServerError> {
        runtime()?.block_on(self.serve(terminated()))
    }

    /// Serves on threads of its own until the handle is stopped or dropped.
    ///
    /// # Errors
    /// [`ServerError::Runtime`].
    pub fn start(self) -> Result<Running, ServerError> {
        Running::start(self, runtime()?)
    }
}

fn runtime() -> Result<tokio::runtime::Runtime, ServerError> {
    tokio::runtime::Builder::new_multi_thread().enable_all().build().map_err(ServerError::Runtime)
}

/// Resolves when the process is asked to end: SIGINT or SIGTERM.
pub async fn terminated() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    let _unavailable = tokio::signal::ctrl_c().await;
}

/// Loopback is known by all its names.
fn origins_of(address: SocketAddr) -> Vec<String> {
    let port = if address.port() == 80 { String::new() } else { format!(":{}", address.port()) };
    let mut origins = vec![match address.ip() {
        IpAddr::V4(ip) => format!("http://{ip}{port}"),
        IpAddr::V6(ip) => format!("http://[{ip}]{port}"),
    }];
    if address.ip().is_loopback() || address.ip().is_unspecified() {
        for name in ["127.0.0.1", "localhost", "[::1]"] {
            let origin = format!("http://{name}{port}");
            if !origins.contains(&origin) {
                origins.push(origin);
            }
        }
    }
    origins
}

type Accepted = (TcpStream, SocketAddr, tokio::sync::OwnedSemaphorePermit);

async fn accept(listener: &tokio::net::TcpListener, connections: &Arc<Semaphore>) -> Option<Accepted> {
    let permit = connections.clone().acquire_owned().await.ok()?;
    let (stream, from) = listener.accept().await.ok()?;
    Some((stream, from, permit))
}

/// What every connection shares.
struct Front<S> {
    shared: Arc<Shared<S>>,
    config: ServerConfig,
    /// Room for request bodies, in KiB.
    bodies: Semaphore,
    stopping: watch::Receiver<bool>,
}

/// Whole KiB that hold `bytes`.
fn kibibytes(bytes: u64) -> u32 {
    u32::try_from(bytes.div_ceil(1024)).unwrap_or(u32::MAX)
}

impl<S: Store + Send + Sync + 'static> Front<S> {
    async fn serve_one(&self, request: Request<Incoming>, from: SocketAddr) -> Response<Full<Bytes>> {
        match self.answer(request, from.ip()).await {
            Ok(answer) => response(answer, false),
            // The body was not read to its end: the connection cannot be used again.
            Err(answer) => response(answer, true),
        }
    }

    /// The answer; `Err` if the body is not wholly read.
    async fn answer(&self, request: Request<Incoming>, from: IpAddr) -> Result<HttpResponse, HttpResponse> {
        let origin = self.shared.state.origins().first().map_or("", String::as_str);
        let Some(mut whole) = head(&request, origin) else {
            return Err(refusal(RemoteCode::MethodNotAllowed, "the protocol uses GET, POST, PUT and DELETE"));
        };
        let length = request.body().size_hint().exact();
        let cap = gate::admit(&self.shared.state, &whole, length, self.shared.now())?;
        // Held until the answer is there: as long as the body is.
        let _room = self.room_for(length.unwrap_or(cap))?;
        whole.body = self.read(request.into_body(), cap).await?.into();
        let peer = peer(&whole, from, self.config.behind_proxy);
        Ok(perform::answer(&self.shared, whole, peer, self.stopped()).await)
    }

    /// Room for a body of `length` bytes, or the answer that there is none now.
    fn room_for(&self, length: u64) -> Result<Option<SemaphorePermit<'_>>, HttpResponse> {
        if length <= gate::SMALL {
            return Ok(None);
        }
        let needed = kibibytes(length).min(kibibytes(self.config.bodies));
        self.bodies.try_acquire_many(needed).map(Some).map_err(|_| {
            refusal(RemoteCode::Unavailable, "the broker has its hands full; nothing was changed, try again")
        })
    }

    async fn read(&self, body: Incoming, cap: u64) -> Result<Vec<u8>, HttpResponse> {
        let cap = usize::try_from(cap).unwrap_or(usize::MAX);
        let collected = tokio::time::timeout(self.config.body_timeout, Limited::new(body, cap).collect());
        match collected.await {
            Ok(Ok(body)) => Ok(body.to_bytes().into()),
            Ok(Err(error)) if error.is::<LengthLimitError>() => {
                Err(refusal(RemoteCode::TooLarge, &format!("the body is over its limit of {cap} bytes")))
            }
            Ok(Err(_)) => Err(refusal(RemoteCode::BadRequest, "the body ended before its length")),
            Err(_) => Err(refusal(RemoteCode::BadRequest, "the body came too slowly")),
        }
    }

    /// Resolves when the server is to stop: waits for news end then.
    async fn stopped(&self) {
        let mut stopping = self.stopping.clone();
        // An error means that the server is gone altogether.
        let _gone = stopping.wait_for(|stop| *stop).await;
    }
}

async fn keep_house<S: Store + Send + Sync + 'static>(front: Arc<Front<S>>) {
    loop {
        tokio::time::sleep(front.config.housekeeping).await;
        // A failure shows in the next request that needs the store.
        let _swept = perform::run(&front.shared, Guard::new(Housekeeping::new()), front.stopped()).await;
    }
}
