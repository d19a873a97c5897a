//! Contents of any size: in memory, in parts, through a source and a sink.

use super::files::{CHUNK, File, PART, download, is_part, is_range, pattern, streamed, upload};
use super::wire::traffic;
use crate::people::people;
use absio_broker::Fault;
use absio_proto::driver::blocking::Content;
use absio_proto::effect::{ContentError, TransportErrorKind};
use absio_proto::model::{Grant, Portion};
use absio_proto::ops::container::{Create, Get, List, Update};
use absio_proto::{CryptoError, Error, InputError};
#[test]
fn every_size_around_a_boundary_comes_back_both_ways() {
    let [alice, bob] = people();
    let edges = [0, CHUNK, PART, 2 * PART];
    let sizes = edges.iter().flat_map(|edge| [edge.saturating_sub(1), *edge, edge + 1]);
    let sizes: std::collections::BTreeSet<usize> = sizes.chain([PART - CHUNK, PART + CHUNK]).collect();
    for size in sizes {
        let bytes = pattern(size);
        let grants = [alice.full(), Grant::recipient(bob.id())];
        let in_memory = alice.create(&bytes, &grants);
        let in_parts = upload(&alice, &bytes);
        assert!(bob.content(in_memory) == Some(bytes.clone()), "{size} bytes, memory to memory");
        assert!(download(&bob, in_memory).unwrap() == bytes, "{size} bytes, memory to sink");
        assert!(alice.content(in_parts) == Some(bytes.clone()), "{size} bytes, source to memory");
        assert!(download(&alice, in_parts).unwrap() == bytes, "{size} bytes, source to sink");
    }
}

#[test]
fn more_parts_than_one_window_holds() {
    let [alice] = people();
    let bytes = pattern(5 * PART + 12_345);
    alice.broker.record();
    let id = upload(&alice, &bytes);
    let sent = traffic(&alice.broker);
    // Begin, six parts, commit.
    assert_eq!(sent.len(), 8);
    assert_eq!(sent.iter().filter(|exchange| is_part(&exchange.request)).count(), 6);
    assert!(sent.iter().all(|exchange| exchange.request.body.len() < PART + (64 << 10)));
    assert!(download(&alice, id).unwrap() == bytes);
    // The clear header, then six ranges.
    let received = traffic(&alice.broker);
    assert_eq!(received.iter().filter(|exchange| is_range(&exchange.request)).count(), 7);
}

#[test]
fn an_update_replaces_a_large_content_and_frees_the_old_one() {
    let [alice, bob] = people();
    let id = alice.create(&pattern(PART + 5), &[alice.full(), bob.full()]);
    bob.get(id).unwrap();
    let bytes = pattern(2 * PART + 7);
    let update = Update::new(id).content(streamed(bytes.len()));
    bob.run_with(update, Box::new(File::of(bytes.clone()))).0.unwrap();
    assert!(alice.content(id) == Some(bytes));
    alice.update(Update::new(id).content(b"small".to_vec())).unwrap();
    assert_eq!(bob.content(id), Some(b"small".to_vec()));
}

#[test]
fn header_type_and_access_of_a_large_container_move_no_content() {
    let [alice, bob] = people();
    let bytes = pattern(PART + 5);
    let id = alice.create(&bytes, &[]);
    let share = absio_proto::model::AccessChange::Set(vec![Grant::recipient(bob.id())]);
    alice.broker.record();
    alice.update(Update::new(id).header(serde_json::json!({ "new": true }))).unwrap();
    alice.update(Update::new(id).container_type("t")).unwrap();
    alice.update(Update::new(id).access(share)).unwrap();
    let sent = traffic(&alice.broker);
    assert!(sent.iter().all(|exchange| !exchange.request.path.starts_with("/v1/uploads")));
    assert!(super::wire::volume(&sent).0 < 16_384);
    assert!(bob.content(id) == Some(bytes));
}

#[test]
fn lost_answers_of_begin_part_and_commit_are_made_good() {
    let bytes = pattern(2 * PART + 1);
    for lost in 0..5 {
        let [alice] = people();
        let mut seen = 0;
        alice.broker.set_hook(move |request| {
            let lose = seen == lost && !request.path.contains("login");
            seen += 1;
            if lose { Fault::LoseAnswer(TransportErrorKind::Interrupted) } else { Fault::None }
        });
        alice.broker.record();
        let id = upload(&alice, &bytes);
        alice.broker.clear_hook();
        let sent = traffic(&alice.broker);
        assert_eq!(sent.len(), 6, "one of five was sent again");
        let again: Vec<_> = sent
            .iter()
            .filter(|exchange| exchange.request.path == sent[lost].request.path)
            .map(|exchange| &exchange.request.body)
            .collect();
        assert!(again.len() == 2 && again[0] == again[1], "F1: the same bytes");
        assert!(download(&alice, id).unwrap() == bytes);
        assert_eq!(alice.run(List::new()).unwrap().len(), 1);
    }
}

#[test]
fn lost_answers_of_a_download_are_asked_again() {
    let [alice] = people();
    let bytes = pattern(PART + 1);
    let id = upload(&alice, &bytes);
    for lost in 0..4 {
        let mut seen = 0;
        alice.broker.set_hook(move |_| {
            seen += 1;
            if seen == lost + 1 { Fault::LoseAnswer(TransportErrorKind::Interrupted) } else { Fault::None }
        });
        assert!(download(&alice, id).unwrap() == bytes);
    }
}

#[test]
fn a_source_that_fails_or_is_shorter_stores_nothing() {
    let [alice] = people();
    let longer = Create::new(streamed(2 * PART));
    let (result, _) = alice.run_with(longer, Box::new(File::of(pattern(PART + 5))));
    assert!(matches!(result.unwrap_err().cause(), Error::Content(_)));
    let broken = File { broken_at: Some(PART as u64), ..File::of(pattern(2 * PART)) };
    let (result, _) = alice.run_with(Create::new(streamed(2 * PART)), Box::new(broken));
    assert!(matches!(result.unwrap_err().cause(), Error::Content(_)));
    assert!(alice.run(List::new()).unwrap().is_empty());
}

/// A source that gives less than it was asked for, and says nothing.
struct Short;

impl Content for Short {
    fn read_at(&mut self, _: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        Ok(vec![0; length / 2])
    }

    fn write_at(&mut self, _: u64, _: Vec<u8>) -> Result<(), ContentError> {
        Err(ContentError { reason: "it is only read".into() })
    }
}

#[test]
fn a_source_that_lies_about_its_length_stores_nothing() {
    let [alice] = people();
    let (result, _) = alice.run_with(Create::new(streamed(PART + 2)), Box::new(Short));
    assert!(matches!(result, Err(Error::Input(InputError::InvalidArgument { argument: "content", .. }))));
    assert!(alice.run(List::new()).unwrap().is_empty());
}

#[test]
fn a_sink_that_fails_ends_the_get() {
    let [alice] = people();
    let id = alice.create(&pattern(2 * PART), &[]);
    let small = alice.create(b"small", &[]);
    for (id, offset) in [(id, 0), (id, PART), (small, 0)] {
        let get = Get::new(id, Portion::All).into_sink();
        let (result, _) = alice.run_with(get, Box::new(File::broken_at(offset)));
        assert!(matches!(result.unwrap_err().cause(), Error::Content(_)));
    }
    assert_eq!(alice.content(small), Some(b"small".to_vec()));
}

#[test]
fn s059_a_part_altered_cut_or_swapped_on_the_way_is_an_error() {
    let [alice] = people();
    let id = upload(&alice, &pattern(2 * PART + 100));
    let other = upload(&alice, &pattern(2 * PART + 100));
    alice.broker.record();
    alice.get(other).unwrap();
    let ranges: Vec<_> = traffic(&alice.broker)
        .into_iter()
        .filter(|exchange| is_range(&exchange.request))
        .map(|exchange| exchange.outcome.unwrap())
        .collect();
    for range in 0..4 {
        for kind in 0..5 {
            let foreign = ranges[(range + usize::from(kind == 4)) % 4].clone();
            let mut seen = 0;
            alice.broker.set_hook(move |request| {
                if !is_range(request) {
                    return Fault::None;
                }
                seen += 1;
                if seen != range + 1 {
                    return Fault::None;
                }
                let foreign = foreign.clone();
                Fault::Alter(Box::new(move |response| match kind {
                    0 => response.body[40] ^= 1,
                    1 => *response.body.last_mut().unwrap() ^= 0x80,
                    2 => drop(response.body.pop()),
                    3 => *response = foreign,
                    _ => response.body = foreign.body,
                }))
            });
            let failed = download(&alice, id).map(|bytes| bytes.len()).unwrap_err();
            let is_refused = matches!(
                failed.cause(),
                Error::Crypto(
                    CryptoError::Decrypt
                        | CryptoError::Malformed { .. }
                        | CryptoError::ManifestMismatch { .. }
                        | CryptoError::Unknown { .. },
                )
            );
            assert!(is_refused, "range {range}, kind {kind}: {failed:?}");
        }
    }
}

#[test]
fn an_upload_given_up_leaves_no_container() {
    let [alice] = people();
    let mut parts = 0;
    alice.broker.set_hook(move |request| {
        parts += usize::from(is_part(request));
        if parts >= 2 { Fault::Drop(TransportErrorKind::Unreachable) } else { Fault::None }
    });
    let (result, _) = alice.run_with(Create::new(streamed(3 * PART)), Box::new(File::of(pattern(3 * PART))));
    assert!(matches!(result.unwrap_err().cause(), Error::Transport(_)));
    alice.broker.clear_hook();
    assert!(alice.run(List::new()).unwrap().is_empty());
}
