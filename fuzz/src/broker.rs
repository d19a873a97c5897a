//! The broker's request handler, under any request.

use absio_broker::Fixture;
use absio_proto::driver::blocking::Transport;
use absio_proto::effect::{HttpRequest, Method};
use absio_proto::wire::decode_error;
use core::time::Duration;
use std::cell::RefCell;

/// Requests after which the broker is made anew, so that what one input did does not follow the others for ever.
const LIFE: u32 = 500;

thread_local! {
    static BROKER: RefCell<(Fixture, u32)> = RefCell::new((busy(), 0));
}

/// A broker with two users and their containers, which were left as they were recorded: the same
/// randomness and the same requests give the same tokens and ids.
fn busy() -> Fixture {
    let broker = Fixture::seeded(1);
    for request in crate::replies::requests() {
        let answer = broker.exchange(request.clone()).expect("the broker answers");
        assert!(answer.status < 400, "{request:?} was accepted when it was recorded");
    }
    broker
}

/// Input: method u8, number of headers u8, path (u8 length), each header as name and value (u8
/// lengths), the body. The broker answers every request, never with an internal error, and every
/// refusal with a code and a sentence.
///
/// # Panics
/// If that does not hold.
pub fn request(data: &[u8]) {
    let Some(request) = decode(data) else { return };
    let sent = format!("{request:?}");
    let response = BROKER.with_borrow_mut(|(broker, age)| {
        *age += 1;
        if *age > LIFE {
            (*broker, *age) = (busy(), 0);
        }
        broker.exchange(HttpRequest { origin: broker.origin().into(), ..request })
    });
    let response = response.expect("the broker answers");
    assert!(response.status < 500, "{sent} was answered with {}", response.status);
    if response.status >= 400 {
        let error = decode_error(&response);
        assert!(matches!(error, absio_proto::Error::Remote(_)), "{sent}: {error}");
    }
}

fn decode(data: &[u8]) -> Option<HttpRequest> {
    fn take<'a>(data: &mut &'a [u8]) -> Option<&'a [u8]> {
        let [length, rest @ ..] = *data else { return None };
        let (taken, behind) = rest.split_at_checked(usize::from(*length))?;
        *data = behind;
        Some(taken)
    }
    let [method, count, rest @ ..] = data else { return None };
    let mut rest = rest;
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let path = text(take(&mut rest)?);
    let headers = (0..count % 16)
        .map(|_| Some((text(take(&mut rest)?), text(take(&mut rest)?))))
        .collect::<Option<Vec<_>>>()?;
    Some(HttpRequest {
        method: [Method::Get, Method::Post, Method::Put, Method::Delete][usize::from(*method) % 4],
        origin: String::new(),
        path,
        headers,
        body: rest.to_vec().into(),
        deadline: Duration::from_secs(1),
        max_response: 64 << 20,
    })
}

fn encode(request: &HttpRequest) -> Vec<u8> {
    let method = match request.method {
        Method::Get => 0,
        Method::Post => 1,
        Method::Put => 2,
        Method::Delete => 3,
    };
    let mut data = vec![method, request.headers.len() as u8];
    let texts = request.headers.iter().flat_map(|(name, value)| [name, value]);
    for text in core::iter::once(&request.path).chain(texts) {
        data.push(text.len().min(255) as u8);
        data.extend(text.bytes().take(255));
    }
    data.extend(&request.body[..]);
    data
}

/// What a client sends in the course of its operations, and a request for every path.
pub fn seeds() -> Vec<Vec<u8>> {
    let mut seeds: Vec<_> = crate::replies::requests().iter().map(encode).collect();
    let api_key = Fixture::seeded(1).api_key().to_string();
    for path in crate::wire::route_seeds() {
        let request = HttpRequest {
            method: Method::Get,
            origin: String::new(),
            path: String::from_utf8_lossy(&path).into_owned(),
            headers: vec![("absio-api-key".into(), api_key.clone())],
            body: absio_proto::effect::Body::new(),
            deadline: Duration::ZERO,
            max_response: 0,
        };
        seeds.push(encode(&request));
    }
    seeds
}
