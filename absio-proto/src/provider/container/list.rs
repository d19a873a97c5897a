//! The containers there are: at the broker, or in the local store.

use crate::drive;
use crate::effect::Reply;
use crate::error::Error;
use crate::model::ContainerId;
use crate::operation::{Cx, Operation, Step};
use crate::ops::container::{List, ListPage};
use crate::ops::ofs::{ListKept, ListKeptPage};
use crate::provider::{Listed, ListedPage, Standard};
use crate::session::Session;
use crate::wire::ContainerSummary;

/// The whole list under a standard provider.
pub(crate) enum Listing {
    AtBroker(List),
    Here(ListKept),
}

impl Listing {
    pub(crate) fn new(place: Standard) -> Self {
        match place {
            Standard::Ofs => Self::Here(ListKept::new()),
            Standard::Server | Standard::ServerCacheOfs => Self::AtBroker(List::new()),
        }
    }
}

fn listed(summary: ContainerSummary) -> Listed {
    Listed {
        container: summary.container_id,
        revision: summary.revision,
        container_type: summary.container_type,
        sole: summary.sole,
        fresh_at: None,
        is_local: false,
        is_reported: false,
    }
}

impl Operation for Listing {
    type Output = Vec<Listed>;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<Vec<Listed>, Error>> {
        match self {
            Self::Here(list) => list.resume(cx, reply),
            Self::AtBroker(list) => {
                let found = drive!(list, cx, reply);
                Step::Done(Ok(found.into_iter().map(listed).collect()))
            }
        }
    }
}

/// One page of the list under a standard provider.
pub(crate) enum ListingPage {
    AtBroker(ListPage),
    Here(ListKeptPage),
}

impl ListingPage {
    pub(crate) fn new(place: Standard, after: Option<ContainerId>, limit: usize) -> Self {
        match place {
            Standard::Ofs => Self::Here(ListKeptPage::new(after, limit)),
            Standard::Server | Standard::ServerCacheOfs => {
                Self::AtBroker(ListPage::new(after).limited(limit))
            }
        }
    }
}

impl Operation for ListingPage {
    type Output = ListedPage;

    fn resume(
        &mut self,
        cx: &mut Cx<'_, Session>,
        mut reply: Option<Reply>,
    ) -> Step<Result<ListedPage, Error>> {
        match self {
            Self::Here(list) => list.resume(cx, reply),
            Self::AtBroker(list) => {
                let found = drive!(list, cx, reply);
                let containers: Vec<_> = found.containers.into_iter().map(listed).collect();
                let next = containers.last().map(|listed| listed.container).filter(|_| found.more);
                Step::Done(Ok(ListedPage { containers, next }))
            }
        }
    }
}
