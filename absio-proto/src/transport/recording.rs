//! The transport that tells what passes through it.

use super::exchange::{Exchange, Exchanged};
use crate::driver::{blocking, nonblocking};
use crate::effect::{HttpRequest, HttpResponse, TransportError};
use core::future::Future;
use std::sync::mpsc::{self, Receiver};

/// A transport around another one that tells an observer of every exchange when it is over. It changes
/// nothing. Exchanges that are under way at once are told in the order in which they end.
///
/// ```
/// # use absio_proto::driver::blocking::Transport;
/// # use absio_proto::effect::{HttpRequest, HttpResponse, Method, TransportError};
/// # struct Broker;
/// # impl Transport for Broker {
/// #     fn exchange(&self, _: HttpRequest) -> Result<HttpResponse, TransportError> {
/// #         Ok(HttpResponse { status: 200, headers: vec![], body: vec![1, 2, 3] })
/// #     }
/// # }
/// use absio_proto::transport::Recording;
///
/// let (transport, kept) = Recording::kept(Broker);
/// // ... give `transport` to a client, and let it work ...
/// # let request = HttpRequest {
/// #     method: Method::Get,
/// #     origin: "https://broker.example".into(),
/// #     path: "/v1/info".into(),
/// #     headers: vec![("authorization".into(), "Bearer secret".into())],
/// #     body: Default::default(),
/// #     deadline: std::time::Duration::from_secs(1),
/// #     max_response: 100,
/// # };
/// # transport.exchange(request)?;
/// let lines: Vec<String> = kept.take().iter().map(ToString::to_string).collect();
/// assert_eq!(lines, ["GET /v1/info [authorization] -> 200 3 bytes"]);
/// # Ok::<(), TransportError>(())
/// ```
pub struct Recording<T> {
    transport: T,
    observer: Observer,
}

enum Observer {
    Redacted(Box<dyn Fn(&Exchanged) + Send + Sync>),
    Whole(Box<dyn Fn(Exchange) + Send + Sync>),
}

/// What is held of a request until there is an answer.
enum Asked {
    Redacted(Exchanged),
    Whole(HttpRequest),
}

impl<T> Recording<T> {
    /// Tells `observer` of every exchange. It is called on whatever thread performed the exchange, so it
    /// should be quick.
    pub fn new(transport: T, observer: impl Fn(&Exchanged) + Send + Sync + 'static) -> Self {
        Self { transport, observer: Observer::Redacted(Box::new(observer)) }
    }

    /// Keeps every exchange as it may be printed.
    #[must_use]
    pub fn kept(transport: T) -> (Self, Kept<Exchanged>) {
        let (sender, receiver) = mpsc::channel();
        // That nobody listens any more is no failure of the exchange.
        let observer = move |exchanged: &Exchanged| drop(sender.send(exchanged.clone()));
        (Self::new(transport, observer), Kept(receiver))
    }

    /// Keeps every exchange whole, **secrets and all**: for [`Replaying`](super::Replaying), and with
    /// test accounts only.
    #[must_use]
    pub fn with_secrets(transport: T) -> (Self, Kept<Exchange>) {
        let (sender, receiver) = mpsc::channel();
        let observer = move |exchange| drop(sender.send(exchange));
        (Self { transport, observer: Observer::Whole(Box::new(observer)) }, Kept(receiver))
    }

    /// The transport inside.
    pub const fn inner(&self) -> &T {
        &self.transport
    }

    fn asked(&self, request: &HttpRequest) -> Asked {
        match self.observer {
            Observer::Redacted(_) => Asked::Redacted(Exchanged::asked(request)),
            Observer::Whole(_) => Asked::Whole(request.clone()),
        }
    }

    fn tell(&self, asked: Asked, outcome: &Result<HttpResponse, TransportError>) {
        match (&self.observer, asked) {
            (Observer::Redacted(observer), Asked::Redacted(asked)) => observer(&asked.answered(outcome)),
            (Observer::Whole(observer), Asked::Whole(request)) => {
                observer(Exchange { request, outcome: outcome.clone() });
            }
            // Both come from the same observer.
            _ => {}
        }
    }
}

impl<T: blocking::Transport> blocking::Transport for Recording<T> {
    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let asked = self.asked(&request);
        let outcome = self.transport.exchange(request);
        self.tell(asked, &outcome);
        outcome
    }
}

/// A task that is dropped before its answer came is not told of.
impl<T: nonblocking::Transport + Sync> nonblocking::Transport for Recording<T> {
    fn exchange(
        &self,
        request: HttpRequest,
    ) -> impl Future<Output = Result<HttpResponse, TransportError>> + Send {
        let asked = self.asked(&request);
        async move {
            let outcome = self.transport.exchange(request).await;
            self.tell(asked, &outcome);
            outcome
        }
    }
}

/// What a [`Recording`] kept. It grows until it is taken, or dropped: then nothing is kept any more.
pub struct Kept<E>(Receiver<E>);

impl<E> Kept<E> {
    /// Everything kept since the last call, in order.
    #[must_use]
    pub fn take(&self) -> Vec<E> {
        self.0.try_iter().collect()
    }
}
