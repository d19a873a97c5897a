//! A third runtime expands the list of methods: everything that `absio_proto::client` asks for, and no more.
//! It blocks, its network is a line of text, and it keeps nothing.
#![allow(dead_code, unexpected_cfgs, unreachable_pub, missing_docs, clippy::unwrap_used)]
#![allow(clippy::disallowed_types, reason = "the core shares nothing, runtimes do")]

mod client {
    mod builder {
        use super::{Chosen, Client, Host, SharedTransport, default_transport, open};
        use absio_proto::driver::blocking::{Store, Transport};

        #[derive(Debug, Clone, PartialEq, Eq)]
        pub struct TransportSetupError;

        impl std::fmt::Display for TransportSetupError {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("it reads no certificates")
            }
        }

        absio_proto::setup_error! {}
        absio_proto::builder_methods! { [] [] }
    }

    mod calls {
        use super::{Client, ClientBuilder, Containers, KeyFiles, NoContent, Users};
        use absio_proto::driver::blocking::Content;

        absio_proto::client_methods! { [] [] third [&mut dyn Content] }
    }

    mod scope {
        use super::{Client, Reports, reports};
        use std::path::Path;
        use std::sync::Arc;

        absio_proto::scope_methods! { [] [] third FnOnce }
    }

    mod user {
        use super::Client;

        absio_proto::user_methods! { [] [] third }
    }

    mod key_file {
        use super::Client;

        absio_proto::key_file_methods! { [] [] third }
    }

    mod container {
        use super::{Client, ContentReader};
        use absio_proto::driver::blocking::Content;
        use absio_proto::effect::ContentError;

        absio_proto::container_methods! { [] [] third [&mut dyn Content] }

        struct Counted<'s> {
            sink: &'s mut dyn Content,
            written: bool,
        }

        impl Content for Counted<'_> {
            fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
                self.sink.read_at(offset, length)
            }

            fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
                self.written = true;
                self.sink.write_at(offset, bytes)
            }
        }
    }

    pub use builder::{ClientBuilder, TransportSetupError};
    pub use container::Containers;
    pub use key_file::KeyFiles;
    pub use user::Users;

    use absio_proto::driver::blocking::{self, Content, Store, Transport};
    use absio_proto::effect::*;
    use absio_proto::model::Timestamp;
    use absio_proto::ops::container::ContentRanges;
    use absio_proto::provider::{Options, Provider};
    use absio_proto::{Cx, Entropy, EntropyError, Error, Guard, Now, Operation, Session};
    use std::path::{Path, PathBuf};
    use std::sync::{Arc, Mutex};
    use std::time::Duration;

    pub struct NoContent;

    impl Content for NoContent {
        fn read_at(&mut self, _offset: u64, _length: usize) -> Result<Vec<u8>, ContentError> {
            Err(ContentError { reason: "there is none".into() })
        }

        fn write_at(&mut self, _offset: u64, _bytes: Vec<u8>) -> Result<(), ContentError> {
            Err(ContentError { reason: "there is none".into() })
        }
    }

    pub struct Reports;

    struct Sender;

    impl Sender {
        fn send(&self, _progress: Progress) {}
    }

    fn reports() -> (Sender, Reports) {
        (Sender, Reports)
    }

    pub struct ContentReader(Client, ContentRanges);

    impl ContentReader {
        fn new(client: Client, ranges: ContentRanges) -> Self {
            Self(client, ranges)
        }
    }

    #[derive(Clone)]
    pub struct Client {
        host: Arc<Host>,
        provider: Arc<dyn Provider>,
        options: Options,
        watch: Arc<dyn Fn(Progress) + Send + Sync>,
        quarantined: Option<Arc<Path>>,
    }

    type SharedTransport = Arc<dyn Transport + Send + Sync>;
    type SharedStore = Arc<dyn Store + Send + Sync>;

    fn default_transport(_authorities: Vec<u8>) -> Result<SharedTransport, TransportSetupError> {
        Err(TransportSetupError)
    }

    enum Chosen {
        None,
        Own(SharedStore),
    }

    struct Opened {
        store: Option<SharedStore>,
        quarantined: Option<PathBuf>,
    }

    fn open(chosen: Chosen) -> Result<Opened, StoreError> {
        let store = match chosen {
            Chosen::None => None,
            Chosen::Own(store) => Some(store),
        };
        Ok(Opened { store, quarantined: None })
    }

    type Clock = Box<dyn Fn() -> Now + Send + Sync>;

    struct Host(Mutex<Session>, SharedTransport, Option<Clock>);

    impl Host {
        fn of(session: Session, transport: SharedTransport, _store: Option<SharedStore>) -> Self {
            Self(Mutex::new(session), transport, None)
        }

        fn with_machine(self, now: Clock, _entropy: Box<dyn Entropy + Send>) -> Self {
            Self(self.0, self.1, Some(now))
        }

        fn now(&self) -> Now {
            let epoch = Now { utc: Timestamp::from_millis(0), monotonic: Duration::ZERO };
            self.2.as_ref().map_or(epoch, |now| now())
        }

        fn session<R>(&self, look: impl FnOnce(&Session) -> R) -> R {
            look(&self.0.lock().unwrap())
        }

        fn run<O: Operation>(&self, operation: O) -> Result<O::Output, Error> {
            blocking::run(&mut Guard::new(operation), self)
        }

        fn run_watched<O: Operation>(
            &self,
            operation: O,
            _content: &mut dyn Content,
            _watch: &dyn Fn(Progress),
        ) -> Result<O::Output, Error> {
            self.run(operation)
        }
    }

    struct Zeros;

    impl Entropy for Zeros {
        fn fill(&mut self, buffer: &mut [u8]) -> Result<(), EntropyError> {
            buffer.fill(0);
            Ok(())
        }
    }

    impl blocking::Host<Session> for Host {
        fn lend<R>(&self, turn: impl FnOnce(&mut Cx<'_>) -> R) -> R {
            turn(&mut Cx { now: self.now(), entropy: &mut Zeros, session: &mut self.0.lock().unwrap() })
        }

        fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
            self.1.exchange(request)
        }

        fn store(&self, _op: StoreOp) -> Result<StoreOutcome, StoreError> {
            Err(StoreError::new(StoreErrorKind::Unavailable, "it keeps nothing"))
        }

        fn content(&self, _op: ContentOp) -> Result<ContentOutcome, ContentError> {
            Err(ContentError { reason: "it has none".into() })
        }

        fn sleep(&self, _duration: Duration) {}
    }
}

use absio_proto::driver::blocking::Transport;
use absio_proto::effect::{HttpRequest, HttpResponse, TransportError};
use absio_proto::model::{ApiKey, ContainerId, Portion};
use client::Client;

struct Line;

impl Transport for Line {
    fn exchange(&self, _request: HttpRequest) -> Result<HttpResponse, TransportError> {
        let body = br#"{"protocol":1,"suites":[1],"server_time":5,"software":"third"}"#.to_vec();
        Ok(HttpResponse { status: 200, headers: Vec::new(), body })
    }
}

#[test]
fn a_third_runtime_has_every_method_of_the_list() {
    let builder = || Client::builder(ApiKey::from_bytes([1; 16]), "https://broker.example");
    let client = builder().transport(Line).build().unwrap();
    assert_eq!(client.info().unwrap().software, "third");
    let nobody = client.container().get(ContainerId::from_bytes([3; 16]), Portion::All).unwrap_err();
    assert_eq!(nobody.code(), "not_logged_in");
    assert!(client.signed_in().is_none() && client.quarantined().is_none());
    assert_eq!(builder().build().map(|_| ()).unwrap_err().code(), "invalid_authorities");
}
