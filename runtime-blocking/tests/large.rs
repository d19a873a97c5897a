//! Contents of any size through the client: streams, files, ranges, reports, and going on after a cut.
#![allow(clippy::unwrap_used)]

mod people;

use absio_blocking::{Client, FileSink, FileSource, MemorySource, ReaderSource, RecordedSource, WriterSink};
use absio_broker::{Fault, Fixture};
use absio_proto::Error;
use absio_proto::effect::{ProgressUnit, TransportErrorKind};
use absio_proto::model::{ContainerId, Portion};
use absio_proto::ops::container::{ContentInput, Create};
use absio_proto::provider::{Standard, Sync};
use people::join;
use std::fs;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::sync::{Arc, Mutex};

const LENGTH: usize = 3 * (4 << 20) + 777;

fn content() -> Vec<u8> {
    (0..LENGTH as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 15) as u8).collect()
}

fn streamed() -> Create {
    Create::new(ContentInput::Streamed { length: LENGTH as u64 })
}

fn create(client: &Client) -> ContainerId {
    let mut source = MemorySource::new(content());
    client.container().create_from(streamed(), &mut source).unwrap().container.id.unwrap()
}

#[test]
fn any_reader_goes_in_and_any_writer_comes_out() {
    let broker = Fixture::at_present();
    let (alice, _) = join(&broker);
    // One byte short of everything at a time, as a socket may give it.
    struct Slow(io::Cursor<Vec<u8>>);
    impl Read for Slow {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let length = buffer.len().min(10_007);
            self.0.read(&mut buffer[..length])
        }
    }
    let mut source = ReaderSource::new(Slow(io::Cursor::new(content())), LENGTH as u64);
    let made = alice.container().create_from(streamed(), &mut source).unwrap();
    for place in [Standard::Server, Standard::Ofs, Standard::ServerCacheOfs] {
        let mut sink = WriterSink::new(Vec::new());
        let client = alice.under(place);
        let (_, written) =
            client.container().get_into(made.container.id.unwrap(), Portion::All, &mut sink).unwrap();
        assert!(written && sink.into_inner() == content(), "{place}");
    }
}

#[test]
fn readers_that_lie_and_writers_that_fail_are_told_and_nothing_is_stored() {
    let broker = Fixture::at_present();
    let (alice, _) = join(&broker);
    let id = create(&alice);
    for told in [LENGTH as u64 - 1, LENGTH as u64 + 1] {
        let mut source = ReaderSource::new(io::Cursor::new(content()), told);
        let create = Create::new(ContentInput::Streamed { length: told });
        let failed = alice.container().create_from(create, &mut source).unwrap_err();
        assert!(matches!(failed.cause(), Error::Content(_)), "{failed}");
    }
    assert_eq!(alice.container().list().unwrap().len(), 1);
    struct Full(usize);
    impl Write for Full {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if self.0 == 0 {
                return Err(io::ErrorKind::StorageFull.into());
            }
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            Ok(taken)
        }
        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }
    let mut sink = WriterSink::new(Full((4 << 20) + 5));
    let failed = alice.container().get_into(id, Portion::All, &mut sink).unwrap_err();
    assert!(matches!(failed.cause(), Error::Content(_)), "{failed}");
    let told = format!("(verified {} of {LENGTH} bytes)", 4 << 20);
    assert!(failed.to_string().ends_with(&told), "{failed}");
}

#[test]
fn a_content_is_read_like_a_file() {
    let broker = Fixture::at_present();
    let (alice, _) = join(&broker);
    let (id, bytes) = (create(&alice), content());
    for place in [Standard::Server, Standard::Ofs] {
        let (got, content) = alice.under(place).container().open(id).unwrap();
        assert_eq!(got.container.content, None);
        let mut content = content.unwrap();
        assert_eq!(content.length(), LENGTH as u64);
        let mut buffer = [0; 1000];
        for offset in [5_000_000, 0, LENGTH - 1000, 4 << 20] {
            content.seek(SeekFrom::Start(offset as u64)).unwrap();
            content.read_exact(&mut buffer).unwrap();
            assert!(buffer[..] == bytes[offset..offset + 1000], "{place} {offset}");
        }
        assert_eq!(content.seek(SeekFrom::End(-3)).unwrap(), LENGTH as u64 - 3);
        let mut rest = Vec::new();
        content.read_to_end(&mut rest).unwrap();
        assert!(rest == bytes[LENGTH - 3..]);
        assert!(content.seek(SeekFrom::Current(-(LENGTH as i64) - 1)).is_err());
        content.seek(SeekFrom::Start(u64::MAX)).unwrap();
        assert_eq!(content.read(&mut buffer).unwrap(), 0, "behind the end there is nothing");
        content.rewind().unwrap();
        let mut whole = Vec::new();
        content.read_to_end(&mut whole).unwrap();
        assert!(whole == bytes);
        assert!(content.read_at(7, 9).unwrap() == bytes[7..16]);
    }
}

#[test]
fn progress_is_told_in_order_and_ends_at_the_whole() {
    let broker = Fixture::at_present();
    let (alice, _) = join(&broker);
    let told = Arc::new(Mutex::new(Vec::new()));
    let heard = told.clone();
    let watched = alice.watching(move |progress| heard.lock().unwrap().push(progress));
    let id = create(&watched);
    watched.under(Standard::Server).container().get(id, Portion::All).unwrap();
    let told = told.lock().unwrap();
    for unit in [ProgressUnit::BytesSent, ProgressUnit::BytesReceived] {
        let done: Vec<u64> = told.iter().filter(|told| told.unit == unit).map(|told| told.done).collect();
        assert!(done.len() >= 4 && done.is_sorted(), "{done:?}");
        assert_eq!(done.last(), Some(&(LENGTH as u64)));
    }
    assert!(told.iter().all(|told| told.total == LENGTH as u64));

    let (reporting, reports) = alice.reporting();
    reporting.sync(Sync::new()).unwrap();
    reporting.container().get(id, Portion::All).unwrap();
    drop(reporting);
    assert!(reports.count() >= 4, "they end with the client");
}

#[test]
fn files_are_gone_on_with_after_a_cut() {
    let broker = Fixture::at_present();
    let (alice, _) = join(&broker);
    let directory = tempfile::tempdir().unwrap();
    let (path, journal) = (directory.path().join("source"), directory.path().join("journal"));
    fs::write(&path, content()).unwrap();
    let mut parts = 0;
    broker.set_hook(move |request| {
        parts += usize::from(request.path.contains("/parts/"));
        if parts > 2 { Fault::Drop(TransportErrorKind::Unreachable) } else { Fault::None }
    });
    let open = || RecordedSource::open(FileSource::open(&path).unwrap(), &journal).unwrap();
    alice.container().create_from(streamed(), &mut open()).unwrap_err();
    broker.clear_hook();
    broker.record();
    let mut source = open();
    let made = alice.container().create_from(streamed(), &mut source).unwrap();
    source.finish().unwrap();
    let sent = broker.recorded();
    assert_eq!(sent.iter().filter(|sent| sent.request.path.contains("/parts/")).count(), 2, "of four");

    let (id, target) = (made.container.id.unwrap(), directory.path().join("target"));
    let server = alice.under(Standard::Server);
    let mut chunks = 0;
    broker.set_hook(move |request| {
        chunks += usize::from(request.path.contains("/chunks"));
        if chunks > 2 { Fault::Drop(TransportErrorKind::Unreachable) } else { Fault::None }
    });
    let mut sink = FileSink::resume(&target).unwrap();
    server.container().get_into(id, Portion::All, &mut sink).unwrap_err();
    drop(sink);
    broker.clear_hook();
    broker.record();
    let mut sink = FileSink::resume(&target).unwrap();
    let (_, written) = server.container().get_into(id, Portion::All, &mut sink).unwrap();
    assert!(written);
    sink.truncate(LENGTH as u64).unwrap();
    sink.commit().unwrap();
    assert!(fs::read(&target).unwrap() == content());
    let received: usize = broker
        .recorded()
        .iter()
        .map(|sent| sent.outcome.as_ref().map_or(0, |answer| answer.body.len()))
        .sum();
    assert!(received < 2 * (4 << 20), "two parts were there: {received}");
}
