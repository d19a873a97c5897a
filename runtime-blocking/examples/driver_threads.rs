//! A whole driver for plain threads, of the standard library alone: what a program writes that wants
//! neither this crate's client nor its pool. Only the network is a stand-in: a broker in this process.
//!
//! Run it with `cargo run -p absio-blocking --example driver_threads --features testing`.

use absio_broker::Fixture;
use absio_proto::crypto::KdfPolicy;
use absio_proto::driver::blocking::{Host, Transport, perform, run};
use absio_proto::effect::{
    ContentError, ContentOp, ContentOutcome, Effect, HttpRequest, HttpResponse, Reply, StoreError,
    StoreErrorKind, StoreOp, StoreOutcome, TransportError,
};
use absio_proto::model::{Credentials, Portion, Timestamp};
use absio_proto::ops::container::Create;
use absio_proto::ops::user::LoginWith;
use absio_proto::provider::container::Get;
use absio_proto::provider::{Provider, Standard};
use absio_proto::{Config, Cx, Entropy, EntropyError, Guard, Now, Operation, Session};
use std::time::{Duration, Instant, SystemTime};
use std::{error::Error, fs::File, io::Read, sync::Mutex, thread};

// The driver: from here …
struct Threads<T> {
    session: Mutex<Session>,
    started: Instant,
    transport: T,
}

struct Random;

impl Entropy for Random {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        File::open("/dev/urandom").and_then(|mut file| file.read_exact(buffer)).map_err(|_| EntropyError)
    }
}

impl<T: Transport + Sync> Host<Session> for Threads<T> {
    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_, Session>) -> R) -> R {
        let utc = SystemTime::UNIX_EPOCH.elapsed().unwrap_or_default().as_millis();
        let utc = Timestamp::from_millis(u64::try_from(utc).unwrap_or(u64::MAX));
        let now = Now { utc, monotonic: self.started.elapsed() };
        let mut session = self.session.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        turn(&mut Cx { now, entropy: &mut Random, session: &mut session })
    }

    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.transport.exchange(request)
    }

    fn store(&self, _: StoreOp) -> Result<StoreOutcome, StoreError> {
        Err(StoreError::new(StoreErrorKind::Unavailable, "nothing is kept"))
    }

    fn content(&self, _: ContentOp) -> Result<ContentOutcome, ContentError> {
        Err(ContentError { reason: "contents are in memory".into() })
    }

    fn sleep(&self, duration: Duration) {
        thread::sleep(duration);
    }

    fn all(&self, members: Vec<Effect>) -> Vec<Reply> {
        thread::scope(|scope| {
            let started: Vec<_> =
                members.into_iter().map(|member| scope.spawn(|| perform(self, member))).collect();
            started.into_iter().filter_map(|thread| thread.join().ok()).collect()
        })
    }
}
// … to here.

pub(crate) fn main() -> Result<(), Box<dyn Error>> {
    let broker = Fixture::at_present();
    let config = Config::new(broker.api_key(), broker.origin())?;
    let config = config.kdf_policy(KdfPolicy::insecure_for_tests()); // not in a real program
    let session = Mutex::new(Session::new(config));
    let threads = Threads { session, started: Instant::now(), transport: broker };

    let credentials = Credentials::new("Pass-word 1", "Pass-phrase 2");
    let alice = done(&threads, Standard::Server.create_user(credentials, None))?.value;
    let with = LoginWith::nothing().user(alice.clone());
    done(&threads, Standard::Server.login(alice.id(), with))?;
    let film = vec![7; 9 << 20]; // three parts, sent at once
    let made = done(&threads, Standard::Server.create_container(Create::new(film.clone())))?;
    let id = made.container.id.ok_or("no id")?;
    let got = done(&threads, Standard::Server.get_container(Get::new(id, Portion::All)))?;
    println!("{} bytes came back", got.container.content.as_ref().map_or(0, Vec::len));
    if got.container.content.as_ref() == Some(&film) { Ok(()) } else { Err("it came out otherwise".into()) }
}

fn done<O: Operation>(host: &impl Host<Session>, operation: O) -> Result<O::Output, absio_proto::Error> {
    run(&mut Guard::new(operation), host)
}
