//! The durable store below a directory. In a process of its own: it goes to another directory.
#![allow(clippy::unwrap_used)]

mod people;

use absio_broker::Fixture;
use absio_proto::model::Portion;
use absio_proto::ops::container::Create;
use absio_proto::ops::user::LoginWith;
use absio_proto::provider::Standard;
use people::{PASSWORD, builder, files, sign_up};

#[test]
fn s006_s212_the_root_is_the_current_directory_where_that_is_asked_for() {
    let outside = tempfile::tempdir().unwrap();
    let inside = outside.path().join("inside");
    std::fs::create_dir(&inside).unwrap();
    std::env::set_current_dir(&inside).unwrap();
    let broker = Fixture::at_present();
    let client = builder(&broker).root_here().build().unwrap();
    let user = sign_up(&client);
    let id = client.container().create(Create::new(b"a marker".to_vec())).unwrap().container.id.unwrap();
    let written = files(outside.path());
    assert!(!written.is_empty() && written.keys().all(|path| path.starts_with(&inside)), "{written:?}");
    assert!(client.quarantined().is_none());
    // The engine is this crate's choice, whatever the rest of the program needs for itself.
    let engine = if cfg!(feature = "sled") { "sled" } else { "redb" };
    let format = std::fs::read_to_string(inside.join("format")).unwrap();
    assert_eq!(format, format!("absio-store 1 {engine}\n"));

    // One client at a time; whoever comes second is told.
    let second = builder(&broker).root(&inside).build().map(|_| ()).unwrap_err();
    assert_eq!(second.code(), "store");
    drop(client);
    // S-009, S-211: a later program reads with the password, without the broker.
    broker.set_stopped(true);
    let later = builder(&broker).root(&inside).build().unwrap();
    let signed_in = later.sign_in(user.id(), LoginWith::nothing().password(PASSWORD)).unwrap();
    assert!(signed_in.is_offline);
    assert_eq!(later.container().get(id, Portion::All).unwrap().content.as_deref(), Some(&b"a marker"[..]));
    assert!(later.under(Standard::Ofs).container().get(id, Portion::All).is_ok());
    // No id, no content in the clear.
    for (path, bytes) in files(outside.path()) {
        for marker in [b"a marker".as_slice(), id.as_bytes(), user.id().as_bytes(), id.to_string().as_bytes()]
        {
            assert!(!bytes.windows(marker.len()).any(|window| window == marker), "{path:?}");
        }
    }
}
