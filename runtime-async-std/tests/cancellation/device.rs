//! A device whose calls can be dropped before and after each of their effects.

use crate::people::{self, PASSPHRASE, PASSWORD, builder};
use absio_async_std::{Client, Unblocked};
use absio_broker::Fixture;
use absio_proto::User;
use absio_proto::driver::{blocking, nonblocking};
use absio_proto::effect::{HttpRequest, HttpResponse, StoreError, StoreOp, StoreOutcome, TransportError};
use absio_proto::model::{ContainerId, Portion};
use absio_proto::ops::container::Create;
use absio_proto::ops::user::LoginWith;
use absio_proto::provider::Standard;
use absio_store::MemoryStore;
use smol::block_on;
use smol::future::{or, pending};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

/// Burns down with every effect that begins or ends; at the end nothing goes on.
#[derive(Clone)]
pub(crate) struct Fuse {
    left: Arc<AtomicUsize>,
    burnt: smol::channel::Sender<()>,
    seen: smol::channel::Receiver<()>,
}

const NEVER: usize = usize::MAX;

impl Fuse {
    fn new() -> Self {
        let (burnt, seen) = smol::channel::unbounded();
        Self { left: Arc::new(AtomicUsize::new(NEVER)), burnt, seen }
    }

    async fn step(&self) {
        let burn = |left: usize| Some(if left == NEVER || left == 0 { left } else { left - 1 });
        if self.left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, burn) == Ok(0) {
            self.burnt.send(()).await.unwrap();
            pending::<()>().await;
        }
    }

    /// Drives `call` for `steps`, then drops it; its output if it was quicker.
    pub(crate) async fn drop_after<T>(&self, steps: usize, call: impl Future<Output = T>) -> Option<T> {
        self.left.store(steps, Ordering::SeqCst);
        let dropped = async {
            self.seen.recv().await.unwrap();
            None
        };
        let output = or(async { Some(call.await) }, dropped).await;
        self.left.store(NEVER, Ordering::SeqCst);
        while self.seen.try_recv().is_ok() {}
        output
    }
}

/// A backend that may be left before and after it did its work.
#[derive(Clone)]
pub(crate) struct Fused<T>(T, Fuse);

impl<T: blocking::Transport + Send + Sync> nonblocking::Transport for Fused<T> {
    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.1.step().await;
        let outcome = self.0.exchange(request);
        self.1.step().await;
        outcome
    }
}

impl<T: blocking::Store + Send + Sync> nonblocking::Store for Fused<T> {
    async fn apply(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        self.1.step().await;
        let outcome = self.0.apply(op);
        self.1.step().await;
        outcome
    }
}

/// A user on a device whose calls can be dropped, with a store that survives it.
pub(crate) struct Device {
    pub(crate) broker: Fixture,
    pub(crate) client: Client,
    pub(crate) user: User,
    pub(crate) fuse: Fuse,
    pub(crate) store: Arc<MemoryStore>,
}

impl Device {
    pub(crate) async fn join(broker: &Fixture) -> Self {
        let (fuse, store) = (Fuse::new(), Arc::new(MemoryStore::new()));
        let builder = builder(broker).transport(Fused(broker.clone(), fuse.clone()));
        let (client, user) = people::join_with(builder.store(Fused(store.clone(), fuse.clone()))).await;
        Self { broker: broker.clone(), client, user, fuse, store }
    }

    pub(crate) async fn write(&self, content: &[u8]) -> ContainerId {
        let made = self.client.container().create(Create::new(content.to_vec())).await.unwrap();
        made.container.id.unwrap()
    }

    pub(crate) async fn read(&self, id: ContainerId) -> Vec<u8> {
        self.client.container().get(id, Portion::All).await.unwrap().content.unwrap()
    }

    /// A device without a store: what is at the broker.
    pub(crate) async fn elsewhere(&self) -> Client {
        let client = builder(&self.broker).build().await.unwrap();
        client.login(self.user.id(), LoginWith::nothing().passphrase(PASSPHRASE)).await.unwrap();
        client
    }

    /// A later program, without the broker, on the store of this one.
    pub(crate) async fn later(&self) -> Client {
        self.broker.set_stopped(true);
        let later = builder(&self.broker).store(Unblocked::from(self.store.clone())).build().await.unwrap();
        let signed_in = later.sign_in(self.user.id(), LoginWith::nothing().password(PASSWORD)).await.unwrap();
        assert!(signed_in.is_offline);
        self.broker.set_stopped(false);
        later.under(Standard::Ofs)
    }

    /// What is kept opens in a later program and is `content`.
    pub(crate) async fn keeps(&self, id: ContainerId, content: &[u8]) {
        let kept = self.later().await.container().get(id, Portion::All).await.unwrap();
        assert_eq!(kept.content.as_deref(), Some(content));
    }
}

/// Tries `attempt` with ever more steps until it ends undropped; says how many there were.
pub(crate) fn at_every_step(mut attempt: impl AsyncFnMut(usize) -> bool) -> usize {
    block_on(async {
        for steps in 0..500 {
            if attempt(steps).await {
                return steps;
            }
        }
        panic!("it never ends");
    })
}
