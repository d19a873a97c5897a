//! `Join`: each child gets the replies to its own effects, whatever else is under way.

use super::{Hand, State, echoed, joined, question};
use absio_proto::effect::{AllCall, Effect, Reply, StoreCall, StoreOutcome};
use absio_proto::{Cx, Error, Guard, Join, Leaf, Misuse, Operation, Step, attempt};

/// Asks in rounds: one question of a round as it is, several (or none) as an `All`. Gives all
/// answers, and fails where an answer is not the echo of its question.
struct Rounds {
    rounds: Vec<Vec<String>>,
    asked: Option<Vec<String>>,
    single: bool,
    answers: Vec<String>,
}

fn rounds(rounds: &[&[&str]]) -> Rounds {
    let rounds = rounds.iter().map(|round| round.iter().map(ToString::to_string).collect()).collect();
    Rounds { rounds, asked: None, single: false, answers: Vec::new() }
}

fn answer(reply: Reply) -> Result<String, Error> {
    match reply.store()?? {
        StoreOutcome::Values(values) => {
            Ok(String::from_utf8(values[0].clone().expect("echoed")).expect("the questions are text"))
        }
        _ => Err(Error::Protocol("another outcome".into())),
    }
}

impl Operation<State> for Rounds {
    type Output = String;

    fn resume(&mut self, _cx: &mut Cx<'_, State>, reply: Option<Reply>) -> Step<Result<String, Error>> {
        if let Some(asked) = self.asked.take() {
            let Some(reply) = reply else { return Step::Done(Err(Misuse::MissingReply.into())) };
            let replies = if self.single { vec![reply] } else { attempt!(reply.all()) };
            let answers: Vec<String> = attempt!(replies.into_iter().map(answer).collect::<Result<_, _>>());
            if answers != asked {
                return Step::Done(Err(Error::Protocol(format!("{answers:?} is no answer to {asked:?}"))));
            }
            self.answers.extend(answers);
        }
        if self.rounds.is_empty() {
            return Step::Done(Ok(self.answers.join(" ")));
        }
        let round = self.rounds.remove(0);
        let mut effects: Vec<Effect> =
            round.iter().map(|key| Effect::Store(StoreCall::new(question(key)))).collect();
        self.single = effects.len() == 1;
        self.asked = Some(round);
        Step::Effect(match self.single {
            true => effects.remove(0),
            false => Effect::All(AllCall::new(effects)),
        })
    }
}

/// Runs to the end, the members of every `All` answered in reverse; gives the sizes of the rounds.
fn run<O: Operation<State>>(operation: O) -> (Result<O::Output, Error>, Vec<usize>) {
    let (mut hand, mut operation) = (Hand::new(5), Guard::new(operation));
    let (mut reply, mut sizes) = (None, Vec::new());
    loop {
        match hand.resume(&mut operation, reply.take()) {
            Step::Done(result) => return (result, sizes),
            Step::Effect(effect @ Effect::All(_)) => {
                let mut size = 0;
                let answered = joined(effect, |replies| {
                    size = replies.len();
                    replies.reverse();
                });
                sizes.push(size);
                reply = Some(answered);
            }
            Step::Effect(effect) => {
                sizes.push(1);
                reply = Some(echoed(effect));
            }
        }
    }
}

#[test]
fn nothing_to_join_is_done_at_once() {
    assert_eq!(run(Join::new(Vec::<Rounds>::new())), (Ok(vec![]), vec![]));
    assert_eq!(run(Join::new([rounds(&[]), rounds(&[])])), (Ok(vec![String::new(); 2]), vec![]));
}

#[test]
fn children_share_a_round_and_keep_their_order() {
    let children = [rounds(&[&["a1"], &["a2"], &["a3"]]), rounds(&[]), rounds(&[&["c1"], &["c2"]])];
    let (result, sizes) = run(Join::new(children));
    assert_eq!(result, Ok(vec!["a1 a2 a3".to_owned(), String::new(), "c1 c2".to_owned()]));
    assert_eq!(sizes, [2, 2, 1]);
}

#[test]
fn a_childs_own_all_comes_back_joined() {
    let children = [
        rounds(&[&["a1", "a2", "a3"], &["a4"]]),
        rounds(&[&["b1"], &["b2", "b3"]]),
        rounds(&[&["c1", "c2"], &["c3", "c4"]]),
    ];
    let (result, sizes) = run(Join::new(children));
    assert_eq!(result, Ok(vec!["a1 a2 a3 a4".into(), "b1 b2 b3".into(), "c1 c2 c3 c4".into()]));
    assert_eq!(sizes, [6, 5]);
}

#[test]
fn a_childs_empty_all_is_answered_too() {
    let children = [rounds(&[&[], &["a1"]]), rounds(&[&["b1"], &[]]), rounds(&[&["c1", "c2"]])];
    let (result, sizes) = run(Join::new(children));
    assert_eq!(result, Ok(vec!["a1".into(), "b1".into(), "c1 c2".into()]));
    assert_eq!(sizes, [3, 1]);

    // Nobody asks for anything, yet somebody waits.
    let (result, sizes) = run(Join::new([rounds(&[&[], &["a1"]]), rounds(&[&[]])]));
    assert_eq!(result, Ok(vec!["a1".into(), String::new()]));
    assert_eq!(sizes, [0, 1]);
}

#[test]
fn joins_nest() {
    let inner = |name: &str| {
        let [one, two, three] = ["1", "2", "3"].map(|number| format!("{name}{number}"));
        Join::new([rounds(&[&[&one], &[&two, &three]]), rounds(&[&[&two, &one, &three]])])
    };
    let (result, sizes) = run(Join::new([inner("x"), inner("y")]));
    assert_eq!(
        result,
        Ok(vec![vec!["x1 x2 x3".into(), "x2 x1 x3".into()], vec!["y1 y2 y3".into(), "y2 y1 y3".into()]])
    );
    assert_eq!(sizes, [8, 4]);
}

#[test]
fn the_first_error_ends_the_whole() {
    struct Fails;
    impl Operation<State> for Fails {
        type Output = String;

        fn resume(&mut self, _cx: &mut Cx<'_, State>, reply: Option<Reply>) -> Step<Result<String, Error>> {
            match reply {
                None => Step::Effect(Effect::Store(StoreCall::new(question("doomed")))),
                Some(_) => Step::Done(Err(Error::Protocol("doomed".into()))),
            }
        }
    }
    type Child = Box<dyn Operation<State, Output = String> + Send>;
    let children: [Child; 2] = [Box::new(rounds(&[&["a1"], &["a2"]])), Box::new(Fails)];
    let (result, sizes) = run(Join::new(children));
    assert_eq!((result, sizes), (Err(Error::Protocol("doomed".into())), vec![2]));
}

#[test]
fn a_broken_join_ends_the_whole() {
    let leaves = ["a", "b", "c"].map(|key| Leaf::store(question(key)));
    let (mut hand, mut operation) = (Hand::new(1), Guard::new(Join::new(leaves)));
    let effect = hand.effect(&mut operation, None);
    let reply = joined(effect, |replies| drop(replies.remove(1)));
    assert_eq!(hand.end(&mut operation, Some(reply)).err(), Some(Misuse::BrokenJoin.into()));
    assert_eq!(hand.end(&mut operation, None).err(), Some(Misuse::BrokenJoin.into()));
}
