//! Clocks that jump while a large content is on its way.

use super::{LENGTH, Wired, assert_clear, content};
use crate::people::{Device, people};
use absio_broker::Clock;
use absio_conformance::transport::{Hostile, Plan};
use absio_proto::model::{ContainerId, Timestamp};
use absio_proto::{CryptoError, Error, limits};
use std::time::Duration;

const HOUR: i64 = 3_600_000;
const DAY: i64 = 24 * HOUR;

/// The clock of device and broker together jumps by so much before the n-th request.
fn jump_of_both(alice: &Device, millis: i64, number: u64) -> Plan {
    let clock = alice.broker.clock().clone();
    Plan::new(move |seen, _| {
        if seen == number {
            match u64::try_from(millis) {
                Ok(forwards) => clock.advance(Duration::from_millis(forwards)),
                Err(_) => {
                    let back = clock.now().utc.as_millis().saturating_sub(millis.unsigned_abs());
                    clock.set(Timestamp::from_millis(back));
                }
            }
        }
        None
    })
}

fn revision(alice: &Device, id: ContainerId) -> u64 {
    alice.get(id).unwrap().metadata.unwrap().revision
}

/// An update with a jump before each request in turn; how many were made.
fn updates(alice: &Device, id: ContainerId, jump: impl Fn(u64) -> Plan) -> usize {
    let contents = [content(LENGTH, 0), content(LENGTH, 1)];
    let honest = Wired::new(alice, &alice.broker);
    honest.replace(id, &contents[0]).unwrap();
    let (mut now, mut made) = (0, 0);
    for number in 0..9 {
        let before = revision(alice, id);
        let wired = Wired::new(alice, Hostile::new(&alice.broker, jump(number)));
        let result = wired.replace(id, &contents[1 - now]);
        let changed = revision(alice, id) - before;
        match &result {
            Ok(()) => assert_eq!(changed, 1),
            Err(error) => {
                assert_clear(error, &format!("jump before {number}"));
                assert_eq!(changed, 0, "{error:?}");
            }
        }
        if changed == 1 {
            now = 1 - now;
            made += 1;
        }
        honest.download(id, &contents[now]).unwrap();
    }
    honest.replace(id, &contents[1 - now]).unwrap();
    made
}

#[test]
fn a_clock_that_jumps_in_an_upload_leaves_the_old_or_the_new() {
    let [alice] = people();
    let id = alice.create(b"x", &[]);
    assert_eq!(updates(&alice, id, |_| Plan::honest()), 9, "the control");
    for jump in [HOUR, 30 * DAY] {
        updates(&alice, id, |number| jump_of_both(&alice, jump, number));
    }
    let token_life = i64::try_from(limits::TOKEN_LIFE_MS).unwrap();
    let made = updates(&alice, id, |number| jump_of_both(&alice, token_life, number));
    assert_eq!(made, 9, "the session is renewed on the way");
}

#[test]
fn a_clock_that_jumps_in_a_download_gives_out_nothing_wrong() {
    let [alice] = people();
    let truth = content(LENGTH, 1);
    let honest = Wired::new(&alice, &alice.broker);
    let id = honest.upload(&truth).unwrap();
    for jump in [HOUR, 30 * DAY, -HOUR, -30 * DAY] {
        for number in 0..8 {
            let wired = Wired::new(&alice, Hostile::new(&alice.broker, jump_of_both(&alice, jump, number)));
            if let Err(error) = wired.download(id, &truth) {
                assert_clear(&error, &format!("{jump} ms before {number}"));
            }
            honest.download(id, &truth).unwrap();
        }
    }
}

/// The device's clock alone is wrong. What it signs ahead of time is refused, what it signs behind is no
/// earlier than what was before; what it reads is right, or is from its future, and told so.
#[test]
fn a_device_whose_clock_is_wrong_leaves_the_old_or_the_new() {
    let [alice] = people();
    let contents = [content(LENGTH, 0), content(LENGTH, 1)];
    let wired = Wired::new(&alice, &alice.broker);
    let id = wired.upload(&contents[0]).unwrap();
    let mut now = 0;
    for skew in [HOUR, -HOUR, 400 * DAY, -400 * DAY] {
        let before = revision(&alice, id);
        wired.skew.set(skew);
        match wired.replace(id, &contents[1 - now]) {
            Ok(()) => now = 1 - now,
            Err(error) => {
                assert_clear(&error, &format!("{skew} ms"));
                assert_eq!(revision(&alice, id), before);
            }
        }
        assert!(skew < 0 || revision(&alice, id) == before, "it was signed ahead of time");
        match wired.download(id, &contents[now]) {
            Err(Error::Crypto(CryptoError::FromTheFuture { .. })) if skew < 0 => {}
            result => result.unwrap(),
        }
        // The control: a clock that is mended.
        wired.skew.set(0);
        now = 1 - now;
        wired.replace(id, &contents[now]).unwrap();
        wired.download(id, &contents[now]).unwrap();
    }
}
