//! Transfers that end early, and go on: in this process or another.

use super::files::{File, PART, download, is_part, is_range, pattern, streamed, upload};
use super::wire::{traffic, volume};
use crate::people::{Device, people};
use absio_broker::{Fault, Fixture};
use absio_proto::effect::TransportErrorKind::{Interrupted, Unreachable};
use absio_proto::effect::{HttpResponse, Method};
use absio_proto::model::{ContainerId, Portion};
use absio_proto::ops::container::{Create, Get, List, Update};
use absio_proto::{Error, InputError};
use std::collections::BTreeMap;
use std::time::Duration;

/// From the request that `counts` and is number `from` on, nothing gets through.
fn cut(broker: &Fixture, counts: fn(&absio_proto::effect::HttpRequest) -> bool, from: usize) {
    let mut seen = 0;
    broker.set_hook(move |request| {
        seen += usize::from(counts(request));
        if seen > from { Fault::Drop(Unreachable) } else { Fault::None }
    });
}

fn done(error: &Error) -> u64 {
    match error {
        Error::Transfer(error) => error.done,
        _ => 0,
    }
}

/// Security case 32: what a failed download wrote is the beginning of what was signed, and the error says
/// how much of it.
#[test]
fn ms_partial_release() {
    let [alice] = people();
    let bytes = pattern(6 * PART + 100);
    let id = upload(&alice, &bytes);
    // The clear header comes first: the chunks are ranges 2 to 8.
    for range in 1..=8 {
        let mut seen = 0;
        alice.broker.set_hook(move |request| {
            seen += usize::from(is_range(request));
            match is_range(request) && seen == range {
                true => Fault::Alter(Box::new(|response| response.body[60] ^= 1)),
                false => Fault::None,
            }
        });
        let file = File::default();
        let (failed, _) = alice.run_with(Get::new(id, Portion::All).into_sink(), Box::new(file.clone()));
        let failed = failed.unwrap_err();
        assert!(matches!(failed.cause(), Error::Crypto(_)), "{failed:?}");
        let written = file.bytes.borrow();
        assert!(written[..] == bytes[..written.len()], "range {range}");
        assert!(written.len() <= range.saturating_sub(2) * PART, "range {range}: {}", written.len());
        assert!(done(&failed) <= written.len() as u64);
        if done(&failed) > 0 {
            let told = format!("(verified {} of {} bytes)", done(&failed), bytes.len());
            assert!(failed.to_string().ends_with(&told), "{failed}");
        }
    }
    alice.broker.clear_hook();
    assert!(download(&alice, id).unwrap() == bytes);
}

fn go_on(device: &Device, id: ContainerId, file: &File) -> Result<(), Error> {
    let get = Get::new(id, Portion::All).into_sink_that_has(file.bytes.borrow().len() as u64);
    device.run_with(get, Box::new(file.clone())).0.map(|_| ())
}

#[test]
fn a_download_goes_on_from_what_is_there() {
    let [alice] = people();
    let bytes = pattern(8 * PART + 100);
    let id = upload(&alice, &bytes);
    let file = File::default();
    let mut before = 0;
    for attempt in 0..4 {
        cut(&alice.broker, is_range, 3);
        let failed = go_on(&alice, id, &file).unwrap_err();
        assert!(matches!(failed.cause(), Error::Transport(_)), "{failed:?}");
        let written = file.bytes.borrow().len();
        assert!(written >= before, "attempt {attempt}: nothing is lost");
        before = written;
    }
    assert!(file.bytes.borrow()[..] == bytes[..before]);
    assert!(before > 0);
    // What is whole is proven again, and not fetched.
    alice.broker.clear_hook();
    alice.broker.record();
    go_on(&alice, id, &file).unwrap();
    assert!(*file.bytes.borrow() == bytes);
    let (_, received) = volume(&traffic(&alice.broker));
    assert!(received < bytes.len() - before + (100 << 10), "{received}");
    // The whole once more moves proofs alone.
    go_on(&alice, id, &file).unwrap();
    let (_, received) = volume(&traffic(&alice.broker));
    assert!(received < 100 << 10, "{received}");
}

#[test]
fn what_was_altered_in_the_meantime_is_fetched_anew() {
    let [alice] = people();
    let bytes = pattern(4 * PART + 100);
    let id = upload(&alice, &bytes);
    for place in [0, PART - 1, PART, 3 * PART + 5, 4 * PART + 99] {
        let file = File::of(bytes.clone());
        file.bytes.borrow_mut()[place] ^= 1;
        alice.broker.record();
        go_on(&alice, id, &file).unwrap();
        assert!(*file.bytes.borrow() == bytes, "{place}");
        let (_, received) = volume(&traffic(&alice.broker));
        assert!(received < PART + (100 << 10), "one part: {received}");
    }
    // A file of something else, or of another length.
    for length in [1, PART, 2 * PART + 7, 5 * PART] {
        let file = File::of(vec![9; length]);
        let get = Get::new(id, Portion::All).into_sink_that_has(length as u64);
        alice.run_with(get, Box::new(file.clone())).0.unwrap();
        assert!(file.bytes.borrow()[..bytes.len()] == bytes, "{length}");
    }
}

/// Sends `bytes`, recording in the journal of `file`; going on from what is there.
fn send(device: &Device, file: &File) -> Result<ContainerId, Error> {
    let length = file.bytes.borrow().len();
    let create = Create::new(streamed(length)).recording(file.journal.borrow().clone());
    device.run_with(create, Box::new(file.clone())).0.map(|changed| changed.container.id.unwrap())
}

/// How often each part was sent, and whether always as the same bytes (F1).
fn parts_sent(broker: &Fixture) -> BTreeMap<String, usize> {
    let mut bodies: BTreeMap<String, Vec<u8>> = BTreeMap::new();
    let mut sent = BTreeMap::new();
    for exchange in traffic(broker).into_iter().filter(|exchange| is_part(&exchange.request)) {
        let body = exchange.request.body.to_vec();
        let first = bodies.entry(exchange.request.path.clone()).or_insert_with(|| body.clone());
        assert!(*first == body, "one part, one ciphertext");
        *sent.entry(exchange.request.path).or_default() += usize::from(exchange.outcome.is_ok());
    }
    sent
}

#[test]
fn an_upload_goes_on_in_another_process_without_sending_a_part_twice() {
    let [alice] = people();
    let bytes = pattern(9 * PART + 100);
    let file = File::of(bytes.clone());
    alice.broker.record();
    for from in [0, 1, 3, 2, 1] {
        cut(&alice.broker, is_part, from);
        let failed = send(&alice, &file).unwrap_err();
        assert!(matches!(failed.cause(), Error::Transport(_)), "{failed:?}");
    }
    alice.broker.clear_hook();
    let id = send(&alice, &file).unwrap();
    let sent = parts_sent(&alice.broker);
    assert_eq!(sent.len(), 10);
    assert!(sent.values().all(|times| *times == 1), "{sent:?}");
    assert!(download(&alice, id).unwrap() == bytes);
    // A journal of what is done already finds it.
    assert_eq!(send(&alice, &file).unwrap(), id);
    assert_eq!(alice.run(List::new()).unwrap().len(), 1);
}

#[test]
fn an_upload_whose_end_was_not_heard_of_is_found() {
    let [alice] = people();
    let bytes = pattern(2 * PART);
    let file = File::of(bytes.clone());
    alice.broker.set_hook(|request| match request.path.as_str() {
        "/v1/containers" => Fault::LoseAnswer(Interrupted),
        _ => Fault::None,
    });
    send(&alice, &file).unwrap_err();
    alice.broker.clear_hook();
    let id = send(&alice, &file).unwrap();
    assert!(download(&alice, id).unwrap() == bytes);
    assert_eq!(alice.run(List::new()).unwrap().len(), 1, "it was not made twice");
}

#[test]
fn an_update_goes_on_as_well_and_begins_anew_on_another_revision() {
    let [alice] = people();
    let id = alice.create(b"old", &[]);
    let bytes = pattern(5 * PART);
    let file = File::of(bytes.clone());
    let update = |file: &File| {
        let update = Update::new(id).content(streamed(5 * PART)).recording(file.journal.borrow().clone());
        alice.run_with(update, Box::new(file.clone())).0.map(|_| ())
    };
    alice.broker.record();
    cut(&alice.broker, is_part, 3);
    update(&file).unwrap_err();
    alice.broker.clear_hook();
    update(&file).unwrap();
    assert!(parts_sent(&alice.broker).values().all(|times| *times == 1));
    assert!(alice.content(id).as_ref() == Some(&bytes));

    // Another content came in between: what was sent for the revision before is of no use.
    let other = File::of(pattern(5 * PART).into_iter().rev().collect());
    cut(&alice.broker, is_part, 2);
    update(&other).unwrap_err();
    alice.broker.clear_hook();
    alice.update(Update::new(id).content(b"between".to_vec())).unwrap();
    update(&other).unwrap();
    assert!(alice.content(id).as_ref() == Some(&*other.bytes.borrow()));
}

/// F1: an operation that has to begin once more does so under fresh keys, since what it knows of the
/// journal is from before.
#[test]
fn mc_reencrypt_same_keys_differs_when_an_update_is_built_anew() {
    let [alice] = people();
    let id = alice.create(b"old", &[]);
    let file = File::of(pattern(5 * PART));
    let update = || {
        let update = Update::new(id).content(streamed(5 * PART)).recording(file.journal.borrow().clone());
        alice.run_with(update, Box::new(file.clone())).0.map(|_| ())
    };
    cut(&alice.broker, is_part, 2);
    update().unwrap_err();
    let mut refused = false;
    alice.broker.set_hook(move |request| {
        let is_change = request.method == Method::Put && request.path.starts_with("/v1/containers/");
        if !is_change || core::mem::replace(&mut refused, true) {
            return Fault::None;
        }
        let body = br#"{"error":{"code":"conflict","message":"somebody was first"}}"#.to_vec();
        let headers = vec![("content-type".to_owned(), "application/json".to_owned())];
        Fault::Answer(HttpResponse { status: 409, headers, body })
    });
    alice.broker.record();
    update().unwrap();
    let sent = traffic(&alice.broker);
    let bodies: Vec<&[u8]> = sent
        .iter()
        .filter(|exchange| exchange.request.path.ends_with("/parts/4"))
        .map(|exchange| &exchange.request.body[..])
        .collect();
    assert_eq!(bodies.len(), 2, "the content went twice");
    assert!(bodies[0] != bodies[1], "under other keys");
    assert!(alice.content(id).as_ref() == Some(&pattern(5 * PART)));
}

/// F1: what was sealed is not sealed again as something else.
#[test]
fn mc_reencrypt_same_keys_differs_a_source_that_changed_is_refused() {
    let [alice] = people();
    let bytes = pattern(6 * PART);
    for changed in [0, PART, 2 * PART - 1] {
        let file = File::of(bytes.clone());
        cut(&alice.broker, is_part, 3);
        send(&alice, &file).unwrap_err();
        alice.broker.clear_hook();
        file.bytes.borrow_mut()[changed] ^= 1;
        alice.broker.record();
        let refused = send(&alice, &file).unwrap_err();
        let is_named =
            matches!(refused.cause(), Error::Input(InputError::InvalidArgument { argument: "content", .. }));
        assert!(is_named, "{refused:?}");
        let number = format!("/parts/{}", changed / PART);
        assert!(traffic(&alice.broker).iter().all(|exchange| !exchange.request.path.ends_with(&number)));
        // Unchanged again, it goes on.
        file.bytes.borrow_mut()[changed] ^= 1;
        send(&alice, &file).unwrap();
    }
}

/// F1: a journal that was damaged in its middle, or is an older copy, does not tell all that was sealed. A
/// source that changed meanwhile is sent under other keys.
#[test]
fn mc_reencrypt_same_keys_differs_of_a_journal_that_does_not_tell_all() {
    let [alice] = people();
    let entry = |number: usize| 20 + 344 * number..20 + 344 * (number + 1);
    type Damage<'d> = &'d dyn Fn(&mut Vec<u8>);
    let damages: [Damage<'_>; 3] = [
        &|journal| journal[entry(2).start + 50] ^= 1,
        &|journal| journal.truncate(entry(2).start),
        &|journal| journal.truncate(entry(2).start + 100),
    ];
    for (number, damage) in damages.into_iter().enumerate() {
        let file = File::of(pattern(6 * PART));
        alice.broker.record();
        cut(&alice.broker, is_part, 4);
        send(&alice, &file).unwrap_err();
        alice.broker.clear_hook();
        damage(&mut file.journal.borrow_mut());
        file.bytes.borrow_mut()[PART] ^= 1;
        let id = send(&alice, &file).unwrap();
        assert!(download(&alice, id).unwrap() == *file.bytes.borrow());
        let begun = traffic(&alice.broker).into_iter().filter(|sent| sent.request.path == "/v1/uploads");
        let headers: Vec<_> = begun.map(|sent| sent.request.body).collect();
        assert_eq!(headers.len(), 2, "damage {number}: it is begun anew");
        assert!(headers[0] != headers[1], "with another salt, for another container");
    }
}

#[test]
fn an_upload_that_the_broker_dropped_is_begun_again() {
    let [alice] = people();
    let bytes = pattern(4 * PART + 9);
    let file = File::of(bytes.clone());
    cut(&alice.broker, is_part, 3);
    send(&alice, &file).unwrap_err();
    alice.broker.clear_hook();
    alice.broker.clock().advance(Duration::from_secs(25 * 3600));
    assert_eq!(alice.broker.housekeep().uploads, 1);
    alice.log_in(alice.id());
    let id = send(&alice, &file).unwrap();
    assert!(download(&alice, id).unwrap() == bytes);
}

/// A journal that was torn, cut or altered anywhere, or is somebody else's: what it does not say is not
/// believed, and the content that is sent is the right one.
#[test]
fn ml_a_journal_that_is_damaged_loses_no_content() {
    let [alice, bob] = people();
    let bytes = pattern(4 * PART + 9);
    let finish = |device: &Device, damage: &dyn Fn(&mut Vec<u8>)| {
        let file = File::of(bytes.clone());
        cut(&alice.broker, is_part, 4);
        send(&alice, &file).unwrap_err();
        alice.broker.clear_hook();
        damage(&mut file.journal.borrow_mut());
        let id = send(device, &file).unwrap();
        assert!(download(device, id).unwrap() == bytes);
    };
    for length in [0, 3, 19, 20, 100, 364, 365, 1000] {
        finish(&alice, &|journal| journal.truncate(length));
    }
    for place in [0, 5, 25, 90, 400] {
        finish(&alice, &|journal| journal[place] ^= 1);
    }
    finish(&alice, &|journal| journal.truncate(journal.len() - 1));
    finish(&alice, &|journal| *journal = vec![0xff; 5000]);
    finish(&bob, &|_| {});
}

/// What is given up for good does not stay at the broker; what may be gone on with does.
#[test]
fn an_upload_given_up_is_taken_back() {
    let [alice] = people();
    let broken = || File { broken_at: Some(2 * PART as u64), ..File::of(pattern(3 * PART)) };
    for (records, aborts) in [(false, 1), (true, 0)] {
        alice.broker.record();
        let create = Create::new(streamed(3 * PART));
        let create = if records { create.recording(Vec::new()) } else { create };
        let (failed, _) = alice.run_with(create, Box::new(broken()));
        assert_eq!(done(&failed.unwrap_err()), 2 * PART as u64, "the parts before it are sent");
        let sent = traffic(&alice.broker);
        let is_abort = |exchange: &&absio_broker::Exchange| exchange.request.method == Method::Delete;
        assert_eq!(sent.iter().filter(is_abort).count(), aborts);
    }
}

#[test]
fn a_source_without_a_journal_refuses_to_record() {
    struct Bare(File);
    impl absio_proto::driver::blocking::Content for Bare {
        fn read_at(
            &mut self,
            offset: u64,
            length: usize,
        ) -> Result<Vec<u8>, absio_proto::effect::ContentError> {
            self.0.read_at(offset, length)
        }
        fn write_at(&mut self, _: u64, _: Vec<u8>) -> Result<(), absio_proto::effect::ContentError> {
            unreachable!("a source is read")
        }
    }
    let [alice] = people();
    let create = Create::new(streamed(PART + 1)).recording(Vec::new());
    let (refused, _) = alice.run_with(create, Box::new(Bare(File::of(pattern(PART + 1)))));
    assert!(matches!(refused, Err(Error::Content(_))), "{refused:?}");
    assert_eq!(alice.run(List::new()).unwrap().len(), 0);
}
