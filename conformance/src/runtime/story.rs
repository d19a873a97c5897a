//! The main job, against a broker in this process.

use super::{AnyStore, Runtime};
use absio_broker::Fixture;
use absio_proto::crypto::KdfPolicy;
use absio_proto::driver::blocking::Transport;
use absio_proto::effect::{HttpRequest, HttpResponse, TransportError, TransportErrorKind};
use absio_proto::model::{Credentials, Portion};
use absio_proto::ops::container::{Create, Delete, Get, Update};
use absio_proto::ops::user::{self, Login, LoginWith};
use absio_proto::{Config, Error, Operation, Session, User};
use absio_store::MemoryStore;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

/// A session that nobody is signed in to.
pub(super) fn session(fixture: &Fixture) -> Session {
    let config = Config::new(fixture.api_key(), fixture.origin()).expect("the fixture's origin is one");
    Session::new(config.kdf_policy(KdfPolicy::insecure_for_tests()))
}

fn store() -> AnyStore {
    Arc::new(MemoryStore::new())
}

fn done<R: Runtime, O: Operation<Session> + Send>(runtime: &R, host: &R::Host, operation: O) -> O::Output {
    runtime.run(host, operation, &|_| ()).unwrap_or_else(|error| panic!("{error}"))
}

fn signed_in<R: Runtime>(runtime: &R, host: &R::Host) -> User {
    let user = done(runtime, host, user::Create::new(Credentials::new("Password 1", "Passphrase 2")));
    done(runtime, host, Login::new(user.id(), LoginWith::nothing().user(user.clone())));
    user
}

/// Created, logged in, stored, read, changed, removed.
pub(super) fn a_user_keeps_a_container<R: Runtime>(runtime: &R) {
    let fixture = Fixture::at_present();
    let host = runtime.host(session(&fixture), Arc::new(fixture.clone()), store());
    signed_in(runtime, &host);
    let created = done(runtime, &host, Create::new(b"content".to_vec()));
    let id = created.container.id.expect("the broker names what it stores");
    let got = done(runtime, &host, Get::new(id, Portion::All));
    assert_eq!(got.content.as_deref(), Some(&b"content"[..]));
    done(runtime, &host, Update::new(id).content(b"changed".to_vec()));
    let got = done(runtime, &host, Get::new(id, Portion::All));
    assert_eq!(got.content.as_deref(), Some(&b"changed"[..]));
    done(runtime, &host, Delete::new(id));
    assert!(runtime.run(&host, Get::new(id, Portion::All), &|_| ()).is_err(), "it is gone");
}

/// Not hidden by the runtime, and nothing of it stays in the host.
pub(super) fn a_broken_line_is_told_and_a_repeat_succeeds<R: Runtime>(runtime: &R) {
    let fixture = Fixture::at_present();
    let away = Arc::new(Away { broker: fixture.clone(), gone: AtomicBool::new(false) });
    let host = runtime.host(session(&fixture), Arc::clone(&away) as super::AnyTransport, store());
    signed_in(runtime, &host);
    away.gone.store(true, Ordering::SeqCst);
    let failed = runtime.run(&host, Create::new(b"content".to_vec()), &|_| ()).err();
    assert!(matches!(failed, Some(Error::Transport(_))), "{failed:?}");
    away.gone.store(false, Ordering::SeqCst);
    done(runtime, &host, Create::new(b"content".to_vec()));
}

/// A line to the broker that can be taken away.
struct Away {
    broker: Fixture,
    gone: AtomicBool,
}

impl Transport for Away {
    fn exchange(&self, request: HttpRequest) -> Result<HttpResponse, TransportError> {
        if self.gone.load(Ordering::SeqCst) {
            return Err(TransportError::new(TransportErrorKind::Unreachable, "planned"));
        }
        self.broker.exchange(request)
    }
}
