//! The local store: a user's partition over a durable engine, without any server.

use absio_blocking::BlockingHost;
use absio_proto::crypto::container::ContainerData;
use absio_proto::crypto::segment::{SegmentContext, SegmentDigest, SegmentKind, SegmentParameters};
use absio_proto::crypto::{CardChain, KdfPolicy, KeyFileContent, KeyRing, OpenKeyFile, Secret, WrapSecrets};
use absio_proto::driver::blocking::{Store, Transport};
use absio_proto::effect::{
    Commit, HttpRequest, HttpResponse, StoreError, StoreOp, TransportError, TransportErrorKind, Write,
};
use absio_proto::model::{ApiKey, ContainerId, Portion, Timestamp};
use absio_proto::ops::container::Create;
use absio_proto::ops::ofs::{Check, Enter};
use absio_proto::provider::{Provider, Standard, container::Get};
use absio_proto::{Config, Session, User};
use absio_store::{RedbStore, SledStore};
use std::path::Path;
use std::sync::Arc;

/// A store that may be used from many threads.
pub type Shared = Arc<dyn Store + Send + Sync>;

/// The engines, by name.
pub const ENGINES: [&str; 2] = ["redb", "sled"];

/// Opens the store at `root` with an engine.
///
/// # Errors
/// The store's own.
///
/// # Panics
/// For an engine that is none of [`ENGINES`].
pub fn open(engine: &str, root: &Path) -> Result<Shared, StoreError> {
    match engine {
        "redb" => RedbStore::open(root).map(|store| Arc::new(store) as Shared),
        "sled" => SledStore::open(root).map(|store| Arc::new(store) as Shared),
        other => panic!("there is no engine {other}"),
    }
}

/// There is no server in these benchmarks.
struct Nowhere;

impl Transport for Nowhere {
    fn exchange(&self, _request: HttpRequest) -> Result<HttpResponse, TransportError> {
        Err(TransportError::new(TransportErrorKind::Unreachable, "there is no server"))
    }
}

/// The same user at every call: their keys come of fixed randomness.
///
/// # Panics
/// Never: this randomness cannot fail, and the credentials differ.
#[must_use]
pub fn user() -> User {
    let mut entropy = crate::Entropy::new(11);
    let content = KeyFileContent {
        ring: KeyRing::generate(&mut entropy, Timestamp::from_millis(1_767_225_600_000))
            .expect("this randomness cannot fail"),
        reminder: String::new(),
        origin: "http://127.0.0.1:1".into(),
        api_key: ApiKey::from_bytes([1; 16]),
        store_secret: Secret::new([7; 32]),
    };
    let secrets = WrapSecrets::draw(&mut entropy).expect("this randomness cannot fail");
    let wraps = secrets
        .wrap(content.ring.user_id(), "Pass-word 1", "Pass-phrase 2", &KdfPolicy::default())
        .expect("the credentials differ");
    OpenKeyFile::seal_new(content, wraps, &mut entropy).expect("a new key file is small").into()
}

/// A user signed in to the local store.
pub struct Local {
    host: BlockingHost<Session>,
    /// Peers to be kept, one at each small write.
    peers: std::cell::RefCell<Vec<CardChain>>,
}

/// Small writes that a [`Local`] has peers for.
pub const SMALL_WRITES: u64 = 64;

impl Local {
    /// Opens the partition of `user` in `store`.
    ///
    /// # Panics
    /// If the store fails.
    #[must_use]
    pub fn enter(store: Shared, user: User) -> Self {
        let config = Config::new(ApiKey::from_bytes([1; 16]), "http://127.0.0.1:1").expect("loopback");
        let host = BlockingHost::new(Session::new(config), Arc::new(Nowhere)).with_store(store);
        host.run(Enter::new(user)).expect("the partition opens");
        Self { host, peers: Vec::new().into() }
    }

    /// Makes the peers of [`write_small`](Self::write_small), which is no part of what it measures.
    ///
    /// # Panics
    /// Never: this randomness cannot fail.
    #[must_use]
    pub fn with_peers(self) -> Self {
        let peer = |seed| {
            let ring = KeyRing::generate(&mut crate::Entropy::new(seed), Timestamp::from_millis(1));
            ring.expect("this randomness cannot fail").chain().clone()
        };
        self.peers.borrow_mut().extend((0..SMALL_WRITES).map(|number| peer(1_000 * (number + 1))));
        self
    }

    /// One record: the keys of a peer.
    ///
    /// # Panics
    /// If the store fails, or all the peers are kept.
    pub fn write_small(&self) {
        let peer = self.peers.borrow_mut().pop().expect("there are peers enough");
        self.host.run(Standard::Ofs.keep_public_keys(peer)).expect("the store takes it");
    }

    /// Keeps a new container of `content`.
    ///
    /// # Panics
    /// If the store fails.
    #[must_use]
    pub fn create(&self, content: Vec<u8>) -> ContainerId {
        let changed = self.host.run(Standard::Ofs.create_container(Create::new(content)));
        changed.expect("the store takes it").container.id.expect("a new container has an id")
    }

    /// Gets a container.
    ///
    /// # Panics
    /// If it is not there.
    #[must_use]
    pub fn get(&self, container: ContainerId, portion: Portion) -> usize {
        let got = self.host.run(Standard::Ofs.get_container(Get::new(container, portion)));
        got.expect("it is kept").container.content.map_or(0, |content| content.len())
    }

    /// Holds every record against the digest; gives how many there are.
    ///
    /// # Panics
    /// If they do not add up.
    #[must_use]
    pub fn check(&self) -> u64 {
        self.host.run(Check::new()).expect("nothing is lost").records
    }
}

/// What a get cannot do without: a segment in a file, read and opened by hand.
pub struct ByHand {
    file: std::path::PathBuf,
    context: SegmentContext,
    signed: SegmentDigest,
    secret: Secret<32>,
}

impl ByHand {
    /// A file of one sealed segment in `directory`.
    ///
    /// # Panics
    /// If the file cannot be written.
    #[must_use]
    pub fn new(directory: &Path, content: &[u8]) -> Self {
        let container = ContainerId::from_bytes([9; 16]);
        let context = SegmentContext { kind: SegmentKind::Content, container, epoch: 1 };
        let secret = Secret::new([5; 32]);
        let parameters = SegmentParameters::new(context, crate::bytes(12));
        let sealed = absio_proto::crypto::segment::seal_segment(parameters, &secret, content);
        let (segment, signed) = sealed.expect("it is short");
        let file = directory.join("segment");
        let data = ContainerData { header: None, content: Some(segment) };
        std::fs::write(&file, data.content.unwrap_or_default()).expect("the file is written");
        Self { file, context, signed, secret }
    }

    /// Reads the file and opens the segment.
    ///
    /// # Panics
    /// If somebody changed it.
    #[must_use]
    pub fn get(&self) -> usize {
        let segment = std::fs::read(&self.file).expect("the file is there");
        absio_proto::crypto::segment::open_segment(&segment, &self.context, &self.signed, &self.secret)
            .expect("it opens")
            .len()
    }
}

/// Fills an index with `count` records of another partition: random names, `length` bytes each.
///
/// # Panics
/// If the store fails.
pub fn fill(store: &Shared, count: u64, length: usize) {
    for first in (0..count).step_by(10_000) {
        let writes = (first..count.min(first + 10_000))
            .map(|number| Write::Put { key: foreign(number), value: vec![number as u8; length] });
        let commit = Commit { preconditions: Vec::new(), writes: writes.collect() };
        store.apply(StoreOp::Commit(commit)).expect("the store takes it");
    }
}

/// The name of a record that [`fill`] wrote.
#[must_use]
pub fn foreign(number: u64) -> Vec<u8> {
    crate::bytes::<40>(number + 1_000_000).to_vec()
}

/// The engine's own look-up.
///
/// # Panics
/// If the record is not there.
#[must_use]
pub fn look_up(store: &Shared, number: u64) -> usize {
    match store.apply(StoreOp::Get { keys: vec![foreign(number)] }) {
        Ok(absio_proto::effect::StoreOutcome::Values(values)) => {
            values.into_iter().next().flatten().expect("it was written").len()
        }
        _ => panic!("the store gives values"),
    }
}
