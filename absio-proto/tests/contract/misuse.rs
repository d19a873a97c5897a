//! Drivers that break the contract. Each gets an error that says how, once and for all.

use super::{Broken, Hand, State, echoed, joined, question};
use absio_proto::effect::{
    AllCall, Effect, HttpCall, HttpRequest, Job, Method, Reply, StoreCall, StoreOutcome,
};
use absio_proto::model::Timestamp;
use absio_proto::{Cx, Error, Guard, Leaf, Misuse, Now, Operation, Step, attempt};
use std::time::Duration;

/// Asks its questions one after another.
struct Questions(Vec<&'static str>);

impl Operation<State> for Questions {
    type Output = &'static str;

    fn resume(&mut self, _cx: &mut Cx<'_, State>, reply: Option<Reply>) -> Step<Result<&'static str, Error>> {
        if let Some(reply) = reply {
            attempt!(attempt!(reply.store()));
        }
        match self.0.is_empty() {
            true => Step::Done(Ok("done")),
            false => Step::Effect(Effect::Store(StoreCall::new(question(self.0.remove(0))))),
        }
    }
}

/// One effect, whatever it is, read as the test says.
struct Once<T> {
    effect: Option<Effect>,
    read: fn(Reply) -> Result<T, Error>,
}

impl<T> Operation<State> for Once<T> {
    type Output = T;

    fn resume(&mut self, _cx: &mut Cx<'_, State>, reply: Option<Reply>) -> Step<Result<T, Error>> {
        match (self.effect.take(), reply) {
            (Some(effect), _) => Step::Effect(effect),
            (None, Some(reply)) => Step::Done((self.read)(reply)),
            (None, None) => unreachable!("the guard does not resume without the reply"),
        }
    }
}

fn once<T>(effect: Effect, read: fn(Reply) -> Result<T, Error>) -> Guard<Once<T>> {
    Guard::new(Once { effect: Some(effect), read })
}

fn two_questions() -> Guard<Questions> {
    Guard::new(Questions(vec!["first", "second"]))
}

fn store_effect(key: &str) -> Effect {
    Effect::Store(StoreCall::new(question(key)))
}

fn all(keys: &[&str]) -> Effect {
    Effect::All(AllCall::new(keys.iter().map(|key| store_effect(key)).collect()))
}

/// A reply that no operation waits for any more.
fn foreign_reply() -> Reply {
    let mut hand = Hand::new(99);
    echoed(hand.effect(&mut two_questions(), None))
}

/// The operation ends with `misuse`, and says the same with a reply, without one, and again.
#[track_caller]
fn ends_in<O: Operation<State>>(hand: &mut Hand, operation: &mut O, reply: Option<Reply>, misuse: Misuse) {
    for reply in [reply, None, Some(foreign_reply()), None] {
        assert_eq!(hand.end(operation, reply).err(), Some(Error::Misuse(misuse)));
    }
}

#[test]
fn a_reply_at_the_first_resume() {
    ends_in(&mut Hand::new(1), &mut two_questions(), Some(foreign_reply()), Misuse::UnexpectedReply);
}

#[test]
fn no_reply() {
    let (mut hand, mut operation) = (Hand::new(1), two_questions());
    let _effect = hand.effect(&mut operation, None);
    ends_in(&mut hand, &mut operation, None, Misuse::MissingReply);
}

#[test]
fn the_right_reply_after_a_missing_one_comes_too_late() {
    let (mut hand, mut operation) = (Hand::new(1), two_questions());
    let effect = hand.effect(&mut operation, None);
    assert!(hand.end(&mut operation, None).is_err());
    ends_in(&mut hand, &mut operation, Some(echoed(effect)), Misuse::MissingReply);
}

#[test]
fn a_stale_reply() {
    let (mut hand, mut operation) =
        (Hand::new(1), Guard::new(Once { effect: Some(all(&["a", "b"])), read: Reply::all }));
    let Effect::All(call) = hand.effect(&mut operation, None) else { panic!("an All was asked for") };
    // A member's reply is not the reply to the whole.
    let (_slot, mut members) = call.split();
    ends_in(&mut hand, &mut operation, Some(echoed(members.remove(0))), Misuse::StaleReply);
}

#[test]
fn a_reply_to_an_earlier_effect_of_another_run_with_the_same_randomness() {
    // Equal randomness gives equal tokens: the first reply of a twin is a stale one here.
    let (mut hand, mut operation) = (Hand::new(1), two_questions());
    let twins_first = echoed(Hand::new(1).effect(&mut two_questions(), None));
    let first = echoed(hand.effect(&mut operation, None));
    let _second = hand.effect(&mut operation, Some(first));
    ends_in(&mut hand, &mut operation, Some(twins_first), Misuse::StaleReply);
}

#[test]
fn a_foreign_reply() {
    let (mut hand, mut operation) = (Hand::new(1), two_questions());
    let _effect = hand.effect(&mut operation, None);
    ends_in(&mut hand, &mut operation, Some(foreign_reply()), Misuse::ForeignReply);
}

#[test]
fn a_resume_after_the_end() {
    let (mut hand, mut operation) = (Hand::new(1), two_questions());
    let first = echoed(hand.effect(&mut operation, None));
    let second = echoed(hand.effect(&mut operation, Some(first)));
    assert_eq!(hand.end(&mut operation, Some(second)), Ok("done"));
    ends_in(&mut hand, &mut operation, None, Misuse::ResumedAfterDone);
}

#[test]
fn a_resume_after_an_error() {
    let failed = |_| Err(Error::Protocol("for the test".into()));
    let (mut hand, mut operation) = (Hand::new(1), once::<()>(store_effect("a"), failed));
    let effect = hand.effect(&mut operation, None);
    assert_eq!(hand.end(&mut operation, Some(echoed(effect))), Err(Error::Protocol("for the test".into())));
    ends_in(&mut hand, &mut operation, None, Misuse::ResumedAfterDone);
}

#[test]
fn replies_of_a_join_missing_doubled_or_foreign() {
    type Arrange = fn(&mut Vec<Reply>);
    let breaks: [Arrange; 5] = [
        |replies| drop(replies.pop()),
        |replies| replies.clear(),
        |replies| replies.push(foreign_reply()),
        |replies| replies[1] = foreign_reply(),
        |replies| {
            // The first member's reply twice, from a twin with equal randomness.
            replies[1] = Hand::new(1).first_member();
        },
    ];
    for (index, arrange) in breaks.into_iter().enumerate() {
        let (mut hand, mut operation) = (Hand::new(1), once(all(&["a", "b", "c"]), Reply::all));
        let effect = hand.effect(&mut operation, None);
        let reply = joined(effect, arrange);
        assert_eq!(
            hand.end(&mut operation, Some(reply)).err(),
            Some(Error::Misuse(Misuse::BrokenJoin)),
            "break {index}"
        );
        ends_in(&mut hand, &mut operation, None, Misuse::BrokenJoin);
    }
}

impl Hand {
    /// The reply to the first member of the `All` that the test above asks for.
    fn first_member(mut self) -> Reply {
        match self.effect(&mut once(all(&["a", "b", "c"]), Reply::all), None) {
            Effect::All(call) => echoed(call.split().1.remove(0)),
            _ => panic!("an All was asked for"),
        }
    }
}

#[test]
fn a_join_with_the_slot_of_another_operation() {
    let (mut hand, mut operation) = (Hand::new(1), once(all(&["a"]), Reply::all));
    let (mut other_hand, mut other) = (Hand::new(2), once(all(&["a"]), Reply::all));
    let Effect::All(call) = hand.effect(&mut operation, None) else { panic!("an All was asked for") };
    let Effect::All(other_call) = other_hand.effect(&mut other, None) else { panic!("an All was asked for") };
    let (slot, _) = call.split();
    let (_, members) = other_call.split();
    let reply = slot.join(members.into_iter().map(echoed).collect());
    ends_in(&mut hand, &mut operation, Some(reply), Misuse::BrokenJoin);
}

#[test]
fn members_may_come_in_any_order() {
    let read = |reply: Reply| {
        reply
            .all()?
            .into_iter()
            .map(|reply| Ok(reply.store()?.expect("echoed")))
            .collect::<Result<Vec<_>, Error>>()
    };
    let (mut hand, mut operation) = (Hand::new(1), once(all(&["a", "b", "c"]), read));
    let effect = hand.effect(&mut operation, None);
    let outcomes = hand.end(&mut operation, Some(joined(effect, |replies| replies.reverse()))).unwrap();
    let expected = ["a", "b", "c"].map(|key| StoreOutcome::Values(vec![Some(key.into())]));
    assert!(outcomes == expected);
}

#[test]
fn an_all_inside_an_all() {
    let nested = Effect::All(AllCall::new(vec![store_effect("a"), all(&["b"])]));
    ends_in(&mut Hand::new(1), &mut once(nested, Reply::all), None, Misuse::NestedAll);
}

#[test]
fn a_reply_of_another_shape_than_the_operation_reads() {
    // A driver cannot mint one; an operation that reads its own reply wrongly is told so as well.
    fn reads(effect: Effect, perform: impl FnOnce(Effect) -> Reply, read: fn(Reply) -> Result<(), Error>) {
        let (mut hand, mut operation) = (Hand::new(1), once(effect, read));
        let effect = hand.effect(&mut operation, None);
        ends_in(&mut hand, &mut operation, Some(perform(effect)), Misuse::WrongReply);
    }
    let join = |effect| joined(effect, |_| {});
    reads(all(&["a"]), join, |reply| reply.store().map(drop));
    reads(all(&[]), join, |reply| reply.http().map(drop));
    reads(store_effect("a"), echoed, |reply| reply.all().map(drop));
    reads(store_effect("a"), echoed, |reply| reply.content().map(drop));
    reads(store_effect("a"), echoed, Reply::slept);
    reads(store_effect("a"), echoed, Reply::compute::<()>);
    let run = |effect| match effect {
        Effect::Compute(job) => job.run(),
        _ => panic!("a job was asked for"),
    };
    reads(Effect::Compute(Job::new("number", || 1u32)), run, |reply| reply.compute::<u64>().map(drop));
}

#[test]
fn the_session_became_another_one() {
    let (mut hand, mut operation) = (Hand::new(1), two_questions());
    let effect = hand.effect(&mut operation, None);
    hand.state.generation += 1;
    assert_eq!(hand.end(&mut operation, Some(echoed(effect))).err(), Some(Error::SessionChanged));
    hand.state.generation -= 1;
    ends_in(&mut hand, &mut operation, None, Misuse::ResumedAfterDone);
}

#[test]
fn an_operation_may_change_the_session_itself() {
    struct SignsIn(Option<Effect>);
    impl Operation<State> for SignsIn {
        type Output = u64;

        fn resume(&mut self, cx: &mut Cx<'_, State>, reply: Option<Reply>) -> Step<Result<u64, Error>> {
            drop(reply);
            cx.session.generation += 1;
            self.0.take().map_or(Step::Done(Ok(cx.session.generation)), Step::Effect)
        }
    }
    let (mut hand, mut operation) = (Hand::new(1), Guard::new(SignsIn(Some(store_effect("a")))));
    let effect = hand.effect(&mut operation, None);
    assert_eq!(hand.end(&mut operation, Some(echoed(effect))), Ok(2));
}

#[test]
fn a_random_source_that_fails_at_the_first_resume() {
    let mut operation = two_questions();
    let now = Now { utc: Timestamp::from_millis(0), monotonic: Duration::ZERO };
    let mut state = State::default();
    let step = operation.resume(&mut Cx { now, entropy: &mut Broken, session: &mut state }, None);
    assert!(matches!(step, Step::Done(Err(Error::Entropy(_)))));
    ends_in(&mut Hand::new(1), &mut operation, None, Misuse::ResumedAfterDone);
}

#[test]
fn a_leaf_without_a_guard_does_not_panic_either() {
    let mut hand = Hand::new(1);
    let mut leaf = Leaf::store(question("a"));
    let unexpected = hand.end(&mut leaf, Some(foreign_reply())).err();
    assert_eq!(unexpected, Some(Misuse::UnexpectedReply.into()));
    assert_eq!(hand.end(&mut leaf, None).err(), Some(Misuse::MissingReply.into()));

    let mut leaf = Leaf::http(HttpRequest {
        method: Method::Get,
        origin: "https://example.org".into(),
        path: "/".into(),
        headers: vec![],
        body: vec![].into(),
        deadline: Duration::from_secs(1),
        max_response: 1,
    });
    assert!(
        matches!(hand.effect(&mut leaf, None), Effect::Http(call) if HttpCall::request(&call).path == "/")
    );
    assert_eq!(hand.end(&mut leaf, Some(foreign_reply())).err(), Some(Misuse::WrongReply.into()));
}
