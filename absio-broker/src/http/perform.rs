//! Runs the handler: on a blocking thread while it works, on a timer while it waits.

use super::convert::refusal;
use crate::handler::Handler;
use crate::host::LocalHost;
use crate::state::BrokerState;
use absio_proto::driver::blocking::{Host, Store, perform};
use absio_proto::effect::{Effect, HttpRequest, HttpResponse, Reply, SleepCall};
use absio_proto::{Error, Guard, Operation, RemoteCode, Step};
use absio_store::system::Machine;
use core::future::Future;
use core::time::Duration;
use std::net::IpAddr;
use std::sync::Arc;
use tokio::sync::Semaphore;

/// What all requests share.
pub(super) struct Shared<S> {
    pub(super) state: BrokerState,
    pub(super) store: S,
    pub(super) machine: Machine,
    /// Turns for threads to work on.
    pub(super) working: Semaphore,
}

/// How long a request waits for its turn before it is told to come back.
const PATIENCE: Duration = Duration::from_secs(15);

/// Why an operation was not run to its end.
#[derive(Clone, Copy, Debug)]
pub(super) enum Stop {
    /// The server stopped while it waited for news.
    Stopping,
    /// It got no turn in time; nothing of it ran, or it only waited.
    Overloaded,
    /// It panicked or broke the contract.
    Failed,
}

enum Pause<O: Operation<BrokerState>> {
    Done(Result<O::Output, Error>),
    Sleep(Box<O>, SleepCall),
}

/// Runs `operation` until it is done or wants to wait. Blocks.
fn advance<S: Store, O: Operation<BrokerState>>(
    shared: &Shared<S>,
    mut operation: Box<O>,
    mut reply: Option<Reply>,
) -> Pause<O> {
    let mut entropy = &shared.machine;
    let host = LocalHost::new(&shared.store, &shared.machine, shared.state.clone(), &mut entropy);
    loop {
        match host.lend(|cx| operation.resume(cx, reply.take())) {
            Step::Done(result) => return Pause::Done(result),
            Step::Effect(Effect::Sleep(call)) => return Pause::Sleep(operation, call),
            Step::Effect(effect) => reply = Some(perform(&host, effect)),
        }
    }
}

/// Runs `operation` on blocking threads.
pub(super) async fn run<S, O>(
    shared: &Arc<Shared<S>>,
    operation: O,
    stop: impl Future<Output = ()>,
) -> Result<O::Output, Stop>
where
    S: Store + Send + Sync + 'static,
    O: Operation<BrokerState> + Send + 'static,
    O::Output: Send,
{
    let mut stop = core::pin::pin!(stop);
    let mut next = (Box::new(operation), None);
    loop {
        let turn = tokio::time::timeout(PATIENCE, shared.working.acquire()).await;
        let (Ok(Ok(turn)), (operation, reply)) = (turn, next) else { return Err(Stop::Overloaded) };
        let lent = shared.clone();
        let worked = tokio::task::spawn_blocking(move || advance(&*lent, operation, reply)).await;
        drop(turn);
        match worked.map_err(|_| Stop::Failed)? {
            Pause::Done(result) => return result.map_err(|_| Stop::Failed),
            Pause::Sleep(operation, call) => {
                tokio::select! {
                    () = tokio::time::sleep(call.duration()) => next = (operation, Some(call.reply())),
                    () = &mut stop => return Err(Stop::Stopping),
                }
            }
        }
    }
}

/// The broker's answer to a whole request.
pub(super) async fn answer<S: Store + Send + Sync + 'static>(
    shared: &Arc<Shared<S>>,
    request: HttpRequest,
    peer: IpAddr,
    stop: impl Future<Output = ()>,
) -> HttpResponse {
    let (code, message) = match run(shared, Guard::new(Handler::new(request, Some(peer))), stop).await {
        Ok(response) => return response,
        Err(Stop::Stopping) => {
            (RemoteCode::Unavailable, "the broker is stopping; nothing was changed, try again")
        }
        Err(Stop::Overloaded) => {
            (RemoteCode::Unavailable, "the broker is overloaded; nothing was changed, try again")
        }
        Err(Stop::Failed) => (RemoteCode::Internal, "the broker failed to answer; tell its operator"),
    };
    refusal(code, message)
}

impl<S> Shared<S> {
    pub(super) fn now(&self) -> absio_proto::model::Timestamp {
        self.machine.now().utc
    }
}
