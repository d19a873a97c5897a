//! Sources that fail or lie about their length, sinks that fail.

use super::{Disk, LENGTH, PART, Wired, containers, content, streamed};
use crate::people::people;
use absio_proto::driver::blocking::Content;
use absio_proto::effect::ContentError;
use absio_proto::model::Portion;
use absio_proto::ops::container::{Create, Get, Update};
use absio_proto::{Error, InputError};

/// How a source misbehaves.
#[derive(Clone, Copy, Debug)]
enum Fault {
    Fails,
    GivesLess,
    GivesMore,
    GivesNothing,
}

/// A file that does so from its n-th call on.
struct Faulty {
    disk: Disk,
    calls_left: usize,
    fault: Fault,
}

impl Faulty {
    /// Whether it goes wrong now.
    fn is_now(&mut self) -> bool {
        let now = self.calls_left == 0;
        self.calls_left = self.calls_left.saturating_sub(1);
        now
    }
}

impl Content for Faulty {
    fn read_at(&mut self, offset: u64, length: usize) -> Result<Vec<u8>, ContentError> {
        let mut bytes = self.disk.read_at(offset, length)?;
        if !self.is_now() {
            return Ok(bytes);
        }
        match self.fault {
            Fault::Fails => return Err(ContentError { reason: "the disk is broken".into() }),
            Fault::GivesLess => drop(bytes.pop()),
            Fault::GivesMore => bytes.push(0),
            Fault::GivesNothing => bytes.clear(),
        }
        Ok(bytes)
    }

    fn write_at(&mut self, offset: u64, bytes: Vec<u8>) -> Result<(), ContentError> {
        if self.is_now() {
            return Err(ContentError { reason: "the disk is full".into() });
        }
        self.disk.write_at(offset, bytes)
    }
}

#[test]
fn mc_a_source_that_fails_or_lies_leaves_nothing_new() {
    let [alice] = people();
    let (one, two) = (content(LENGTH, 1), content(LENGTH, 2));
    let honest = Wired::new(&alice, &alice.broker);
    let id = honest.upload(&one).unwrap();
    for fault in [Fault::Fails, Fault::GivesLess, Fault::GivesMore, Fault::GivesNothing] {
        for calls_left in 0..5 {
            let source = || Faulty { disk: Disk::source(&two), calls_left, fault };
            let create = alice.run_with(Create::new(streamed(LENGTH)), Box::new(source())).0;
            let update = Update::new(id).content(streamed(LENGTH));
            let update = alice.run_with(update, Box::new(source())).0;
            for error in [create.unwrap_err(), update.unwrap_err()] {
                match fault {
                    Fault::Fails => assert!(matches!(error.cause(), Error::Content(_)), "{error:?}"),
                    _ => assert!(
                        matches!(
                            error.cause(),
                            Error::Input(InputError::InvalidArgument { argument: "content", .. })
                        ),
                        "{fault:?} at {calls_left}: {error:?}"
                    ),
                }
            }
            assert_eq!(containers(&alice), [id]);
        }
        honest.download(id, &one).unwrap();
    }
    // The control: a fault that never comes.
    let source = Faulty { disk: Disk::source(&two), calls_left: 5, fault: Fault::Fails };
    alice.run_with(Update::new(id).content(streamed(LENGTH)), Box::new(source)).0.unwrap();
    honest.download(id, &two).unwrap();
}

#[test]
fn mc_a_length_that_is_not_the_files() {
    let [alice] = people();
    let truth = content(2 * PART, 1);
    // The file is longer than was said: what was said is stored, and no more.
    let create = Create::new(streamed(PART + 9));
    let id = alice.run_with(create, Box::new(Disk::source(&truth))).0.unwrap().container.id.unwrap();
    let said = std::sync::Arc::new(truth[..PART + 9].to_vec());
    Wired::new(&alice, &alice.broker).download(id, &said).unwrap();
    // The file is shorter.
    for said in [2 * PART + 1, 3 * PART] {
        let result = alice.run_with(Create::new(streamed(said)), Box::new(Disk::source(&truth))).0;
        assert!(matches!(result.unwrap_err().cause(), Error::Content(_)));
    }
    // Nobody has so much: refused before a byte is read.
    let endless = absio_proto::ops::container::ContentInput::Streamed { length: u64::MAX };
    let (result, requests) =
        alice.requests(|alice| alice.run_with(Create::new(endless), Box::new(Disk::source(&truth))).0);
    assert!(matches!(result, Err(Error::Input(_))), "{result:?}");
    assert_eq!(requests, 0);
    assert_eq!(containers(&alice), [id]);
}

#[test]
fn mc_a_sink_that_fails_ends_the_get_and_harms_nothing() {
    let [alice] = people();
    let truth = content(LENGTH, 1);
    let honest = Wired::new(&alice, &alice.broker);
    let id = honest.upload(&truth).unwrap();
    let get = |calls_left| {
        let sink = Faulty { disk: Disk::sink(&truth), calls_left, fault: Fault::Fails };
        alice.run_with(Get::new(id, Portion::All).into_sink(), Box::new(sink)).0
    };
    for calls_left in 0..5 {
        assert!(matches!(get(calls_left).unwrap_err().cause(), Error::Content(_)), "{calls_left}");
    }
    get(usize::MAX).unwrap();
    honest.download(id, &truth).unwrap();
}
