//! Reading from a large content at any place.

use super::files::{CHUNK, PART, is_range, pattern, upload};
use super::wire::{traffic, volume};
use crate::people::{Device, assert_refused, people};
use absio_broker::Fault;
use absio_proto::model::{ContainerId, Portion};
use absio_proto::ops::container::{ContentRanges, Create, Get, Update};
use absio_proto::{Cx, Error, InputError, Operation, RemoteCode, Session, Step};

/// A get that gives the container's content open for reading.
struct Open(Get);

impl Operation for Open {
    type Output = Option<ContentRanges>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        reply: Option<absio_proto::effect::Reply>,
    ) -> Step<Result<Self::Output, Error>> {
        match self.0.resume(cx, reply) {
            Step::Effect(effect) => Step::Effect(effect),
            Step::Done(Ok(container)) => {
                assert_eq!(container.content, None, "nothing is fetched before it is asked for");
                Step::Done(Ok(self.0.take_ranges()))
            }
            Step::Done(Err(error)) => Step::Done(Err(error)),
        }
    }
}

fn open(device: &Device, id: ContainerId) -> Option<ContentRanges> {
    device.run(Open(Get::new(id, Portion::All).into_ranges())).unwrap()
}

fn read(device: &Device, ranges: &ContentRanges, offset: u64, length: usize) -> Result<Vec<u8>, Error> {
    device.run(ranges.read(offset, length)?)
}

#[test]
fn every_range_is_what_was_written() {
    let [alice] = people();
    let bytes = pattern(2 * PART + 3 * CHUNK + 9);
    let id = upload(&alice, &bytes);
    let ranges = open(&alice, id).unwrap();
    assert_eq!(ranges.length(), bytes.len() as u64);
    let end = bytes.len();
    let places =
        [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, PART - 1, PART, PART + 1, 2 * PART - 5, end - 10, end - 1];
    for offset in places {
        for length in [0, 1, 9, CHUNK, CHUNK + 2, PART, PART + 3, 2 * PART] {
            let expected = &bytes[offset..end.min(offset + length)];
            assert!(read(&alice, &ranges, offset as u64, length).unwrap() == expected, "{offset} {length}");
        }
    }
    for offset in [end as u64, end as u64 + 1, u64::MAX] {
        assert_eq!(read(&alice, &ranges, offset, 100).unwrap(), b"", "{offset}");
    }
    let too_much = read(&alice, &ranges, 0, 2 * PART + 1);
    assert!(matches!(too_much, Err(Error::Input(InputError::TooLarge { .. }))));
}

#[test]
fn a_mebibyte_from_the_middle_moves_little_more() {
    let [alice] = people();
    let bytes = pattern(9 * PART + 77);
    let id = upload(&alice, &bytes);
    alice.broker.record();
    let ranges = open(&alice, id).unwrap();
    // Across the border of two parts: the worst place.
    let offset = 4 * PART + PART - 500_000;
    let found = read(&alice, &ranges, offset as u64, 1 << 20).unwrap();
    assert!(found == bytes[offset..offset + (1 << 20)]);
    let (sent, received) = volume(&traffic(&alice.broker));
    assert!(sent + received < 3 << 19, "{sent} + {received}");
}

/// Security case 31.
#[test]
fn ms_range_forge() {
    let [alice] = people();
    let bytes = pattern(2 * PART + 100);
    let id = upload(&alice, &bytes);
    let ranges = open(&alice, id).unwrap();
    // The control: unaltered, the range is given out.
    assert!(read(&alice, &ranges, 100, 1000).unwrap() == bytes[100..1100]);
    for place in [0, 1, 30, 150, 500, 30_000, CHUNK + 100] {
        alice.broker.set_hook(move |request| match is_range(request) {
            true => Fault::Alter(Box::new(move |response| response.body[place] ^= 1)),
            false => Fault::None,
        });
        let refused = read(&alice, &ranges, 100, 1000).unwrap_err();
        assert!(matches!(refused, Error::Crypto(_)), "{place}: {refused:?}");
    }
    for kept in [0, 1, 200, CHUNK, CHUNK + 144] {
        alice.broker.set_hook(move |request| match is_range(request) {
            true => Fault::Alter(Box::new(move |response| response.body.truncate(kept))),
            false => Fault::None,
        });
        let refused = read(&alice, &ranges, 100, 1000).unwrap_err();
        assert!(matches!(refused, Error::Crypto(_)), "{kept}: {refused:?}");
    }
}

/// Security case 31: the right chunk under the path of another.
#[test]
fn ms_range_wrong_path() {
    let [alice] = people();
    let id = upload(&alice, &vec![7; 2 * PART + 100]);
    let ranges = open(&alice, id).unwrap();
    alice.broker.record();
    read(&alice, &ranges, (3 * CHUNK) as u64, 10).unwrap();
    let other = traffic(&alice.broker).pop().unwrap().outcome.unwrap();
    alice.broker.set_hook(move |request| match is_range(request) {
        true => Fault::Answer(other.clone()),
        false => Fault::None,
    });
    let refused = read(&alice, &ranges, 0, 10).unwrap_err();
    assert!(matches!(refused, Error::Crypto(_)), "{refused:?}");
    // The control: at its own place it is accepted.
    assert_eq!(read(&alice, &ranges, (3 * CHUNK) as u64, 10).unwrap(), [7; 10]);
}

#[test]
fn short_padded_and_absent_contents_are_read_alike() {
    let [alice] = people();
    let bytes = pattern(100_000);
    let short = alice.create(&bytes, &[]);
    let padded = alice.changed(Create::new(bytes.clone()).padded());
    for id in [short, padded] {
        let ranges = open(&alice, id).unwrap();
        assert_eq!(ranges.length(), 100_000);
        assert!(read(&alice, &ranges, 77_777, 1000).unwrap() == bytes[77_777..78_777]);
        assert!(read(&alice, &ranges, 99_990, 1000).unwrap() == bytes[99_990..]);
    }
    let get = Open(Get::new(short, Portion::Header).into_ranges());
    assert!(alice.run(get).unwrap().is_none(), "the content was not asked for");
}

#[test]
fn a_content_that_was_changed_since_is_a_conflict() {
    let [alice, bob] = people();
    let id = upload(&alice, &pattern(PART + 5));
    let ranges = open(&alice, id).unwrap();
    alice.update(Update::new(id).content(b"new".to_vec())).unwrap();
    assert_refused(read(&alice, &ranges, 0, 10), RemoteCode::Conflict);
    assert_refused(read(&bob, &ranges, 0, 10), RemoteCode::ContainerNotFound);
}
