//! Uploads over transports that misbehave.

use super::{LENGTH, Wired, assert_clear, containers, content, faults, forgeries, says_unconfirmed};
use crate::people::people;
use absio_conformance::transport::{Hostile, Misdeed, Plan};
use absio_proto::Error;
use absio_proto::effect::TransportErrorKind::{Interrupted, TimedOut};

/// Creates over a transport that does `misdeed` to each request in turn.
fn create_over(misdeed: &Misdeed) {
    let [alice] = people();
    let truth = content(LENGTH, 1);
    let honest = Wired::new(&alice, &alice.broker);
    for number in 0.. {
        let case = format!("{misdeed:?} at request {number}");
        let wired = Wired::new(&alice, Hostile::new(&alice.broker, Plan::at(number, misdeed.clone())));
        let result = wired.upload(&truth);
        let was_done = !wired.transport.done().is_empty();
        let there = containers(&alice);
        assert!(there.len() <= 1, "{case}: it was made {} times", there.len());
        match &result {
            Ok(id) => assert_eq!(there, [*id], "{case}"),
            Err(error) => {
                assert!(was_done, "{case}: {error:?} for nothing");
                assert_clear(error, &case);
            }
        }
        if let [id] = there[..] {
            honest.download(id, &truth).unwrap();
            alice.delete(id).unwrap();
        }
        if result.is_err() {
            let id = honest.upload(&truth).unwrap();
            honest.download(id, &truth).unwrap();
            alice.delete(id).unwrap();
        }
        if number >= wired.transport.requests() {
            // It was over before its turn came: the control.
            assert!(result.is_ok() && !was_done && number >= 7, "{case}");
            break;
        }
    }
}

#[test]
fn mn_a_create_over_a_failing_network_is_made_once_or_not_at_all() {
    faults().iter().for_each(create_over);
}

#[test]
fn ms_a_create_over_altered_answers_is_made_once_or_not_at_all() {
    forgeries().iter().for_each(create_over);
}

/// A change that was made says so, or that it may have been.
#[test]
fn mn_an_update_over_a_failing_network_leaves_the_old_or_the_new() {
    let (one, two) = (content(LENGTH, 1), content(LENGTH, 2));
    for misdeed in faults() {
        let [alice] = people();
        let honest = Wired::new(&alice, &alice.broker);
        let id = honest.upload(&one).unwrap();
        for number in 0.. {
            let case = format!("{misdeed:?} at request {number}");
            let before = alice.get(id).unwrap().metadata.unwrap().revision;
            let (old, new) = if before % 2 == 1 { (&one, &two) } else { (&two, &one) };
            let wired = Wired::new(&alice, Hostile::new(&alice.broker, Plan::at(number, misdeed.clone())));
            let result = wired.replace(id, new);
            let made = alice.get(id).unwrap().metadata.unwrap().revision - before;
            assert!(made <= 1, "{case}: it was made {made} times");
            honest.download(id, if made == 1 { new } else { old }).unwrap();
            match &result {
                Ok(()) => assert_eq!(made, 1, "{case}"),
                Err(error) => {
                    assert_clear(error, &case);
                    assert!(
                        made == 0 || says_unconfirmed(error),
                        "{case}: it was made, and is told {error:?}"
                    );
                    if made == 0 {
                        honest.replace(id, new).unwrap();
                    }
                    honest.download(id, new).unwrap();
                }
            }
            if number >= wired.transport.requests() {
                assert!(result.is_ok(), "{case}");
                break;
            }
        }
    }
}

#[test]
fn mn_a_connection_that_closes_after_every_part_carries_an_upload() {
    let [alice] = people();
    let truth = content(5 * super::PART - 777, 3);
    let honest = Wired::new(&alice, &alice.broker);
    for misdeed in
        [Misdeed::AnswerLost(Interrupted), Misdeed::NeverArrives(Interrupted), Misdeed::ArrivesTwice]
    {
        let wired = Wired::new(&alice, Hostile::new(&alice.broker, Plan::each_once(misdeed.clone())));
        let id = wired.upload(&truth).unwrap();
        assert!(wired.transport.done().len() >= 7, "{misdeed:?}");
        assert_eq!(containers(&alice), [id], "{misdeed:?}");
        honest.download(id, &truth).unwrap();
        alice.delete(id).unwrap();
    }
    // The control: one that closes whatever is sent again carries none, and says so.
    for (kind, repeats) in [(Interrupted, 3), (TimedOut, 3)] {
        let closed = Plan::always(Misdeed::AnswerLost(kind));
        let wired = Wired::new(&alice, Hostile::new(&alice.broker, closed));
        let error = wired.upload(&truth).unwrap_err();
        assert!(matches!(&error, Error::Transport(error) if error.kind == kind), "{error:?}");
        assert!(wired.transport.requests() <= repeats);
        assert!(containers(&alice).is_empty());
    }
}

#[test]
fn mn_whatever_a_seed_does_to_an_upload_a_repeat_makes_it_good() {
    let [alice] = people();
    let truth = content(LENGTH, 4);
    let honest = Wired::new(&alice, &alice.broker);
    let mut outcomes = [0; 2];
    for seed in 0..24 {
        let wired = Wired::new(&alice, Hostile::new(&alice.broker, Plan::seeded(seed, 6)));
        let result = wired.upload(&truth);
        outcomes[usize::from(result.is_ok())] += 1;
        if let Err(error) = &result {
            assert_clear(error, &format!("seed {seed}: {:?}", wired.transport.done()));
            honest.upload(&truth).unwrap();
        }
        let there = containers(&alice);
        assert!(there.len() <= 1 + usize::from(result.is_err()), "seed {seed}: {:?}", wired.transport.done());
        for id in there {
            honest.download(id, &truth).unwrap();
            alice.delete(id).unwrap();
        }
    }
    assert!(outcomes.iter().all(|count| *count > 2), "failed and made: {outcomes:?}");
}
