//! The story of the process that is scanned: the real operations and the real loop, a durable local
//! store, a broker in the same process, and randomness that remembers, masked, what it gave.

use crate::masked::Masked;
use absio_broker::Fixture;
use absio_proto::crypto::KdfPolicy;
use absio_proto::driver::blocking::{self, Host, Store, Transport};
use absio_proto::effect::{
    ContentError, ContentOp, ContentOutcome, HttpRequest, HttpResponse, StoreError, StoreOp, StoreOutcome,
    TransportError,
};
use absio_proto::model::{Credentials, Portion, Timestamp};
use absio_proto::ops::container::{Create, Get};
use absio_proto::ops::user::LoginWith;
use absio_proto::provider::{Provider, Standard};
use absio_proto::{BoxOp, Config, Cx, Entropy, EntropyError, Guard, Now, Session};
use absio_store::RedbStore;
use absio_store::system::SystemEntropy;
use std::cell::RefCell;
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

/// The variable that tells a child what to do: `forget`, or `keep` a copy of each secret.
pub const MODE: &str = "ABSIO_MEMORY_SCAN";
const PASSWORD: &[u8] = &Masked::text(*b"Pa55word-marker-of-the-memory-scan");
const PASSPHRASE: &[u8] = &Masked::text(*b"A passphrase that marks memory, 1 of 1");
const CONTENT: &[u8] = &Masked::text(*b"the content which nobody may find in memory afterwards");

/// Randomness from the system that remembers what may be a key.
#[derive(Default)]
struct Remembering(Vec<Masked>);

impl Entropy for Remembering {
    fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError> {
        SystemEntropy.fill(buffer)?;
        if buffer.len() >= 32 {
            self.0.extend(buffer.chunks_exact(32).map(Masked::from_plain));
        }
        Ok(())
    }
}

struct Here<'a> {
    broker: &'a Fixture,
    store: &'a RedbStore,
    state: RefCell<(Session, Remembering)>,
}

impl Host<Session> for Here<'_> {
    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_, Session>) -> R) -> R {
        let (session, entropy) = &mut *self.state.borrow_mut();
        let now = Now { utc: Timestamp::from_millis(1_767_225_600_000), monotonic: Duration::from_secs(9) };
        turn(&mut Cx { now, entropy, session })
    }

    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.broker.exchange(request)
    }

    fn store(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        self.store.apply(op)
    }

    fn content(&self, _op: ContentOp) -> Result<ContentOutcome, ContentError> {
        Err(ContentError { reason: "there is no content here".into() })
    }

    fn sleep(&self, _duration: Duration) {}
}

impl Here<'_> {
    fn run<T>(&self, operation: BoxOp<T>) -> T {
        blocking::run(&mut Guard::new(operation), self).unwrap()
    }
}

/// Tells `secrets` to the parent, stops, and goes on when it says so.
fn stop(stage: &str, secrets: &[(String, Masked)], has_parent: bool) {
    if !has_parent {
        return;
    }
    let mut output = std::io::stdout().lock();
    for (name, secret) in secrets {
        writeln!(output, "secret {} {name}", secret.to_hex()).unwrap();
    }
    writeln!(output, "stop {stage}").unwrap();
    output.flush().unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

/// All that left the process: what was sent and answered, and the files of the local store.
fn public(broker: &Fixture, folder: &Path) -> Vec<Vec<u8>> {
    let mut public: Vec<Vec<u8>> = Vec::new();
    for exchange in broker.recorded() {
        public.push(exchange.request.body.to_vec());
        public.extend(exchange.response.map(|response| response.body));
    }
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() { folders.push(path) } else { public.push(std::fs::read(path).unwrap()) }
        }
    }
    public
}

/// Signs up, signs in, creates and reads; gives the secrets that were drawn and shown to nobody.
fn play(host: &Here<'_>, folder: &Path) -> Vec<(String, Masked)> {
    let provider = Standard::ServerCacheOfs;
    let (password, passphrase) = (Masked::of(PASSWORD).plain_text(), Masked::of(PASSPHRASE).plain_text());
    let made = host.run(provider.create_user(Credentials::new(&password, &passphrase), None)).value;
    let user = made.id();
    drop(made);
    host.run(provider.login(user, LoginWith::nothing().password(&password).passphrase(&passphrase)));
    let content = Masked::of(CONTENT);
    let create = Create::new(content.plain().to_vec()).header(true.into()).container_type("note");
    let changed = host.run(provider.create_container(create));
    let container = changed.container.id.unwrap();
    wipe(changed.container.content);
    let got = host.run(provider.get_container(Get::new(container, Portion::All)));
    assert!(content.is_in(got.container.content.as_ref().unwrap()));
    wipe(got.container.content);
    let public = public(host.broker, folder);
    let mut drawn = host.state.borrow().1.0.clone();
    drawn.retain(|secret| !public.iter().any(|bytes| secret.is_in(bytes)));
    drawn.sort();
    drawn.dedup();
    assert!(drawn.len() >= 4, "two private keys and the keys of a container were drawn");
    let named = [("password", PASSWORD), ("passphrase", PASSPHRASE), ("content", CONTENT)];
    let named = named.map(|(name, masked)| (name.to_owned(), Masked::of(masked)));
    let numbered = drawn.into_iter().enumerate().map(|(number, secret)| (format!("drawn {number}"), secret));
    named.into_iter().chain(numbered).collect()
}

/// What a caller does with a content that was a secret.
fn wipe(content: Option<Vec<u8>>) {
    let mut content = content.unwrap_or_default();
    content.fill(0);
    black_box(&content);
}

#[test]
fn the_story_is_played() {
    let mode = std::env::var(MODE).ok();
    let (broker, folder) = (Fixture::at_present(), tempfile::tempdir().unwrap());
    broker.record();
    let root = folder.path().join("root");
    let store = RedbStore::open(&root).unwrap();
    let config = Config::new(broker.api_key(), broker.origin()).unwrap();
    let session = Session::new(config.kdf_policy(KdfPolicy::insecure_for_tests()));
    let host =
        Here { broker: &broker, store: &store, state: RefCell::new((session, Remembering::default())) };
    let secrets = play(&host, &root);
    let kept: Vec<Vec<u8>> = match mode.as_deref() {
        Some("keep") => secrets.iter().map(|(_, secret)| secret.plain().to_vec()).collect(),
        _ => Vec::new(),
    };
    stop("signed in", &secrets, mode.is_some());
    host.run(Standard::ServerCacheOfs.logout());
    drop(host);
    drop(store);
    stop("signed out", &[], mode.is_some());
    black_box(&kept);
}
