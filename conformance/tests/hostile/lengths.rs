//! Lengths, counts and offsets that no sum can hold (security case 68): each is an error before anything is
//! allocated for it.

use crate::files::{pattern, upload};
use crate::forgery::newest;
use crate::people::{people, person};
use crate::staging::{answer, fresh, get_shown};
use absio_broker::Fault;
use absio_proto::Error;
use absio_proto::crypto::ManifestView;
use absio_proto::effect::HttpResponse;
use absio_proto::model::Portion;
use absio_proto::ops::container::Create;
use absio_proto::provider::container::Get;
use absio_proto::provider::{Provider, Standard};
use absio_proto::wire::{UploadBegun, from_json, to_json};

const HUGE: [u64; 6] = [1 << 44, (1 << 44) + 1, 1 << 63, u64::MAX - 103, u64::MAX - 1, u64::MAX];

/// A peer signs that a section has more bytes than there are anywhere.
#[test]
fn ms_len_overflow_of_a_signed_section() {
    let [alice, bob] = people();
    let id = alice.changed(
        Create::new(b"small".to_vec())
            .header(serde_json::json!(1))
            .access(absio_proto::model::AccessList::of([alice.full(), bob.full()])),
    );
    let genuine = answer(&bob, id);
    let view = newest(&genuine);
    let author = alice.user();
    let with_lengths = |header: u64, content: u64| {
        let mut body = view.body().clone();
        (body.header.digest.length, body.content.digest.length) = (header, content);
        let signed = ManifestView::new(body.sign(author.keys()), view.access().clone()).unwrap();
        let mut shown = genuine.clone();
        shown.views = vec![signed.encode()];
        shown
    };
    let (header, content) = (view.body().header.digest.length, view.body().content.digest.length);
    for huge in HUGE {
        for shown in [with_lengths(huge, content), with_lengths(header, huge), with_lengths(huge, huge)] {
            let reader = fresh(&bob);
            let (result, sent) = get_shown(&reader, id, &shown);
            assert!(matches!(result, Err(Error::Crypto(_) | Error::Input(_))), "{huge}: {result:?}");
            assert_eq!(sent.len(), 1, "nothing of that length is asked for");
        }
    }
    // The control: signed with its own lengths, it is what it was.
    let (result, _) = get_shown(&fresh(&bob), id, &with_lengths(header, content));
    assert_eq!(result, Ok(Some(b"small".to_vec())));
}

/// A broker divides an upload into more parts than there are numbers.
#[test]
fn ms_len_overflow_of_an_uploads_plan() {
    let alice = person(&crate::people::broker());
    for (chunks_per_part, parts) in
        [(u64::MAX, 2), (64, u64::MAX), (u64::MAX, u64::MAX), (0, 0), (0, 2), (64, 0)]
    {
        alice.broker.set_hook(move |request| match request.path.as_str() {
            "/v1/uploads" => Fault::Alter(Box::new(move |response| {
                let begun: UploadBegun = from_json("upload", &response.body).unwrap();
                response.body = to_json(&UploadBegun { chunks_per_part, parts, ..begun });
            })),
            _ => Fault::None,
        });
        alice.broker.record();
        let result = alice.run(Create::new(vec![1; 5 << 20]));
        assert_eq!(result.unwrap_err().cause().code(), "protocol");
        let sent = alice.broker.recorded();
        assert!(!sent.iter().any(|exchange| exchange.request.path.contains("/parts/")), "no part was sent");
    }
    alice.broker.clear_hook();
    alice.run(Create::new(vec![1; 5 << 20])).unwrap();
}

/// A reader seeks where nothing is.
#[test]
fn ms_len_overflow_of_a_seek() {
    let [alice] = people();
    let bytes = pattern(5 << 20);
    let id = upload(&alice, &bytes);
    let get = Standard::Server.get_container(Get::new(id, Portion::All).into_ranges());
    let ranges = alice.run(get).unwrap().ranges.unwrap();
    let read = |offset: u64, length: usize| alice.run(ranges.read(offset, length)?);
    let end = bytes.len() as u64;
    for offset in [end, end + 1, u64::MAX - 1, u64::MAX] {
        let (result, requests) = alice.requests(|_| read(offset, 100));
        assert_eq!((result, requests), (Ok(Vec::new()), 0), "{offset}");
    }
    for length in [usize::MAX, usize::MAX - 1, 1 << 62] {
        for offset in [0, end, u64::MAX] {
            let (result, requests) = alice.requests(|_| read(offset, length));
            assert!(matches!(result, Err(Error::Input(_))) && requests == 0, "{offset} {length}");
        }
    }
    assert_eq!(read(end - 10, 100).unwrap(), bytes[bytes.len() - 10..], "the control: cut at the end");
}

/// Four bytes of 0xff at any place of an answer: every length and count in it is one of these places.
#[test]
fn ms_len_overflow_at_every_place_of_an_answer() {
    let [alice, bob] = people();
    let id = alice.create(b"x", &[alice.full(), bob.full()]);
    let body = answer(&bob, id).encode(bob.id());
    let mut reader = fresh(&bob);
    let mut refused = 0;
    for place in 0..body.len() - 4 {
        let mut altered = body.clone();
        altered[place..place + 4].fill(0xff);
        let response = HttpResponse { status: 200, headers: Vec::new(), body: altered };
        reader.broker.fault_next(Fault::Answer(response));
        match reader.get(id) {
            // What is no part of the container, like the broker's clock.
            Ok(got) => {
                assert_eq!(got.content.unwrap_or_else(|| b"x".to_vec()), b"x");
                reader = fresh(&bob);
            }
            Err(_) => refused += 1,
        }
    }
    assert!(refused > body.len() * 3 / 4, "{refused} of {}", body.len());
    let response = HttpResponse { status: 200, headers: Vec::new(), body };
    reader.broker.fault_next(Fault::Answer(response));
    assert_eq!(reader.content(id), Some(b"x".to_vec()), "the control");
}
