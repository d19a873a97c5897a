//! Whatever is wrong with what a server shows, it learns nothing of it (security case 21): the same single
//! request went out, nothing follows it, and nothing is tried again.

use crate::people::people;
use crate::staging::{answer, fresh, get_shown, sent};
use absio_proto::model::{AccessList, Portion};
use absio_proto::ops::container::{Create, Get};
use absio_proto::ops::key_file::Checksum;
use absio_proto::wire::ContainerAnswer;
use absio_proto::{CryptoError, Error};
use serde_json::json;

/// A way to spoil an answer.
struct Fault {
    name: String,
    spoil: Box<dyn Fn(&mut ContainerAnswer)>,
}

fn fault(name: impl Into<String>, spoil: impl Fn(&mut ContainerAnswer) + 'static) -> Fault {
    Fault { name: name.into(), spoil: Box::new(spoil) }
}

/// Forty of them: of the blob 14, of each segment 13.
fn faults() -> Vec<Fault> {
    let mut faults = Vec::new();
    for place in [0, 6, 30, 60, 79, 80, 111, 112, 150, 175, 176, 223] {
        faults.push(fault(format!("blob, byte {place}"), move |answer| {
            answer.blob.as_mut().unwrap()[place] ^= 1;
        }));
    }
    faults.push(fault("blob, cut", |answer| answer.blob.as_mut().unwrap().truncate(223)));
    faults.push(fault("blob, of zeros", |answer| answer.blob.as_mut().unwrap().fill(0)));
    // Behind the clear header: commitment, ciphertext, tag.
    for place in [40, 55, 71, 72, 80, 103, 104, 105, 107, 110] {
        faults.push(fault(format!("header, byte {place}"), move |answer| {
            answer.header_segment.as_mut().unwrap()[place] ^= 1;
        }));
        faults.push(fault(format!("content, byte {place}"), move |answer| {
            answer.content_segment.as_mut().unwrap()[place] ^= 1;
        }));
    }
    type Segment = fn(&mut ContainerAnswer) -> &mut Vec<u8>;
    let segments: [(&str, Segment); 2] = [
        ("header", |answer| answer.header_segment.as_mut().unwrap()),
        ("content", |answer| answer.content_segment.as_mut().unwrap()),
    ];
    for (name, segment) in segments {
        faults.push(fault(format!("{name}, last byte"), move |answer| {
            *segment(answer).last_mut().unwrap() ^= 1;
        }));
        faults.push(fault(format!("{name}, cut"), move |answer| {
            segment(answer).pop();
        }));
        faults.push(fault(format!("{name}, longer"), move |answer| segment(answer).push(0)));
    }
    faults
}

#[test]
fn ms_error_uniformity_of_what_is_sent_and_shown() {
    let [alice, bob] = people();
    let access = AccessList::of([alice.full(), bob.rights(75)]);
    let id = alice.changed(Create::new(b"content".to_vec()).header(json!("head")).access(access));
    let genuine = answer(&bob, id);
    let (honest, expected) = get_shown(&fresh(&bob), id, &genuine);
    assert_eq!(honest, Ok(Some(b"content".to_vec())), "the control");
    // Without the two headers that tell who asks and when.
    let shape = |requests: &[absio_proto::effect::HttpRequest]| -> Vec<String> {
        let line = |request: &absio_proto::effect::HttpRequest| {
            let names: Vec<_> = request.headers.iter().map(|(name, value)| (name, value.len())).collect();
            format!("{} {} {names:?} {:?}", request.method.as_str(), request.url(), &request.body[..])
        };
        requests.iter().map(line).collect()
    };
    let faults = faults();
    assert_eq!(faults.len(), 40);
    for fault in faults {
        let reader = fresh(&bob);
        let mut shown = genuine.clone();
        (fault.spoil)(&mut shown);
        let (result, requests) = get_shown(&reader, id, &shown);
        let Err(Error::Crypto(error)) = result else { panic!("{}: {result:?}", fault.name) };
        // One word for each kind of thing, and none that tells how far its opening came.
        let is_blob = fault.name.starts_with("blob");
        match &error {
            CryptoError::ManifestMismatch { what: "key blob", .. } if is_blob => {}
            CryptoError::Decrypt if !is_blob => {}
            other => panic!("{}: {other:?}", fault.name),
        }
        assert_eq!(shape(&requests), shape(&expected), "{}: the transcripts are equal", fault.name);
        // What comes next is what would have come anyway.
        reader.broker.record();
        reader.run(Checksum::new()).unwrap();
        assert_eq!(sent(&reader).len(), 1, "{}", fault.name);
        assert_eq!(reader.run(Get::new(id, Portion::All)).unwrap().content.as_deref(), Some(&b"content"[..]));
    }
}
