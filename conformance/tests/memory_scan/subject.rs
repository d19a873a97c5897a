//! The story of the process that is scanned: the real operations and the real loop, a durable local
//! store, a broker in the same process, and randomness that remembers, masked, what it gave.

use crate::masked::Masked;
use absio_broker::Fixture;
use absio_proto::crypto::KdfPolicy;
use absio_proto::driver::blocking::{self, Host, Store, Transport};
use absio_proto::effect::{
    ContentError, ContentOp, ContentOutcome, HttpRequest, HttpResponse, StoreError, StoreOp, StoreOutcome,
    TransportError, Write,
};
use absio_proto::model::{Credentials, Portion, Timestamp};
use absio_proto::ops::container::Create;
use absio_proto::ops::user::LoginWith;
use absio_proto::provider::container::Get;
use absio_proto::provider::{Provider, Standard};
use absio_proto::{BoxOp, Config, Cx, Entropy, EntropyError, Guard, Now, Session};
use absio_store::RedbStore;
use absio_store::system::SystemEntropy;
use data_encoding::BASE64URL_NOPAD;
use std::cell::RefCell;
use std::hint::black_box;
use std::io::Write as _;
use std::time::Duration;

/// The variable that tells a child what to do: `forget`, or `keep` a copy of each secret.
pub(crate) const MODE: &str = "ABSIO_MEMORY_SCAN";
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
    /// All that was ever given to the store.
    written: RefCell<Vec<Vec<u8>>>,
    state: RefCell<(Session, Remembering)>,
}

impl Host<Session> for Here<'_> {
    fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_, Session>) -> R) -> R {
        let (session, entropy) = &mut *self.state.borrow_mut();
        // The time at which a fixture begins, and stays.
        let now = Now { utc: Timestamp::from_millis(1_767_225_600_000), monotonic: Duration::from_secs(9) };
        turn(&mut Cx { now, entropy, session })
    }

    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.broker.exchange(request)
    }

    fn store(&self, op: StoreOp) -> Result<StoreOutcome, StoreError> {
        let mut written = self.written.borrow_mut();
        match &op {
            StoreOp::Commit(commit) => written.extend(commit.writes.iter().filter_map(|write| match write {
                Write::Put { value, .. } | Write::Append { value, .. } => Some(value.clone()),
                Write::Delete { .. } => None,
            })),
            StoreOp::BlobWrite { bytes, .. } => written.push(bytes.to_vec()),
            StoreOp::CellWrite { bytes, .. } => written.push(bytes.clone()),
            _ => {}
        }
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
    // What the runner of tests says of this one has no end yet.
    writeln!(output).unwrap();
    for (name, secret) in secrets {
        writeln!(output, "secret {} {name}", secret.to_hex()).unwrap();
    }
    writeln!(output, "stop {stage}").unwrap();
    output.flush().unwrap();
    std::io::stdin().read_line(&mut String::new()).unwrap();
}

/// All that left the process: what was sent and answered, and what was stored. Salts are in it, keys are not.
fn public(host: &Here<'_>) -> Vec<Vec<u8>> {
    let mut public = host.written.borrow().clone();
    for exchange in host.broker.recorded() {
        public.push(exchange.request.body.to_vec());
        public.extend(exchange.outcome.ok().map(|response| response.body));
    }
    // Nonces travel as text inside of JSON.
    let texts = public.iter().flat_map(|bytes| bytes.split(|byte| *byte == b'"'));
    let decoded: Vec<_> = texts.filter_map(|text| BASE64URL_NOPAD.decode(text).ok()).collect();
    public.extend(decoded.into_iter().filter(|bytes| bytes.len() >= 32));
    public
}

/// Signs up, signs in, creates and reads; gives the secrets that were drawn and shown to nobody.
fn play(host: &Here<'_>) -> Vec<(String, Masked)> {
    let provider = Standard::ServerCacheOfs;
    let (password, passphrase) = (Masked::of(PASSWORD).plain(), Masked::of(PASSPHRASE).plain());
    let made =
        host.run(provider.create_user(Credentials::new(password.text(), passphrase.text()), None)).value;
    let user = made.id();
    drop(made);
    host.run(
        provider.login(user, LoginWith::nothing().password(password.text()).passphrase(passphrase.text())),
    );
    let content = Masked::of(CONTENT);
    let create = Create::new(content.plain().to_vec()).header(true.into()).container_type("note");
    let changed = host.run(provider.create_container(create));
    let container = changed.container.id.unwrap();
    wipe(changed.container.content);
    let got = host.run(provider.get_container(Get::new(container, Portion::All)));
    assert!(content.is_in(got.container.content.as_ref().unwrap()));
    wipe(got.container.content);
    let public = public(host);
    let mut drawn = host.state.borrow().1.0.clone();
    drawn.retain(|secret| !public.iter().any(|bytes| secret.is_in(bytes)));
    assert!(drawn.len() >= 4, "two private keys and the keys of a container were drawn");
    // A text that grew while it was written leaves pieces of it, whose first bytes the allocator overwrites.
    let named = [
        ("password", PASSWORD),
        ("password piece", &PASSWORD[16..30]),
        ("passphrase", PASSPHRASE),
        ("passphrase piece", &PASSPHRASE[16..30]),
        ("content", CONTENT),
    ];
    let named = named.map(|(name, masked)| (name.to_owned(), Masked::of(masked)));
    let numbered = drawn.into_iter().enumerate().map(|(number, secret)| {
        // In the order of the story: the two private seeds, the store's secret, the key of the key file.
        let name = if number < 4 { "user" } else { "container" };
        (format!("{name} {number}"), secret)
    });
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
    let (broker, folder) = (Fixture::new(), tempfile::tempdir().unwrap());
    broker.record();
    let store = RedbStore::open(folder.path().join("root")).unwrap();
    let config = Config::new(broker.api_key(), broker.origin()).unwrap();
    let session = Session::new(config.kdf_policy(KdfPolicy::insecure_for_tests()));
    let host = Here {
        broker: &broker,
        store: &store,
        written: RefCell::default(),
        state: RefCell::new((session, Remembering::default())),
    };
    let secrets = play(&host);
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
