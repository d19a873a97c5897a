//! What went over the wire, taken apart.

use absio_broker::{Exchange, Fixture};
use absio_proto::crypto::manifest::ManifestView;
use absio_proto::effect::Method;
use absio_proto::model::{ContainerId, UserId};
use absio_proto::wire::{ChangeContainer, ContainerAnswer};

/// Everything since the recording began, or was last taken.
pub fn traffic(broker: &Fixture) -> Vec<Exchange> {
    broker.recorded()
}

/// The revisions that were sent.
pub fn changes(traffic: &[Exchange]) -> Vec<ChangeContainer> {
    traffic
        .iter()
        .filter(|exchange| is_change(exchange))
        .map(|exchange| {
            ChangeContainer::decode(&exchange.request.body).expect("a client sends what it can read")
        })
        .collect()
}

/// Whether this is a create or an update.
pub fn is_change(exchange: &Exchange) -> bool {
    let request = &exchange.request;
    let method = matches!(request.method, Method::Post | Method::Put);
    method && request.path.starts_with("/v1/containers")
}

/// Whether this is the fetch of a container.
pub fn is_get(exchange: &Exchange, container: ContainerId) -> bool {
    let request = &exchange.request;
    request.method == Method::Get && request.path.starts_with(&format!("/v1/containers/{container}?"))
}

/// The last answer to a fetch of `container` in `traffic`.
pub fn answer(traffic: &[Exchange], container: ContainerId, reader: UserId) -> ContainerAnswer {
    let exchange = traffic.iter().rfind(|exchange| is_get(exchange, container)).expect("it was fetched");
    let body = &exchange.outcome.as_ref().expect("it was answered").body;
    ContainerAnswer::decode(body, reader).expect("the broker sends what it can read")
}

/// The newest view of an answer.
pub fn newest(answer: &ContainerAnswer) -> ManifestView {
    ManifestView::decode(answer.views.last().expect("an answer has a view")).expect("it is well formed")
}

/// Bytes of requests and of answers.
pub fn volume(traffic: &[Exchange]) -> (usize, usize) {
    let sent = traffic.iter().map(|exchange| exchange.request.body.len()).sum();
    let received = traffic.iter().filter_map(|exchange| exchange.outcome.as_ref().ok());
    (sent, received.map(|response| response.body.len()).sum())
}
