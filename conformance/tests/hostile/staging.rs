//! How an attack is staged: what the broker answers is altered, and everything that is sent is kept.

use crate::people::Device;
use absio_broker::{Exchange, Fault};
use absio_proto::effect::{HttpRequest, HttpResponse, Method};
use absio_proto::model::{ContainerId, Portion, UserId};
use absio_proto::ops::container::Get;
use absio_proto::wire::{ContainerAnswer, KeysAnswer};
use absio_proto::{CryptoError, Error};

/// Another device of the same user, which remembers nothing.
pub fn fresh(device: &Device) -> Device {
    let other = Device::new(&device.broker);
    other.log_in(device.id());
    other
}

/// What the broker answers `device` for `id`.
pub fn answer(device: &Device, id: ContainerId) -> ContainerAnswer {
    device.broker.record();
    device.get(id).unwrap();
    let path = format!("/v1/containers/{id}?");
    let is_get = |exchange: &Exchange| exchange.request.path.starts_with(&path);
    let exchange = device.broker.recorded().into_iter().rfind(is_get).unwrap();
    ContainerAnswer::decode(&exchange.outcome.unwrap().body, device.id()).unwrap()
}

/// What a get comes to that is answered with `shown`, and what was sent for it.
pub fn get_shown(
    device: &Device,
    id: ContainerId,
    shown: &ContainerAnswer,
) -> (Result<Option<Vec<u8>>, Error>, Vec<HttpRequest>) {
    let body = shown.encode(device.id());
    device.broker.record();
    device.broker.fault_next(Fault::Answer(HttpResponse { status: 200, headers: Vec::new(), body }));
    let result = device.run(Get::new(id, Portion::All)).map(|container| container.content);
    (result, sent(device))
}

/// Everything that was sent since the recording began.
pub fn sent(device: &Device) -> Vec<HttpRequest> {
    device.broker.recorded().into_iter().map(|exchange| exchange.request).collect()
}

/// Whether this creates or changes a container: the requests that carry blobs.
pub fn is_change(request: &HttpRequest) -> bool {
    matches!(request.method, Method::Post | Method::Put) && request.path.starts_with("/v1/containers")
}

/// The next answer shows these cards for `user`.
pub fn serve_cards(device: &Device, user: UserId, cards: Vec<Vec<u8>>) {
    device.broker.fault_next(Fault::Alter(Box::new(move |response| {
        let cards = cards.into_iter().map(|card| (user, card)).collect();
        response.body = KeysAnswer { unknown: Vec::new(), cards }.encode();
    })));
}

/// The failure of `result`, which must be the cryptography's.
#[track_caller]
pub fn crypto<T: core::fmt::Debug>(result: Result<T, Error>) -> CryptoError {
    match result {
        Err(Error::Crypto(error)) => error,
        other => panic!("not refused by the cryptography: {other:?}"),
    }
}
