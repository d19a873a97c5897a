//! Contents of any size through the client: streams, files, ranges, reports, and going on after a cut.
#![allow(clippy::unwrap_used)]

mod people;

use absio_async_std::{Client, FileSink, FileSource, MemorySource, ReaderSource, RecordedSource, WriterSink};
use absio_broker::{Fault, Fixture};
use absio_proto::Error;
use absio_proto::effect::{ProgressUnit, TransportErrorKind};
use absio_proto::model::{ContainerId, Portion};
use absio_proto::ops::container::{ContentInput, Create};
use absio_proto::provider::{Standard, Sync};
use futures_lite::io::Cursor;
use futures_lite::{AsyncRead, AsyncReadExt, AsyncSeekExt, AsyncWrite, StreamExt};
use people::join;
use smol::block_on;
use std::fs;
use std::io::{self, SeekFrom};
use std::pin::Pin;
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll};

const LENGTH: usize = 3 * (4 << 20) + 777;

fn content() -> Vec<u8> {
    (0..LENGTH as u32).map(|n| (n.wrapping_mul(2_654_435_761) >> 15) as u8).collect()
}

fn streamed() -> Create {
    Create::new(ContentInput::Streamed { length: LENGTH as u64 })
}

async fn create(client: &Client) -> ContainerId {
    let mut source = MemorySource::new(content());
    client.container().create_from(streamed(), &mut source).await.unwrap().container.id.unwrap()
}

/// Gives and takes a little at a time, and waits in between, as a socket does.
struct Slow<T>(T, bool);

impl<T: AsyncRead + Unpin> AsyncRead for Slow<T> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut [u8],
    ) -> Poll<io::Result<usize>> {
        self.1 = !self.1;
        if self.1 {
            cx.waker().wake_by_ref();
            return Poll::Pending;
        }
        let length = buffer.len().min(100_007);
        Pin::new(&mut self.0).poll_read(cx, &mut buffer[..length])
    }
}

#[test]
fn any_reader_goes_in_and_any_writer_comes_out() {
    block_on(async {
        let broker = Fixture::at_present();
        let (alice, _) = join(&broker).await;
        let mut source = ReaderSource::new(Slow(Cursor::new(content()), false), LENGTH as u64);
        let made = alice.container().create_from(streamed(), &mut source).await.unwrap();
        for place in [Standard::Server, Standard::Ofs, Standard::ServerCacheOfs] {
            let mut sink = WriterSink::new(Vec::new());
            let client = alice.under(place);
            let id = made.container.id.unwrap();
            let (_, written) = client.container().get_into(id, Portion::All, &mut sink).await.unwrap();
            assert!(written && sink.into_inner() == content(), "{place}");
        }
    });
}

#[test]
fn readers_that_lie_and_writers_that_fail_are_told_and_nothing_is_stored() {
    struct Full(usize);
    impl AsyncWrite for Full {
        fn poll_write(
            mut self: Pin<&mut Self>,
            _: &mut Context<'_>,
            bytes: &[u8],
        ) -> Poll<io::Result<usize>> {
            if self.0 == 0 {
                return Poll::Ready(Err(io::ErrorKind::StorageFull.into()));
            }
            let taken = bytes.len().min(self.0);
            self.0 -= taken;
            Poll::Ready(Ok(taken))
        }
        fn poll_flush(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
        fn poll_close(self: Pin<&mut Self>, _: &mut Context<'_>) -> Poll<io::Result<()>> {
            Poll::Ready(Ok(()))
        }
    }
    block_on(async {
        let broker = Fixture::at_present();
        let (alice, _) = join(&broker).await;
        let id = create(&alice).await;
        for told in [LENGTH as u64 - 1, LENGTH as u64 + 1] {
            let mut source = ReaderSource::new(Cursor::new(content()), told);
            let create = Create::new(ContentInput::Streamed { length: told });
            let failed = alice.container().create_from(create, &mut source).await.unwrap_err();
            assert!(matches!(failed.cause(), Error::Content(_)), "{failed}");
        }
        assert_eq!(alice.container().list().await.unwrap().len(), 1);
        let mut sink = WriterSink::new(Full((4 << 20) + 5));
        let failed = alice.container().get_into(id, Portion::All, &mut sink).await.unwrap_err();
        assert!(matches!(failed.cause(), Error::Content(_)), "{failed}");
        let told = format!("(verified {} of {LENGTH} bytes)", 4 << 20);
        assert!(failed.to_string().ends_with(&told), "{failed}");
    });
}

#[test]
fn a_content_is_read_like_a_file() {
    block_on(async {
        let broker = Fixture::at_present();
        let (alice, _) = join(&broker).await;
        let (id, bytes) = (create(&alice).await, content());
        for place in [Standard::Server, Standard::Ofs] {
            let (got, content) = alice.under(place).container().open(id).await.unwrap();
            assert_eq!(got.container.content, None);
            let mut content = content.unwrap();
            assert_eq!(content.length(), LENGTH as u64);
            let mut buffer = [0; 1000];
            for offset in [5_000_000, 0, LENGTH - 1000, 4 << 20] {
                content.seek(SeekFrom::Start(offset as u64)).await.unwrap();
                content.read_exact(&mut buffer).await.unwrap();
                assert!(buffer[..] == bytes[offset..offset + 1000], "{place} {offset}");
            }
            // A read that is dropped in the middle takes nothing away.
            content.seek(SeekFrom::Start(1 << 20)).await.unwrap();
            drop(futures_lite::future::poll_once(content.read(&mut buffer)).await);
            content.seek(SeekFrom::Start(9)).await.unwrap();
            content.read_exact(&mut buffer).await.unwrap();
            assert!(buffer[..] == bytes[9..1009]);
            assert!(content.seek(SeekFrom::Current(-(LENGTH as i64) - 1)).await.is_err());
            content.seek(SeekFrom::Start(0)).await.unwrap();
            let mut whole = Vec::new();
            content.read_to_end(&mut whole).await.unwrap();
            assert!(whole == bytes);
            assert!(content.read_at(7, 9).await.unwrap() == bytes[7..16]);
        }
    });
}

#[test]
fn progress_is_told_in_order_and_ends_at_the_whole() {
    block_on(async {
        let broker = Fixture::at_present();
        let (alice, _) = join(&broker).await;
        let told = Arc::new(Mutex::new(Vec::new()));
        let heard = told.clone();
        let watched = alice.watching(move |progress| heard.lock().unwrap().push(progress));
        let id = create(&watched).await;
        watched.under(Standard::Server).container().get(id, Portion::All).await.unwrap();
        for unit in [ProgressUnit::BytesSent, ProgressUnit::BytesReceived] {
            let told = told.lock().unwrap();
            let done: Vec<u64> = told.iter().filter(|told| told.unit == unit).map(|told| told.done).collect();
            assert!(done.len() >= 4 && done.is_sorted(), "{done:?}");
            assert_eq!(done.last(), Some(&(LENGTH as u64)));
        }
        let (reporting, reports) = alice.reporting();
        reporting.sync(Sync::new()).await.unwrap();
        reporting.container().get(id, Portion::All).await.unwrap();
        drop(reporting);
        assert!(reports.count().await >= 4, "they end with the client");
    });
}

#[test]
fn files_are_gone_on_with_after_a_cut() {
    block_on(async {
        let broker = Fixture::at_present();
        let (alice, _) = join(&broker).await;
        let directory = tempfile::tempdir().unwrap();
        let (path, journal) = (directory.path().join("source"), directory.path().join("journal"));
        fs::write(&path, content()).unwrap();
        let mut parts = 0;
        broker.set_hook(move |request| {
            parts += usize::from(request.path.contains("/parts/"));
            if parts > 2 { Fault::Drop(TransportErrorKind::Unreachable) } else { Fault::None }
        });
        let source = FileSource::open(&path).await.unwrap();
        let mut source = RecordedSource::open(source, &journal).await.unwrap();
        alice.container().create_from(streamed(), &mut source).await.unwrap_err();
        drop(source);
        broker.clear_hook();
        broker.record();
        let source = FileSource::open(&path).await.unwrap();
        let mut source = RecordedSource::open(source, &journal).await.unwrap();
        let made = alice.container().create_from(streamed(), &mut source).await.unwrap();
        source.finish().await.unwrap();
        let sent = broker.recorded();
        assert_eq!(sent.iter().filter(|sent| sent.request.path.contains("/parts/")).count(), 2, "of four");

        let (id, target) = (made.container.id.unwrap(), directory.path().join("target"));
        let server = alice.under(Standard::Server);
        let mut chunks = 0;
        broker.set_hook(move |request| {
            chunks += usize::from(request.path.contains("/chunks"));
            if chunks > 2 { Fault::Drop(TransportErrorKind::Unreachable) } else { Fault::None }
        });
        let mut sink = FileSink::resume(&target).await.unwrap();
        server.container().get_into(id, Portion::All, &mut sink).await.unwrap_err();
        drop(sink);
        broker.clear_hook();
        broker.record();
        let mut sink = FileSink::resume(&target).await.unwrap();
        let (_, written) = server.container().get_into(id, Portion::All, &mut sink).await.unwrap();
        assert!(written);
        sink.truncate(LENGTH as u64).await.unwrap();
        sink.commit().await.unwrap();
        assert!(fs::read(&target).unwrap() == content());
        let answers = broker.recorded();
        let bytes = answers.iter().map(|sent| sent.outcome.as_ref().map_or(0, |answer| answer.body.len()));
        let received: usize = bytes.sum();
        assert!(received < 2 * (4 << 20), "two parts were there: {received}");
    });
}
