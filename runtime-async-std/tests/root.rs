//! The durable store below a directory. In a process of its own: it goes to another directory.
#![cfg(all(unix, feature = "store"))]
#![allow(clippy::unwrap_used)]

mod people;

use absio_broker::Fixture;
use absio_proto::model::Portion;
use absio_proto::ops::container::Create;
use absio_proto::ops::user::LoginWith;
use absio_proto::provider::Standard;
use people::{PASSWORD, builder, sign_up};
use smol::block_on;

#[test]
fn s006_s009_s212_the_root_is_the_current_directory_where_that_is_asked_for() {
    let outside = tempfile::tempdir().unwrap();
    let inside = outside.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    std::env::set_current_dir(&inside).unwrap();
    let broker = Fixture::at_present();
    block_on(async {
        let client = builder(&broker).root_here().build().await.unwrap();
        let user = sign_up(&client).await;
        let made = client.container().create(Create::new(b"a marker".to_vec())).await.unwrap();
        let id = made.container.id.unwrap();
        assert!(client.quarantined().is_none());
        // The engine is this crate's choice, whatever the rest of the program needs for itself.
        let engine = if cfg!(feature = "sled") { "sled" } else { "redb" };
        let format = std::fs::read_to_string(inside.join("format")).unwrap();
        assert_eq!(format, format!("absio-store 1 {engine}\n"));

        // One client at a time; whoever comes second is told.
        let second = builder(&broker).root(&inside).build().await.map(|_| ()).unwrap_err();
        assert_eq!(second.code(), "store");
        drop(client);
        // A later program reads with the password, without the broker.
        broker.set_stopped(true);
        let later = builder(&broker).root(&inside).build().await.unwrap();
        let with = LoginWith::nothing().password(PASSWORD);
        assert!(later.sign_in(user.id(), with).await.unwrap().is_offline);
        let got = later.under(Standard::Ofs).container().get(id, Portion::All).await.unwrap();
        assert_eq!(got.content.as_deref(), Some(&b"a marker"[..]));
        drop(later);
        // And so does a program of threads.
        #[cfg(not(feature = "sled"))]
        {
            let builder = absio_blocking::Client::builder(broker.api_key(), broker.origin())
                .kdf_policy(absio_proto::crypto::KdfPolicy::insecure_for_tests());
            let threads = builder.transport(broker.clone()).root(&inside).build().unwrap();
            threads.sign_in(user.id(), LoginWith::nothing().password(PASSWORD)).unwrap();
            let got = threads.container().get(id, Portion::All).unwrap();
            assert_eq!(got.content.as_deref(), Some(&b"a marker"[..]));
        }
    });
}
