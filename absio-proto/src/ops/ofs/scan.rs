//! Every record of some kinds, page by page.

use super::ask::{self, Answer};
use crate::effect::{Reply, StoreErrorKind};
use crate::error::Error;
use crate::ofs::keys::Kind;
use crate::operation::{Cx, Operation, Step};
use crate::session::Session;
use crate::{attempt, drive};

/// Entries of one page: with values of a few KiB this stays well under a store's answer limit.
const PAGE: usize = 256;
/// A page that is over the limit all the same is asked for again, this many times smaller.
const SHRINK: usize = 4;

/// One page of sealed records.
pub(crate) struct Page {
    pub(crate) kind: Kind,
    /// Names and sealed values, ascending.
    pub(crate) entries: ask::Entries,
}

/// Gives the pages one after another, then none. Resumed again after each page.
pub(crate) struct Scan {
    kinds: Vec<Kind>,
    from: Option<Vec<u8>>,
    limit: usize,
    answer: Option<Answer>,
}

impl Scan {
    /// Of all records of `kinds`.
    pub(crate) fn new(kinds: &[Kind]) -> Self {
        let kinds = kinds.iter().rev().copied().collect();
        Self { kinds, from: None, limit: PAGE, answer: None }
    }
}

impl Operation for Scan {
    type Output = Option<Page>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Option<Page>, Error>> {
        loop {
            let Some(kind) = self.kinds.last().copied() else { return Step::Done(Ok(None)) };
            let answer = match &mut self.answer {
                Some(answer) => answer,
                None => {
                    let (start, end) = attempt!(cx.session.local()).keys.range(kind);
                    let start = self.from.clone().unwrap_or(start);
                    self.answer.insert(ask::scan(start, end, self.limit))
                }
            };
            let given = drive!(answer, cx, reply);
            self.answer = None;
            if self.limit > 1 && given.as_ref().is_err_and(|error| error.kind == StoreErrorKind::Invalid) {
                self.limit = (self.limit / SHRINK).max(1);
                continue;
            }
            let entries = attempt!(ask::entries(given));
            match entries.last() {
                // The next page begins behind the last name.
                Some((last, _)) if entries.len() >= self.limit => {
                    self.from = Some([last.as_slice(), &[0]].concat());
                }
                _ => {
                    self.from = None;
                    let _ = self.kinds.pop();
                }
            }
            if !entries.is_empty() {
                return Step::Done(Ok(Some(Page { kind, entries })));
            }
        }
    }
}
