//! Lists the containers that the signed-in user has access to.

use crate::effect::Reply;
use crate::error::{Error, InputError};
use crate::limits;
use crate::model::ContainerId;
use crate::operation::{Cx, Operation, Step};
use crate::ops::Exchange;
use crate::session::Session;
use crate::wire::{self, ContainerList, ContainerSummary, Route};
use crate::{attempt, drive};

/// One page of the list, in ascending order of id. One round trip. What the broker lists is a hint:
/// getting a container verifies it.
pub struct ListPage {
    after: Option<ContainerId>,
    exchange: Exchange,
}

impl ListPage {
    /// The first page after `after`.
    pub fn new(after: Option<ContainerId>) -> Self {
        let route = Route::ListContainers { after, limit: limits::CONTAINERS_PAGE };
        Self { after, exchange: Exchange::new(route) }
    }

    /// With at most `limit` containers (1 to 1,000).
    pub fn limited(self, limit: usize) -> Self {
        let (after, limit) = (self.after, limit.clamp(1, limits::CONTAINERS_PAGE));
        Self { exchange: Exchange::new(Route::ListContainers { after, limit }), ..self }
    }

    fn check(&self, list: &ContainerList) -> Result<(), Error> {
        let ids = list.containers.iter().map(|summary| Some(summary.container_id));
        let ascending = core::iter::once(self.after).chain(ids.clone()).is_sorted_by(|a, b| a < b);
        if ascending && (ids.count() > 0 || !list.more) {
            Ok(())
        } else {
            Err(Error::Protocol("the container list does not go on".into()))
        }
    }
}

impl Operation for ListPage {
    type Output = ContainerList;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<ContainerList, Error>> {
        let body = drive!(&mut self.exchange, cx, reply);
        let list = attempt!(wire::from_json("the container list", &body));
        attempt!(self.check(&list));
        Step::Done(Ok(list))
    }
}

/// The whole list, page after page: at most a million containers.
pub struct List {
    page: ListPage,
    found: Vec<ContainerSummary>,
}

impl List {
    /// The operation.
    pub fn new() -> Self {
        Self { page: ListPage::new(None), found: Vec::new() }
    }
}

impl Default for List {
    fn default() -> Self {
        Self::new()
    }
}

impl Operation for List {
    type Output = Vec<ContainerSummary>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Vec<ContainerSummary>, Error>> {
        loop {
            let list = drive!(&mut self.page, cx, reply);
            self.found.extend(list.containers);
            if !list.more {
                return Step::Done(Ok(core::mem::take(&mut self.found)));
            }
            let (actual, limit) = (self.found.len() as u64, limits::GATHERED as u64);
            if actual > limit {
                return Step::Done(Err(InputError::TooLarge {
                    what: "the list of containers",
                    actual,
                    limit,
                }
                .into()));
            }
            self.page = ListPage::new(self.found.last().map(|summary| summary.container_id));
        }
    }
}
