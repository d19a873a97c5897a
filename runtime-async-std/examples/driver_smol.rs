//! A whole driver for smol: what a program writes that wants neither this crate's client nor its host.
//! Only the network is a stand-in: a broker in this process.
//!
//! Run it with `cargo run -p absio-async-std --example driver_smol --features testing`.

use absio_async_std::{SystemEntropy, Unblocked};
use absio_broker::Fixture;
use absio_proto::crypto::KdfPolicy;
use absio_proto::driver::nonblocking::{Host, Transport, perform, run};
use absio_proto::effect::{
    ContentError, ContentOp, ContentOutcome, Effect, HttpRequest, HttpResponse, Job, Reply, StoreError,
    StoreErrorKind, StoreOp, StoreOutcome, TransportError,
};
use absio_proto::model::{Credentials, Portion, Timestamp};
use absio_proto::ops::container::Create;
use absio_proto::ops::user::LoginWith;
use absio_proto::provider::container::Get;
use absio_proto::provider::{Provider, Standard};
use absio_proto::{Config, Cx, Guard, Now, Operation, Session};
use smol::{Executor, Timer, unblock};
use std::time::{Duration, Instant, SystemTime};
use std::{error::Error, pin::Pin, sync::Mutex};

// The driver: from here …
struct Tasks<T> {
    session: Mutex<Session>,
    started: Instant,
    transport: T,
}

impl<T: Transport + Send + Sync> Host<Session> for Tasks<T> {
    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_, Session>) -> R) -> R {
        let utc = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
        let utc = Timestamp::from_millis(u64::try_from(utc).unwrap_or(u64::MAX));
        let now = Now { utc, monotonic: self.started.elapsed() };
        let mut session = self.session.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        turn(&mut Cx { now, entropy: &mut SystemEntropy, session: &mut session })
    }

    async fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.transport.exchange(request).await
    }

    async fn store(&self, _: StoreOp) -> Result<StoreOutcome, StoreError> {
        Err(StoreError::new(StoreErrorKind::Unavailable, "nothing is kept"))
    }

    async fn content(&self, _: ContentOp) -> Result<ContentOutcome, ContentError> {
        Err(ContentError { reason: "contents are in memory".into() })
    }

    async fn compute(&self, job: Job) -> Reply {
        unblock(|| job.run()).await
    }

    async fn sleep(&self, duration: Duration) {
        Timer::after(duration).await;
    }

    fn all(&self, members: Vec<Effect>) -> Pin<Box<dyn Future<Output = Vec<Reply>> + Send + '_>> {
        Box::pin(async move {
            let side_by_side = Executor::new();
            let tasks = members.into_iter().map(|member| side_by_side.spawn(perform(self, member)));
            let tasks: Vec<_> = tasks.collect();
            let all = async {
                let mut replies = Vec::new();
                for task in tasks {
                    replies.push(task.await);
                }
                replies
            };
            side_by_side.run(all).await
        })
    }
}
// … to here.

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let broker = Fixture::at_present();
    let config = Config::new(broker.api_key(), broker.origin())?;
    let config = config.kdf_policy(KdfPolicy::insecure_for_tests()); // not in a real program
    let session = Mutex::new(Session::new(config));
    let tasks = Tasks { session, started: Instant::now(), transport: Unblocked::new(broker) };
    smol::block_on(letters(&tasks))
}

async fn letters(tasks: &impl Host<Session>) -> Result<(), Box<dyn Error>> {
    let credentials = Credentials::new("Pass-word 1", "Pass-phrase 2");
    let alice = done(tasks, Standard::Server.create_user(credentials, None)).await?.value;
    let with = LoginWith::nothing().user(alice.clone());
    done(tasks, Standard::Server.login(alice.id(), with)).await?;
    let film = vec![7; 9 << 20]; // three parts, sent at once
    let made = done(tasks, Standard::Server.create_container(Create::new(film.clone()))).await?;
    let id = made.container.id.ok_or("no id")?;
    let got = done(tasks, Standard::Server.get_container(Get::new(id, Portion::All))).await?;
    println!("{} bytes came back", got.container.content.as_ref().map_or(0, Vec::len));
    if got.container.content.as_ref() == Some(&film) { Ok(()) } else { Err("it came out otherwise".into()) }
}

async fn done<O: Operation>(
    host: &impl Host<Session>,
    operation: O,
) -> Result<O::Output, absio_proto::Error> {
    run(&mut Guard::new(operation), host).await
}
