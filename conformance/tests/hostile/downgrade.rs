//! Numbers that a server chooses (security cases 29, 51 and 52): suites, iterations, and whose key file it is.

use crate::forgery::newest;
use crate::people::{Device, PASSPHRASE, people, person};
use crate::staging::{answer, crypto, fresh, get_shown, is_change, sent, serve_cards};
use absio_broker::{Exchange, Fault};
use absio_proto::CryptoError;
use absio_proto::crypto::suite::SUITE_1;
use absio_proto::ops::container::Create;
use absio_proto::ops::info::Info;
use absio_proto::ops::user::{ChangeCredentials, Login, LoginWith, PublicKeys};
use absio_proto::wire::{ChangeContainer, ContainerAnswer, InfoAnswer, RetrieveAnswer, from_json, to_json};

/// Suites that a server may name: an older one, a later one, none at all.
const OTHERS: [u16; 4] = [0, 2, 3, 0xffff];

/// Every sealed format names its suite behind four letters.
fn with_suite(bytes: &mut [u8], suite: u16) {
    assert_eq!(bytes[4..6], SUITE_1.to_be_bytes());
    bytes[4..6].copy_from_slice(&suite.to_be_bytes());
}

#[test]
fn ms_suite_downgrade_of_everything_that_is_served() {
    let [alice, bob] = people();
    let id = alice.changed(
        Create::new(b"x".to_vec())
            .header(serde_json::json!(1))
            .access(absio_proto::model::AccessList::of([alice.full(), bob.full()])),
    );
    let genuine = answer(&bob, id);
    type Part = fn(&mut ContainerAnswer) -> &mut Vec<u8>;
    let parts: [(&str, Part); 4] = [
        ("manifest", |answer| answer.views.last_mut().unwrap()),
        ("blob", |answer| answer.blob.as_mut().unwrap()),
        ("header", |answer| answer.header_segment.as_mut().unwrap()),
        ("content", |answer| answer.content_segment.as_mut().unwrap()),
    ];
    for suite in OTHERS {
        for (name, part) in parts {
            let mut shown = genuine.clone();
            with_suite(part(&mut shown), suite);
            let refused = crypto(get_shown(&fresh(&bob), id, &shown).0);
            match refused {
                CryptoError::ManifestMismatch { what: "key blob", .. } if name == "blob" => {}
                CryptoError::Unknown { what: "suite", value } if value == u64::from(suite) => {}
                other => panic!("{name}, suite {suite}: {other:?}"),
            }
        }
        // On a card stands which suites its owner reads: one of them, after the count.
        let mut cards = alice.user().keys().chain().cards().to_vec();
        assert_eq!(cards[0][116..119], [1, 0, 1]);
        cards[0][117..119].copy_from_slice(&suite.to_be_bytes());
        let reader = fresh(&bob);
        serve_cards(&reader, alice.id(), cards);
        let refused = crypto(reader.run(PublicKeys::new([alice.id()]).refreshed()));
        assert_eq!(refused, CryptoError::IdentityMismatch { user: alice.id() });
        assert_eq!(reader.run(PublicKeys::new([alice.id()]).refreshed()).unwrap()[0].sequence(), 1);
    }
    assert_eq!(get_shown(&fresh(&bob), id, &genuine).0, Ok(Some(b"x".to_vec())), "the control");
}

/// What a broker says of itself chooses nothing: what is sealed and sent is the same.
#[test]
fn ms_suite_downgrade_by_what_the_broker_says_of_itself() {
    let alice = person(&crate::people::broker());
    for suites in [vec![], vec![0], vec![2], vec![0, 2, 3]] {
        let said = suites.clone();
        alice.broker.fault_next(Fault::Alter(Box::new(move |response| {
            let answer: InfoAnswer = from_json("info", &response.body).unwrap();
            response.body = to_json(&InfoAnswer { suites: said, protocol: 0, ..answer });
        })));
        // Whether it is an error or not, no suite of the broker's choice is used.
        let _ = alice.run(Info::new());
        alice.broker.record();
        alice.create(b"x", &[]);
        let created: Vec<Exchange> = alice.broker.recorded();
        let change = ChangeContainer::decode(&created[0].request.body).unwrap();
        let view = absio_proto::crypto::ManifestView::decode(&change.view).unwrap();
        assert_eq!(view.body().suite, SUITE_1);
        for segment in [change.content.unwrap(), change.blobs[0].1.clone()] {
            assert_eq!(segment[4..6], SUITE_1.to_be_bytes(), "after {suites:?}");
        }
    }
}

/// Alters the key file that is fetched.
fn serve_key_file(device: &Device, alter: impl Fn(&mut Vec<u8>) + Clone + Send + 'static) {
    device.broker.set_hook(move |request| {
        let alter = alter.clone();
        match request.path.as_str() {
            "/v1/key-file/retrieve" => Fault::Alter(Box::new(move |response| {
                let mut answer = RetrieveAnswer::decode(&response.body).unwrap();
                alter(&mut answer.key_file);
                response.body = answer.encode();
            })),
            _ => Fault::None,
        }
    });
}

/// A sign-in with what `alter` makes of the key file: its error, and the paths that were asked for.
fn signed_in(
    owner: &Device,
    alter: impl Fn(&mut Vec<u8>) + Clone + Send + 'static,
) -> (Result<(), absio_proto::Error>, Vec<String>) {
    let device = Device::new(&owner.broker);
    serve_key_file(&device, alter);
    device.broker.record();
    let result = device.run(Login::new(owner.id(), LoginWith::nothing().passphrase(PASSPHRASE))).map(drop);
    let paths = sent(&device).into_iter().map(|request| request.path).collect();
    device.broker.clear_hook();
    assert_eq!(device.session(|session| session.user().is_some()), result.is_ok());
    (result, paths)
}

/// Fetched, refused, and nothing was signed for the server that showed it.
#[track_caller]
fn assert_refused(outcome: (Result<(), absio_proto::Error>, Vec<String>), code: &str) {
    let (result, paths) = outcome;
    assert_eq!(result.unwrap_err().code(), code);
    assert_eq!(paths, ["/v1/challenge", "/v1/key-file/retrieve"]);
}

#[test]
fn ms_kdf_low_and_ms_kdf_high_of_a_served_key_file() {
    let alice = person(&crate::people::broker());
    // The passphrase's wrap; the test policy's floor is 2 and its ceiling 1,000.
    for iterations in [0_u32, 1, 1001, u32::MAX] {
        let outcome = signed_in(&alice, move |file| {
            file[146..150].copy_from_slice(&iterations.to_be_bytes());
        });
        assert_refused(outcome, "kdf_out_of_range");
    }
    let (result, paths) = signed_in(&alice, |_| {});
    assert_eq!((result, paths.len()), (Ok(()), 3), "the control");
}

#[test]
fn ms_keyfile_swap_and_ms_keyfile_splice_of_a_served_key_file() {
    let [alice, mallory] = people();
    let sealed = |device: &Device| device.user().sealed_key_file().unwrap().as_bytes().to_vec();
    let (old, foreign) = (sealed(&alice), sealed(&mallory));
    assert_refused(signed_in(&alice, move |file| *file = foreign.clone()), "key_file_invalid");
    let credentials = absio_proto::model::Credentials::new(crate::people::PASSWORD, PASSPHRASE);
    alice.run(ChangeCredentials::new(credentials.reminder(crate::people::REMINDER))).unwrap();
    // The body of the first generation under the prefix of the second: keys partly overwritten.
    for cut in [146, 262, 294] {
        let old = old.clone();
        let (result, paths) = signed_in(&alice, move |file| *file = [&file[..cut], &old[cut..]].concat());
        assert!(result.is_err(), "spliced at {cut}");
        assert_eq!(paths.len(), 2, "nothing was signed");
    }
    for bit in (0..old.len() * 8).step_by(97) {
        let (result, paths) = signed_in(&alice, move |file| file[bit / 8] ^= 1 << (bit % 8));
        assert!(result.is_err(), "bit {bit}");
        assert_eq!(paths.len(), 2, "nothing was signed");
    }
    assert_eq!(signed_in(&alice, |_| {}).0, Ok(()), "the control");
}

/// The container's own row for who may not be given keys stays as it is when a server plays with suites.
#[test]
fn ms_suite_downgrade_is_refused_before_an_update_is_built_on_it() {
    let [alice, bob] = people();
    let id = alice.create(b"x", &[alice.full(), bob.full()]);
    let mut shown = answer(&bob, id);
    with_suite(shown.views.last_mut().unwrap(), 2);
    let reader = fresh(&bob);
    let body = shown.encode(bob.id());
    reader.broker.record();
    reader.broker.fault_next(Fault::Answer(absio_proto::effect::HttpResponse {
        status: 200,
        headers: Vec::new(),
        body,
    }));
    let update = absio_proto::ops::container::Update::new(id).content(b"new".to_vec());
    crypto(reader.update(update));
    assert!(!sent(&reader).iter().any(is_change), "0 blobs");
    assert_eq!(newest(&answer(&alice, id)).body().revision, 1);
}
