//! What the sister libraries have and the seed lacks (the checklist's second part).

use super::people::{Device, PASSPHRASE, broker, people, person};
use absio_proto::crypto::KeyRing;

use absio_proto::effect::Reply;
use absio_proto::model::{AccessChange, Grant, Portion, Timestamp, UserId};
use absio_proto::ops::container::{Create, Get, Update};
use absio_proto::ops::message::{Open, Seal};
use absio_proto::ops::user::{Login, LoginWith, PublicKeys};
use absio_proto::{BoxOp, Config, CryptoError, Cx, Error, InputError, KeySource, Operation, Session, Step};
use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

/// Bytes that `action` sends.
fn sent(device: &Device, action: impl FnOnce(&Device)) -> u64 {
    device.broker.record();
    action(device);
    device.broker.recorded().iter().map(|exchange| exchange.request.body.len() as u64).sum()
}

#[test]
fn x06_split_updates_send_only_their_part() {
    let [alice, bob] = people();
    let content = vec![7; 200_000];
    let id = alice.changed(Create::new(content.clone()).header("old".into()).container_type("t1"));
    let _ = alice.get(id);
    let small = 20_000;
    let updates: [(&str, Update); 3] = [
        ("header", Update::new(id).header("new".into())),
        ("type", Update::new(id).container_type("t2")),
        ("access", Update::new(id).access(AccessChange::Set(vec![Grant::recipient(bob.id())]))),
    ];
    for (what, update) in updates {
        let bytes = sent(&alice, |alice| drop(alice.update(update).unwrap()));
        assert!(bytes < small, "{what}: {bytes} bytes");
    }
    let bytes = sent(&alice, |alice| drop(alice.update(Update::new(id).content(content.clone())).unwrap()));
    assert!(bytes > 200_000, "content: {bytes} bytes");
    let got = bob.get(id).unwrap();
    assert_eq!((got.header, got.content), (Some("new".into()), Some(content)));
}

#[test]
fn x07_split_reads_bring_only_their_part() {
    let [alice] = people();
    let id = alice.changed(Create::new(vec![7; 100_000]).header("the header".into()));
    let got = |portion| alice.run(Get::new(id, portion)).unwrap();
    let header = got(Portion::Header);
    assert_eq!((header.header.is_some(), header.content.is_some()), (true, false));
    let content = got(Portion::Content);
    assert_eq!((content.header.is_some(), content.content.is_some()), (false, true));
    let metadata = got(Portion::Metadata);
    assert_eq!((metadata.header.is_some(), metadata.content.is_some()), (false, false));
    assert_eq!(metadata.metadata.unwrap().length, Some(100_000));
}

/// A directory that a program keeps itself, and what it was asked.
#[derive(Default)]
struct Directory {
    cards: BTreeMap<UserId, Vec<Vec<u8>>>,
    asked: Mutex<Vec<UserId>>,
}

struct Given(Option<Vec<(UserId, Vec<Vec<u8>>)>>);

impl Operation for Given {
    type Output = Vec<(UserId, Vec<Vec<u8>>)>;

    fn resume(
        &mut self,
        _cx: &mut Cx<'_, Session>,
        _reply: Option<Reply>,
    ) -> Step<Result<Self::Output, Error>> {
        Step::Done(Ok(self.0.take().unwrap_or_default()))
    }
}

impl KeySource for Directory {
    fn cards(&self, users: Vec<UserId>) -> BoxOp<Vec<(UserId, Vec<Vec<u8>>)>> {
        self.asked.lock().unwrap().extend(&users);
        let known = users.into_iter().filter_map(|user| Some((user, self.cards.get(&user)?.clone())));
        Box::new(Given(Some(known.collect())))
    }
}

/// A device of `user` that takes public keys from `source`.
fn with_source(user: &Device, source: &Arc<Directory>) -> Device {
    let source = source.clone();
    let device = Device::configured(&user.broker, |config: Config| config.key_source(source));
    device.run(Login::new(user.id(), LoginWith::nothing().passphrase(PASSPHRASE))).unwrap();
    device
}

#[test]
fn x09_a_key_source_serves_every_seal_and_verification() {
    let [alice, bob] = people();
    let cards = |device: &Device| device.user().keys().chain().cards().to_vec();
    let known = BTreeMap::from([(bob.id(), cards(&bob)), (alice.id(), cards(&alice))]);
    let directory = Arc::new(Directory { cards: known, ..Directory::default() });

    // Sealing: without the broker's key directory.
    let sender = with_source(&alice, &directory);
    let id = sender.create(b"for Bob", &[sender.full(), Grant::recipient(bob.id())]);
    assert_eq!(*directory.asked.lock().unwrap(), [bob.id()]);
    // Verifying: the cards that come with the container are not looked at.
    directory.asked.lock().unwrap().clear();
    let reader = with_source(&bob, &directory);
    assert_eq!(reader.content(id), Some(b"for Bob".to_vec()));
    assert_eq!(*directory.asked.lock().unwrap(), [alice.id()]);
    // Who is not in the directory is nobody, whatever the broker says.
    let empty = with_source(&bob, &Arc::new(Directory::default()));
    assert!(empty.get(id).is_err());
    assert_eq!(bob.content(id), Some(b"for Bob".to_vec()));
}

#[test]
fn x09_ms_a_key_source_that_lies_is_found_out() {
    let [alice, bob, eve] = people();
    let wrong = BTreeMap::from([(bob.id(), eve.user().keys().chain().cards().to_vec())]);
    let sender = with_source(&alice, &Arc::new(Directory { cards: wrong, ..Directory::default() }));
    let made = sender.run(PublicKeys::new([bob.id()]));
    assert!(matches!(made, Err(Error::Crypto(CryptoError::IdentityMismatch { .. }))), "{made:?}");
}

#[test]
fn x19_a_message_opens_for_its_recipient_alone_and_says_who_wrote_it() {
    let [alice, bob, eve] = people();
    let (sealed, requests) = alice
        .requests(|alice| alice.run(Seal::new(bob.id(), b"meet at ten".to_vec()).about([4; 16])).unwrap());
    assert_eq!((sealed.len(), requests), (11 + 218, 1));
    let opened = bob.run(Open::new(sealed.clone())).unwrap();
    assert_eq!(opened.plaintext.as_slice(), b"meet at ten");
    assert_eq!((opened.from, opened.subject, opened.sent_at), (alice.id(), [4; 16], alice.now()));
    assert!(!format!("{opened:?}").contains("meet"));

    let stranger = eve.run(Open::new(sealed.clone()));
    assert!(matches!(stranger, Err(Error::Input(InputError::InvalidArgument { argument: "message", .. }))));
    for byte in [0, 5, 30, 70, 110, sealed.len() - 1] {
        let mut altered = sealed.clone();
        altered[byte] ^= 1;
        assert!(bob.run(Open::new(altered)).is_err(), "byte {byte}");
    }
    assert!(bob.run(Open::new(sealed[..sealed.len() - 1].to_vec())).is_err());
    let long = alice.run(Seal::new(bob.id(), vec![0; (1 << 20) + 1]));
    assert!(matches!(long, Err(Error::Input(InputError::TooLarge { .. }))));
}

#[test]
fn x23_containers_compare_by_all_they_hold() {
    let [alice] = people();
    let id = alice.changed(Create::new("text").header("h".into()).container_type("t"));
    let (one, same) = (alice.get(id).unwrap(), alice.get(id).unwrap());
    assert_eq!(one, same);
    let mut other = alice.get(id).unwrap();
    other.header = Some("another".into());
    assert_ne!(one, other);
    let seen: std::collections::HashSet<_> = [one.metadata.clone(), same.metadata.clone()].into();
    assert_eq!(seen.len(), 1);
}

#[derive(serde::Serialize, serde::Deserialize, Debug, PartialEq)]
struct Photo {
    title: String,
    taken: u64,
    tags: Vec<String>,
}

#[test]
fn x24_a_header_of_the_callers_own_type_comes_back() {
    let [alice] = people();
    let photo = Photo { title: "river".into(), taken: 1999, tags: vec!["water".into()] };
    let id = alice.changed(Create::new("bytes").header_of(&photo).unwrap());
    let got = alice.get(id).unwrap();
    assert_eq!(got.header_as::<Photo>().unwrap(), Some(photo));
    assert!(matches!(got.header_as::<Vec<u8>>(), Err(InputError::InvalidHeader { .. })));
    let pairs = BTreeMap::from([((1, 2), "a key that is no text")]);
    assert!(matches!(Create::new("x").header_of(&pairs), Err(InputError::InvalidHeader { .. })));
}

#[test]
fn x10_a_ring_of_an_agent_needs_no_key_file() {
    let broker = broker();
    let device = Device::new(&broker);
    let ring =
        KeyRing::generate(&mut absio_broker::SeededEntropy::new(99), Timestamp::from_millis(1)).unwrap();
    let user = device.run(absio_proto::ops::user::Register::new(ring)).unwrap();
    device.run(Login::new(user.id(), LoginWith::nothing().user(user))).unwrap();
    let id = device.create(b"by an agent", &[device.full()]);
    assert_eq!(device.content(id), Some(b"by an agent".to_vec()));
    assert!(person(&broker).get(id).is_err());
}
