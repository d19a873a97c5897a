//! Downloads over transports that misbehave.

use super::{LENGTH, PART, Wired, assert_clear, content, faults, forgeries};
use crate::people::people;
use absio_broker::Clock;
use absio_conformance::transport::{Hostile, Misdeed, Plan, Throttled};
use absio_proto::Error;
use absio_proto::effect::TransportErrorKind::{Interrupted, TimedOut, Unreachable};
use absio_proto::effect::{HttpRequest, Method};
use absio_proto::transport::{Exchange, Recording, Replaying};
use std::time::Duration;

/// Gets over a transport that does `misdeed` to each request in turn; whether a request with as many
/// bytes in its answer as a part has was ever concerned, and the get went well all the same.
fn get_over(misdeed: &Misdeed) -> bool {
    let [alice] = people();
    let truth = content(LENGTH, 1);
    let honest = Wired::new(&alice, &alice.broker);
    let id = honest.upload(&truth).unwrap();
    let mut large = Vec::new();
    for number in 0.. {
        let case = format!("{misdeed:?} at request {number}");
        let (recording, kept) = Recording::kept(&alice.broker);
        let wired = Wired::new(&alice, Hostile::new(recording, Plan::at(number, misdeed.clone())));
        let result = wired.download(id, &truth);
        let done = wired.transport.done();
        match &result {
            Ok(()) => {}
            Err(error) => {
                assert!(!done.is_empty(), "{case}: {error:?} for nothing");
                assert_clear(error, &case);
                honest.download(id, &truth).unwrap();
            }
        }
        let received = kept.take().get(usize::try_from(number).unwrap()).map_or(0, |told| told.bytes().1);
        if received >= PART && !done.is_empty() {
            large.push(result.is_ok());
        }
        if number >= wired.transport.requests() {
            assert!(result.is_ok() && done.is_empty() && number >= 6, "{case}");
            break;
        }
    }
    large.contains(&true)
}

#[test]
fn mn_a_get_over_a_failing_network_is_right_or_an_error() {
    for misdeed in faults() {
        // What the core asks again for: a get that timed out is the caller's to repeat.
        let gives_up = matches!(
            misdeed,
            Misdeed::NeverArrives(TimedOut | Unreachable)
                | Misdeed::AnswerLost(TimedOut)
                | Misdeed::ComesLate
        );
        assert_eq!(get_over(&misdeed), !gives_up, "{misdeed:?}");
    }
}

#[test]
fn ms_a_get_over_altered_answers_is_right_or_an_error() {
    for misdeed in forgeries() {
        assert!(!get_over(&misdeed), "{misdeed:?} was done to a part, and not noticed");
    }
}

#[test]
fn mn_a_connection_that_closes_after_every_part_carries_a_download() {
    let [alice] = people();
    let truth = content(5 * PART - 777, 3);
    let id = Wired::new(&alice, &alice.broker).upload(&truth).unwrap();
    for misdeed in
        [Misdeed::AnswerLost(Interrupted), Misdeed::NeverArrives(Interrupted), Misdeed::ArrivesTwice]
    {
        let wired = Wired::new(&alice, Hostile::new(&alice.broker, Plan::each_once(misdeed.clone())));
        wired.download(id, &truth).unwrap();
        assert!(wired.transport.done().len() >= 6, "{misdeed:?}");
    }
    let closed = Plan::always(Misdeed::AnswerLost(Interrupted));
    let wired = Wired::new(&alice, Hostile::new(&alice.broker, closed));
    assert!(matches!(wired.download(id, &truth), Err(Error::Transport(_))));
}

/// Each two answers that hold a whole part, exchanged.
#[test]
fn ms_parts_that_are_swapped_are_an_error() {
    let [alice] = people();
    let truth = content(LENGTH, 5);
    let honest = Wired::new(&alice, &alice.broker);
    let id = honest.upload(&truth).unwrap();
    let (recording, kept) = Recording::with_secrets(&alice.broker);
    Wired::new(&alice, recording).download(id, &truth).unwrap();
    let parts: Vec<Exchange> = kept.take();
    let parts: Vec<&Exchange> = parts
        .iter()
        .filter(|exchange| exchange.outcome.as_ref().is_ok_and(|answer| answer.body.len() >= PART))
        .collect();
    assert_eq!(parts.len(), 4);
    for (first, second) in (0..4).flat_map(|first| (0..first).map(move |second| (first, second))) {
        let pair = [parts[first].clone(), parts[second].clone()];
        let swap = Plan::new(move |_, request| {
            let at = pair.iter().position(|exchange| exchange.request.path == request.path)?;
            Some(Misdeed::Answers(pair[1 - at].outcome.clone().unwrap()))
        });
        let wired = Wired::new(&alice, Hostile::new(&alice.broker, swap));
        let error = wired.download(id, &truth).unwrap_err();
        assert!(matches!(error.cause(), Error::Crypto(_)), "{error:?}");
        assert!(!wired.transport.done().is_empty());
        // The control: the same answers in their own places.
        let pair = [parts[first].clone(), parts[second].clone()];
        let same = Plan::new(move |_, request| {
            let found = pair.iter().find(|exchange| exchange.request.path == request.path)?;
            Some(Misdeed::Answers(found.outcome.clone().unwrap()))
        });
        let wired = Wired::new(&alice, Hostile::new(&alice.broker, same));
        wired.download(id, &truth).unwrap();
        assert_eq!(wired.transport.done().len(), 2);
    }
}

#[test]
fn mn_whatever_a_seed_does_to_a_download_nothing_wrong_is_given_out() {
    let [alice] = people();
    let truth = content(LENGTH, 4);
    let honest = Wired::new(&alice, &alice.broker);
    let id = honest.upload(&truth).unwrap();
    let mut outcomes = [0; 2];
    for seed in 0..48 {
        let wired = Wired::new(&alice, Hostile::new(&alice.broker, Plan::seeded(seed, 6)));
        let result = wired.download(id, &truth);
        outcomes[usize::from(result.is_ok())] += 1;
        if let Err(error) = result {
            assert_clear(&error, &format!("seed {seed}: {:?}", wired.transport.done()));
        }
    }
    assert!(outcomes.iter().all(|count| *count > 4), "failed and whole: {outcomes:?}");
    honest.download(id, &truth).unwrap();
}

#[test]
fn what_was_recorded_is_replayed_without_a_broker() {
    let [alice] = people();
    let truth = content(2 * PART, 6);
    let id = Wired::new(&alice, &alice.broker).upload(&truth).unwrap();
    Wired::new(&alice, &alice.broker).download(id, &truth).unwrap();
    let (recording, kept) = Recording::with_secrets(&alice.broker);
    Wired::new(&alice, recording).download(id, &truth).unwrap();
    let replayed = Wired::new(&alice, Replaying::new(kept.take()));
    let (result, requests) = alice.requests(|_| replayed.download(id, &truth));
    assert!(result.is_ok() && requests == 0);
    replayed.transport.finish().unwrap();
}

#[test]
fn mn_a_line_that_is_slow_carries_everything_and_one_that_is_too_slow_says_so() {
    let [alice] = people();
    let truth = content(2 * PART + 5, 7);
    let id = Wired::new(&alice, &alice.broker).upload(&truth).unwrap();
    let line = |speed| {
        let clock = alice.broker.clock().clone();
        let throttled = Throttled::new(&alice.broker, speed, move |time| clock.advance(time));
        Wired::new(&alice, throttled.latency(Duration::from_millis(300)))
    };
    let began = alice.broker.clock().now().monotonic;
    line(200_000).download(id, &truth).unwrap();
    let passed = alice.broker.clock().now().monotonic - began;
    assert!(passed >= Duration::from_secs(41), "eight MiB at 200 kB a second take {passed:?}");
    // A part would take more than the minute that a request has.
    let error = line(50_000).download(id, &truth).unwrap_err();
    assert!(matches!(&error, Error::Transport(error) if error.kind == TimedOut), "{error:?}");
    let error = line(50_000).upload(&truth).unwrap_err();
    assert!(matches!(&error, Error::Transport(error) if error.kind == TimedOut), "{error:?}");
    line(200_000).upload(&truth).unwrap();
}

/// What hangs for ever is the transport's to end; an operation that was told so ends.
#[test]
fn mn_a_stalled_get_ends_with_the_kind_of_its_failure() {
    let [alice] = people();
    let id = alice.create(b"x", &[]);
    let reads: fn(&HttpRequest) -> bool = |request| request.method == Method::Get;
    let stalled = Plan::always(Misdeed::NeverArrives(TimedOut)).among(reads);
    let wired = Wired::new(&alice, Hostile::new(&alice.broker, stalled));
    let error = wired.download(id, &content(1, 1)).unwrap_err();
    assert!(matches!(&error, Error::Transport(error) if error.kind == TimedOut), "{error:?}");
    assert_eq!(wired.transport.requests(), 1);
}
