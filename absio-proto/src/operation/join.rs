//! A fixed number of operations side by side.

use super::{Cx, Operation, Pipeline, Step};
use crate::attempt;
use crate::effect::Reply;
use crate::error::Error;

/// Runs several operations side by side: merges the effects they wait for into one
/// [`AllCall`](crate::effect::AllCall) a round, and gives each its own reply. The first error ends the
/// whole.
pub struct Join<O, T> {
    waiting: Vec<O>,
    running: Pipeline<O, T>,
}

impl<O, T> Join<O, T> {
    /// Runs `operations` side by side; the outputs come in the same order.
    pub fn new(operations: impl IntoIterator<Item = O>) -> Self {
        Self { waiting: operations.into_iter().collect(), running: Pipeline::new() }
    }
}

impl<S, O: Operation<S>> Operation<S> for Join<O, O::Output> {
    type Output = Vec<O::Output>;

    fn resume(&mut self, cx: &mut Cx<'_, S>, reply: Option<Reply>) -> Step<Result<Self::Output, Error>> {
        attempt!(self.running.advance(cx, reply));
        for operation in self.waiting.drain(..) {
            attempt!(self.running.begin(operation, cx));
        }
        match self.running.effect() {
            Some(effect) => Step::Effect(effect),
            None => Step::Done(Ok(core::iter::from_fn(|| self.running.take()).collect())),
        }
    }
}
