//! Every client of the crate, for cases that must come out the same with each.
#![allow(dead_code, clippy::unwrap_used)]

#[cfg(feature = "async-std")]
use absio_async_std::AsyncStd;
use absio_async_std::HttpTransport;
#[cfg(feature = "surf")]
use absio_async_std::SurfTransport;
use absio_proto::driver::nonblocking::Transport;
use absio_proto::effect::{HttpRequest, HttpResponse, Method, TransportError, TransportErrorKind};
use std::time::Duration;

#[derive(Clone)]
pub(crate) enum Client {
    Own(HttpTransport),
    #[cfg(feature = "async-std")]
    AsyncStd(HttpTransport<AsyncStd>),
    #[cfg(feature = "surf")]
    Surf(SurfTransport),
}

impl Transport for Client {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        match self {
            Self::Own(transport) => transport.exchange(request).await,
            #[cfg(feature = "async-std")]
            Self::AsyncStd(transport) => transport.exchange(request).await,
            #[cfg(feature = "surf")]
            Self::Surf(transport) => transport.exchange(request).await,
        }
    }
}

impl Client {
    pub(crate) fn name(&self) -> &'static str {
        match self {
            Self::Own(_) => "own",
            #[cfg(feature = "async-std")]
            Self::AsyncStd(_) => "async-std",
            #[cfg(feature = "surf")]
            Self::Surf(_) => "surf",
        }
    }

    /// Under smol, on this thread.
    pub(crate) fn run(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        smol::block_on(self.exchange(request))
    }

    /// The same, where no answer is expected.
    pub(crate) fn kind(&self, request: HttpRequest) -> TransportErrorKind {
        self.run(request).unwrap_err().kind
    }
}

pub(crate) fn clients() -> Vec<Client> {
    vec![
        Client::Own(HttpTransport::new()),
        #[cfg(feature = "async-std")]
        Client::AsyncStd(HttpTransport::builder().runtime(AsyncStd).build()),
        #[cfg(feature = "surf")]
        Client::Surf(SurfTransport::new()),
    ]
}

/// Plays a case with each client.
pub(crate) fn each(case: impl Fn(&Client)) {
    for client in clients() {
        // Shown when the case fails.
        println!("client: {}", client.name());
        case(&client);
    }
}

pub(crate) fn request(origin: &str) -> HttpRequest {
    HttpRequest {
        method: Method::Get,
        origin: origin.to_owned(),
        path: "/v1/info".into(),
        headers: vec![("absio-api-key".into(), "k".into())],
        body: absio_proto::effect::Body::new(),
        deadline: Duration::from_secs(20),
        max_response: 1 << 20,
    }
}

/// A request that sends `body`.
pub(crate) fn sending(method: Method, body: &[u8], origin: &str) -> HttpRequest {
    HttpRequest { method, body: body.to_vec().into(), ..request(origin) }
}
