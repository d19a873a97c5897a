//! The client: set-up, what it refuses before anything is sent, providers and options.
#![allow(clippy::unwrap_used)]

mod people;

use absio_async_std::{Client, ClientBuilder, SetupError, Unblocked};
use absio_broker::Fixture;
use absio_proto::driver::nonblocking::Transport;
use absio_proto::effect::{HttpRequest, HttpResponse, Reply, TransportError, TransportErrorKind};
use absio_proto::model::{
    AccessList, ApiKey, ContainerId, Credentials, EventFilter, Portion, UserId, Validators,
};
use absio_proto::ops::container::{Create, Update};
use absio_proto::ops::user::LoginWith;
use absio_proto::provider::{Options, Provider, Standard};
use absio_proto::{BoxOp, Cx, Error, InputError, Operation, Session, Step};
use absio_store::MemoryStore;
use people::{PASSPHRASE, PASSWORD, builder, join};
use smol::block_on;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

const SERVER: &str = "https://broker.example";

fn api_key() -> ApiKey {
    ApiKey::from_bytes([1; 16])
}

/// A network that is down, and counts who tried it.
#[derive(Clone, Default)]
struct Down(Arc<AtomicUsize>);

impl Transport for Down {
    async fn exchange(&self, _request: HttpRequest) -> Result<HttpResponse, TransportError> {
        self.0.fetch_add(1, Ordering::SeqCst);
        Err(TransportError::new(TransportErrorKind::Unreachable, "down"))
    }
}

#[test]
fn s002_set_up_names_the_argument_that_is_wrong() {
    let code = |builder: ClientBuilder| {
        block_on(builder.build()).map(|_| ()).map_err(|error: SetupError| error.code())
    };
    assert_eq!(code(Client::builder(api_key(), SERVER)), Ok(()));
    assert_eq!(code(Client::builder(api_key(), "http://broker.example")), Err("invalid_server_url"));
    assert_eq!(code(Client::builder(api_key(), SERVER).app_name(&"x".repeat(129))), Err("too_large"));
    assert_eq!(code(Client::builder(api_key(), SERVER).authorities_pem(b"none")), Err("invalid_authorities"));
    // The first fault counts, whatever follows.
    let faults = Client::builder(api_key(), "ftp://x").app_name(&"x".repeat(129));
    assert!(matches!(block_on(faults.build()), Err(SetupError::Input(InputError::InvalidServerUrl { .. }))));
}

#[test]
fn s008_s015_nothing_is_sent_without_a_user_or_a_secret() {
    let network = Down::default();
    let nobody = |error: Error| matches!(error, Error::Input(InputError::NotAuthenticated));
    block_on(async {
        let client = Client::builder(api_key(), SERVER).transport(network.clone()).build().await.unwrap();
        let (user, container) = (UserId::from_bytes([2; 16]), ContainerId::from_bytes([3; 16]));
        assert!(nobody(client.container().get(container, Portion::All).await.unwrap_err()));
        assert!(nobody(client.container().delete(container).await.unwrap_err()));
        assert!(nobody(client.container().list().await.unwrap_err()));
        assert!(nobody(client.events(EventFilter::default()).await.unwrap_err()));
        assert!(nobody(client.key_file().checksum(None).await.unwrap_err()));
        assert!(nobody(client.user().delete().await.unwrap_err()));
        let refused = client.login(user, LoginWith::nothing()).await.unwrap_err();
        assert_eq!(refused.code(), "credentials_required");
        client.logout().await.unwrap();
        assert!(client.signed_in().is_none() && !client.is_authenticated());
    });
    assert_eq!(network.0.load(Ordering::SeqCst), 0);
}

#[test]
fn s020_s021_validators_of_the_client_and_of_one_call() {
    let network = Down::default();
    block_on(async {
        let builder =
            Client::builder(api_key(), SERVER).transport(network.clone()).deadline(Duration::from_secs(1));
        let strict = builder.build().await.unwrap();
        let refused = strict.user().create(Credentials::new("a", "b")).await.unwrap_err();
        assert_eq!(refused.code(), "credential_refused");
        assert_eq!(network.0.load(Ordering::SeqCst), 0);
        let refuse_all = Validators { reminder: Arc::new(|_| false), ..Validators::default() };
        let good = Credentials::new("Password 1", "Passphrase 2");
        let refused = strict.user().create_validated_by(good, refuse_all).await.unwrap_err();
        assert_eq!(refused, InputError::CredentialRefused { field: "reminder" }.into());
    });
}

/// Answers one question, with its name.
struct Named(&'static str);

impl Provider for Named {
    fn reminder(&self, _user: Option<UserId>) -> BoxOp<String> {
        Box::new(Say(self.0))
    }
}

struct Say(&'static str);

impl Operation for Say {
    type Output = String;

    fn resume(&mut self, _: &mut Cx<'_, Session>, _: Option<Reply>) -> Step<Result<String, Error>> {
        Step::Done(Ok(self.0.to_owned()))
    }
}

async fn who(client: &Client) -> String {
    client.user().reminder(None).await.unwrap()
}

#[test]
fn s228_s231_x28_a_block_selects_a_provider_for_its_own_task_only() {
    let broker = Fixture::at_present();
    block_on(async {
        let client = builder(&broker).provider(Named("outer")).build().await.unwrap();
        let names = client
            .within(Named("middle"), async |middle: &Client| {
                let inner = middle.within(Named("inner"), who).await;
                let failed = middle.within(Named("inner"), async |inner: &Client| inner.logout().await).await;
                assert_eq!(failed.unwrap_err().code(), "unsupported");
                [inner, who(middle).await, who(&client).await]
            })
            .await;
        assert_eq!(names, ["inner", "middle", "outer"]);
        assert_eq!(who(&client.under(Named("once"))).await, "once");
        // S-230: options of a block end with it.
        let refresh = Options::new().force_refresh();
        let seen = client
            .within_options(refresh, async |inside: &Client| (inside.options(), client.options()))
            .await;
        assert_eq!(seen, (refresh, Options::new()));
        assert_eq!(who(&client).await, "outer");
    });
}

#[test]
fn s164_s167_s229_both_stores_are_touched_and_each_provider_has_a_session() {
    let broker = Fixture::at_present();
    block_on(async {
        let (alice, user) = join(&broker).await;
        let made = alice.container().create(Create::new(b"both".to_vec())).await.unwrap();
        let id = made.container.id.unwrap();
        // At the broker: a device without a store has it from there.
        let other = builder(&broker).build().await.unwrap();
        other.login(user.id(), LoginWith::nothing().passphrase(PASSPHRASE)).await.unwrap();
        let got = other.container().get(id, Portion::All).await.unwrap();
        assert_eq!(got.content.as_deref(), Some(&b"both"[..]));
        // And here: the broker is not asked, and need not be there.
        broker.set_stopped(true);
        let got = alice.container().fetch(id, Portion::All).await.unwrap();
        assert!(got.from_cache && got.warnings.is_empty());
        assert_eq!(other.container().get(id, Portion::All).await.unwrap_err().code(), "transport");
        // S-009, X-17: signed in offline, by the password.
        alice.logout().await.unwrap();
        assert!(alice.local_user().is_none());
        let with = LoginWith::nothing().password(PASSWORD);
        assert!(alice.sign_in(user.id(), with).await.unwrap().is_offline);
        assert!(alice.under(Standard::Ofs).container().get(id, Portion::All).await.is_ok());
        broker.set_stopped(false);
        alice.login(user.id(), LoginWith::nothing().passphrase(PASSPHRASE)).await.unwrap();
        alice.under(Standard::Ofs).logout().await.unwrap();
        assert!(alice.under(Standard::Server).container().get(id, Portion::All).await.is_ok());
        let ofs = alice.under(Standard::Ofs).container().get(id, Portion::All).await;
        assert_eq!(ofs.unwrap_err().code(), "not_logged_in");
    });
}

#[test]
fn s170_a_forced_refresh_asks_the_broker_and_keeps_the_answer() {
    let broker = Fixture::at_present();
    block_on(async {
        let ((alice, user), (bob, bobs)) = (join(&broker).await, join(&broker).await);
        let create = Create::new(b"old".to_vec()).access(AccessList::Users(vec![user.id(), bobs.id()]));
        let id = alice.container().create(create).await.unwrap().container.id.unwrap();
        let content = async |client: &Client| {
            let got = client.container().fetch(id, Portion::All).await.unwrap();
            (got.container.content.unwrap(), got.from_cache)
        };
        assert_eq!(content(&bob).await, (b"old".to_vec(), false));
        alice.container().update(Update::new(id).content(b"new".to_vec())).await.unwrap();
        assert_eq!(content(&bob).await, (b"old".to_vec(), true));
        assert_eq!(content(&bob.with(Options::new().force_refresh())).await, (b"new".to_vec(), false));
        assert_eq!(content(&bob).await, (b"new".to_vec(), true), "kept");
    });
}

#[test]
fn s208_without_a_store_nothing_is_kept() {
    let broker = Fixture::at_present();
    let store = Unblocked::new(MemoryStore::new());
    block_on(async {
        let with_store = builder(&broker).store(store.clone()).provider(Standard::Server).build().await;
        let plain = people::join_with(builder(&broker)).await.0;
        let id = plain.container().create(Create::new(b"x".to_vec())).await.unwrap().container.id.unwrap();
        assert!(!plain.container().fetch(id, Portion::All).await.unwrap().from_cache);
        assert!(plain.local_user().is_none() && plain.quarantined().is_none());
        people::sign_up(&with_store.unwrap()).await;
    });
}
