//! Operations side by side that are begun one after another, so that they are at different steps.
//!
//! ```text
//!  round 1   part 0: read
//!  round 2   part 0: seal   part 1: read
//!  round 3   part 0: send   part 1: seal   part 2: read
//!  round 4                  part 1: send   part 2: seal   part 3: read
//! ```
//!
//! Each round is one [`AllCall`]: while one part is on its way, the next is sealed and the one behind
//! it read.

use super::{Cx, Operation, Step};
use crate::effect::{AllCall, Effect, Reply, ReplyValue, Token};
use crate::error::Error;
use std::collections::VecDeque;

/// Operations under way, in the order they were begun. Whoever owns it decides each round what is begun:
/// [`advance`](Self::advance), [`take`](Self::take), [`begin`](Self::begin), [`effect`](Self::effect).
pub(crate) struct Pipeline<O, T> {
    children: VecDeque<Child<O, T>>,
    /// What the children wait for since the last round, and which child each belongs to.
    members: Vec<(u64, Effect)>,
    /// Which child each member of the last [`AllCall`] belongs to.
    routes: Vec<u64>,
    /// Children that asked for an `All` of their own, with however many members: they get the replies to
    /// their members joined.
    grouped: Vec<u64>,
    /// The number of the child at the front.
    first: u64,
}

enum Child<O, T> {
    Running(O),
    Finished(T),
}

impl<O, T> Pipeline<O, T> {
    /// Nothing is under way.
    pub(crate) const fn new() -> Self {
        Self {
            children: VecDeque::new(),
            members: Vec::new(),
            routes: Vec::new(),
            grouped: Vec::new(),
            first: 0,
        }
    }

    /// The output of the operation begun first, if it is finished: so outputs come in order.
    pub(crate) fn take(&mut self) -> Option<T> {
        match self.children.pop_front()? {
            Child::Finished(output) => {
                self.first += 1;
                Some(output)
            }
            running @ Child::Running(_) => {
                self.children.push_front(running);
                None
            }
        }
    }

    /// What is waited for; none if nothing is under way any more.
    pub(crate) fn effect(&mut self) -> Option<Effect> {
        self.routes.clear();
        self.grouped.clear();
        if !self.children.iter().any(|child| matches!(child, Child::Running(_))) {
            return None;
        }
        let mut merged = Vec::with_capacity(self.members.len());
        for (child, effect) in self.members.drain(..) {
            match effect {
                Effect::All(all) => {
                    self.grouped.push(child);
                    self.routes.extend(all.members.iter().map(|_| child));
                    merged.extend(all.members);
                }
                effect => {
                    self.routes.push(child);
                    merged.push(effect);
                }
            }
        }
        Some(Effect::All(AllCall::new(merged)))
    }

    /// One reply for each running child, in order.
    fn deal(&self, reply: Option<Reply>) -> Result<Vec<Option<Reply>>, Error> {
        let mut hands: Vec<Option<Reply>> = self.children.iter().map(|_| None).collect();
        let Some(reply) = reply else { return Ok(hands) };
        for child in &self.grouped {
            let value = ReplyValue::All(Vec::new());
            if let Some(hand) = hands.get_mut(self.place(*child)) {
                *hand = Some(Reply { token: Token::default(), value });
            }
        }
        for (reply, child) in reply.all()?.into_iter().zip(&self.routes) {
            match hands.get_mut(self.place(*child)) {
                Some(Some(Reply { value: ReplyValue::All(members), .. })) => members.push(reply),
                Some(hand) => *hand = Some(reply),
                None => {}
            }
        }
        Ok(hands)
    }

    fn place(&self, child: u64) -> usize {
        usize::try_from(child.saturating_sub(self.first)).unwrap_or(usize::MAX)
    }

    /// Hands out the replies of the last round.
    ///
    /// # Errors
    /// The first of an operation; the others are given up then.
    pub(crate) fn advance<S>(&mut self, cx: &mut Cx<'_, S>, reply: Option<Reply>) -> Result<(), Error>
    where
        O: Operation<S, Output = T>,
    {
        let hands = self.deal(reply)?;
        for ((number, child), hand) in (self.first..).zip(&mut self.children).zip(hands) {
            let Child::Running(operation) = child else { continue };
            match operation.resume(cx, hand) {
                Step::Done(result) => *child = Child::Finished(result?),
                Step::Effect(effect) => self.members.push((number, effect)),
            }
        }
        Ok(())
    }

    /// Begins an operation behind those under way.
    ///
    /// # Errors
    /// Its own, if it ends at once.
    pub(crate) fn begin<S>(&mut self, mut operation: O, cx: &mut Cx<'_, S>) -> Result<(), Error>
    where
        O: Operation<S, Output = T>,
    {
        let number = self.first + self.children.len() as u64;
        let child = match operation.resume(cx, None) {
            Step::Done(result) => Child::Finished(result?),
            Step::Effect(effect) => {
                self.members.push((number, effect));
                Child::Running(operation)
            }
        };
        self.children.push_back(child);
        Ok(())
    }
}
