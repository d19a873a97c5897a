//! The least that an HTTP server of the broker's stack can do with a body: PUT writes it to a file and syncs
//! it, GET reads the file. What a transfer through the broker is held against.

use bytes::Bytes;
use http_body_util::{BodyExt, Full, StreamBody, combinators::BoxBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper::{Method, Request, Response};
use hyper_util::rt::TokioIo;
use std::convert::Infallible;
use std::fs::File;
use std::io::{Read, Write};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// Bytes read from the file at once.
const PIECE: usize = 1 << 20;

type Answer = Response<BoxBody<Bytes, std::io::Error>>;

/// Serves one file on loopback, on two threads of its own, until the process ends.
///
/// # Panics
/// If it cannot listen.
#[must_use]
pub fn serve(file: PathBuf) -> SocketAddr {
    let (tell, address) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build();
        runtime.expect("a runtime starts").block_on(async move {
            let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.expect("loopback listens");
            tell.send(listener.local_addr().expect("it listens")).expect("somebody waits");
            let file = Arc::new(file);
            while let Ok((stream, _)) = listener.accept().await {
                let file = file.clone();
                let service = service_fn(move |request| answer(request, file.clone()));
                tokio::spawn(async move {
                    let connection = hyper::server::conn::http1::Builder::new();
                    let _ = connection.serve_connection(TokioIo::new(stream), service).await;
                });
            }
        });
    });
    address.recv().expect("it listens")
}

async fn answer(request: Request<Incoming>, file: Arc<PathBuf>) -> Result<Answer, std::io::Error> {
    if request.method() == Method::PUT {
        put(request.into_body(), &file).await?;
        let nothing = Full::new(Bytes::new()).map_err(|never: Infallible| match never {});
        return Ok(Response::new(nothing.boxed()));
    }
    get(&file)
}

async fn put(mut body: Incoming, path: &Path) -> Result<(), std::io::Error> {
    let mut file = File::create(path)?;
    while let Some(frame) = body.frame().await {
        if let Ok(data) = frame.map_err(std::io::Error::other)?.into_data() {
            tokio::task::block_in_place(|| file.write_all(&data))?;
        }
    }
    tokio::task::block_in_place(|| file.sync_all())
}

fn get(path: &Path) -> Result<Answer, std::io::Error> {
    let mut file = File::open(path)?;
    let length = file.metadata()?.len();
    let pieces = futures_lite::stream::iter(std::iter::from_fn(move || {
        let mut piece = vec![0; PIECE];
        match tokio::task::block_in_place(|| file.read(&mut piece)) {
            Ok(0) => None,
            Ok(read) => {
                piece.truncate(read);
                Some(Ok(Frame::data(Bytes::from(piece))))
            }
            Err(error) => Some(Err(error)),
        }
    }));
    let body = BodyExt::boxed(StreamBody::new(pieces));
    Response::builder().header("content-length", length).body(body).map_err(std::io::Error::other)
}
