//! A call of every method of the list, written once and compiled in both colours.
#![allow(dead_code, clippy::unwrap_used)]

use absio_proto::Error;
use absio_proto::crypto::{CardChain, KdfPolicy, KeyRing};
use absio_proto::driver::{blocking, nonblocking};
use absio_proto::model::{ApiKey, ContainerId, Credentials, EventFilter, Portion, UserId, Validators};
use absio_proto::ops::container::{Create, Resign, Update, UpdateOrCreate};
use absio_proto::ops::info::Info;
use absio_proto::ops::key_file;
use absio_proto::ops::user::LoginWith;
use absio_proto::provider::{Follow, Options, Standard, Sync};
use std::time::Duration;

pub(crate) fn api_key() -> ApiKey {
    ApiKey::from_bytes([1; 16])
}

/// What only its owner could make.
struct Given {
    ring: KeyRing,
    chain: CardChain,
    write: UpdateOrCreate,
    key_file: key_file::Update,
}

fn given() -> Given {
    unreachable!("the calls are compiled, not made")
}

macro_rules! every_call {
    (
        $build:ident $call:ident $runtime:ident $driver:ident [$($colour:tt)?] [$($wait:tt)*] [$($content:tt)*]
    ) => {
        pub(crate) $($colour)? fn $build(
            builder: $runtime::ClientBuilder,
            transport: impl $driver::Transport + Send + std::marker::Sync + 'static,
        ) -> Result<$runtime::Client, $runtime::SetupError> {
            let store = |builder: $runtime::ClientBuilder| {
                let _ = builder.root("letters").root_here();
            };
            store($runtime::Client::builder(api_key(), "https://broker.example").authorities_pem(b"pem"));
            let builder = builder.app_name("calls").validators(Validators::default());
            let builder = builder.deadline(Duration::from_secs(1)).kdf_policy(KdfPolicy::insecure_for_tests());
            let now = || absio_proto::Now { utc: absio_proto::model::Timestamp::from_millis(0), monotonic: Duration::ZERO };
            let builder = builder.machine(now, $runtime::SystemEntropy);
            let builder = builder.transport(transport).provider(Standard::Server).options(Options::new());
            builder.build()$($wait)*
        }

        pub(crate) $($colour)? fn $call(client: &$runtime::Client, content: $($content)*) -> Result<(), Error> {
            let (user, id) = (UserId::from_bytes([2; 16]), ContainerId::from_bytes([3; 16]));
            let (with, credentials) = (LoginWith::nothing, || Credentials::new("a", "b"));
            let create = || Create::new(Vec::new());
            let given = given();

            client.login(user, with())$($wait)*?;
            client.sign_in(user, with())$($wait)*?;
            client.logout()$($wait)*?;
            let _ = (client.signed_in(), client.local_user(), client.is_authenticated());
            client.events(EventFilter::default())$($wait)*?;
            client.events_page(EventFilter::default(), 1, 0)$($wait)*?;
            client.new_container_events(EventFilter::default(), None)$($wait)*?;
            client.follow(Follow::new())$($wait)*?;
            client.sync(Sync::new())$($wait)*?;
            client.info()$($wait)*?;
            client.run(Info::new())$($wait)*?;
            client.run_with(Info::new(), content)$($wait)*?;

            let under = client.under(Standard::Ofs).with(Options::new());
            let _ = (under.provider(), under.options(), under.quarantined());
            let block = $($colour)? |inside: &$runtime::Client| inside.options();
            client.within(Standard::Ofs, block)$($wait)*;
            client.within_options(Options::new(), block)$($wait)*;

            let users = client.user();
            users.create(credentials())$($wait)*?;
            users.create_validated_by(credentials(), Validators::default())$($wait)*?;
            users.create_noted(credentials(), None)$($wait)*?;
            users.register(given.ring.duplicate())$($wait)*?;
            users.change_credentials(credentials())$($wait)*?;
            users.change_credentials_validated_by(credentials(), Validators::default())$($wait)*?;
            users.change_credentials_noted(credentials(), None)$($wait)*?;
            users.rotate_keys()$($wait)*?;
            users.rotate_keys_to(given.ring)$($wait)*?;
            users.revoke_keys()$($wait)*?;
            users.delete()$($wait)*?;
            users.reminder(None)$($wait)*?;
            users.public_keys([user])$($wait)*?;
            users.keep_public_keys(given.chain)$($wait)*?;

            let containers = client.container();
            containers.create(create())$($wait)*?;
            containers.create_from(create(), content)$($wait)*?;
            containers.get(id, Portion::All)$($wait)*?;
            containers.fetch(id, Portion::All)$($wait)*?;
            containers.get_into(id, Portion::All, content)$($wait)*?;
            containers.fetch_into(id, Portion::All, content)$($wait)*?;
            let (_, content_reader) = containers.open(id)$($wait)*?;
            drop(content_reader);
            containers.update(Update::new(id))$($wait)*?;
            containers.update_from(Update::new(id), content)$($wait)*?;
            containers.update_or_create(given.write)$($wait)*?;
            containers.resign(Resign::new(id))$($wait)*?;
            containers.delete(id)$($wait)*?;
            containers.list()$($wait)*?;
            containers.list_page(None, 1)$($wait)*?;

            let (reporting, reports) = client.watching(|_| ()).reporting();
            drop((reporting, reports));

            let key_files = client.key_file();
            key_files.get(user, with())$($wait)*?;
            key_files.checksum(None)$($wait)*?;
            key_files.state(None)$($wait)*?;
            key_files.needs_sync(None)$($wait)*?;
            key_files.sync(None, with())$($wait)*?;
            key_files.update(given.key_file)$($wait)*?;
            Ok(())
        }
    };
}

every_call! { build_thread call_thread absio_blocking blocking [] [] [&mut dyn blocking::Content] }
every_call! {
    build_task call_task absio_async_std nonblocking
    [async] [.await] [&mut (impl nonblocking::Content + Send)]
}

/// Stores are given alike.
fn stores(threads: absio_blocking::ClientBuilder, tasks: absio_async_std::ClientBuilder) {
    let _ = threads.store(absio_store::MemoryStore::new());
    let _ = tasks.store(absio_async_std::Unblocked::new(absio_store::MemoryStore::new()));
}
