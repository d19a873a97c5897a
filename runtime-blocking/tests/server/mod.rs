//! A TCP server that plays a script, for tests of the transports: those of the asynchronous crate use it too.
#![allow(dead_code, clippy::unwrap_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

/// What came in: the head's lines, and where the body begins.
pub(crate) struct Incoming<'a> {
    pub(crate) head: Vec<String>,
    reader: &'a mut BufReader<TcpStream>,
}

impl Incoming<'_> {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.iter().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }

    pub(crate) fn body(&mut self) -> Vec<u8> {
        let length = self.header("content-length").map_or(0, |text| text.parse().unwrap());
        let mut body = vec![0; length];
        self.reader.read_exact(&mut body).unwrap();
        body
    }

    /// Whether that many bytes of a body come before the client is gone.
    pub(crate) fn has(&mut self, length: usize) -> bool {
        self.reader.read_exact(&mut vec![0; length]).is_ok()
    }

    /// A body in chunks.
    pub(crate) fn chunks(&mut self) -> Vec<u8> {
        let mut body = Vec::new();
        loop {
            let mut line = String::new();
            self.reader.read_line(&mut line).unwrap();
            let length = usize::from_str_radix(line.trim(), 16).unwrap();
            let begun = body.len();
            body.resize(begun + length + 2, 0);
            self.reader.read_exact(&mut body[begun..]).unwrap();
            body.truncate(begun + length);
            if length == 0 {
                return body;
            }
        }
    }

    pub(crate) fn answer(&mut self, bytes: impl AsRef<[u8]>) {
        // The client may be gone on purpose.
        let _ = self.reader.get_mut().write_all(bytes.as_ref());
    }

    /// As [`Self::answer`]; false when the client is gone.
    pub(crate) fn answers(&mut self, bytes: impl AsRef<[u8]>) -> bool {
        self.reader.get_mut().write_all(bytes.as_ref()).is_ok()
    }

    pub(crate) fn ok(&mut self, body: &[u8]) {
        let mut bytes = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len()).into_bytes();
        bytes.extend(body);
        self.answer(bytes);
    }
}

pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<AtomicUsize>,
    pub(crate) requests: Arc<AtomicUsize>,
}

impl Server {
    /// Serves every request of every connection with `script`; `false` ends the connection.
    pub(crate) fn start(script: impl Fn(&mut Incoming<'_>) -> bool + Send + Sync + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, requests) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let counts = (Arc::clone(&connections), Arc::clone(&requests));
        let script = Arc::new(script);
        thread::spawn(move || {
            for stream in listener.incoming() {
                let (script, requests) = (Arc::clone(&script), Arc::clone(&counts.1));
                counts.0.fetch_add(1, Ordering::SeqCst);
                thread::spawn(move || serve(stream.unwrap(), &*script, &requests));
            }
        });
        Self { address, connections, requests }
    }

    pub(crate) fn origin(&self) -> String {
        format!("http://{}", self.address)
    }
}

fn serve(stream: TcpStream, script: &dyn Fn(&mut Incoming<'_>) -> bool, requests: &AtomicUsize) {
    let mut reader = BufReader::new(stream);
    loop {
        let mut head = Vec::new();
        loop {
            let mut line = String::new();
            if !matches!(reader.read_line(&mut line), Ok(length) if length > 0) {
                return;
            }
            match line.trim_end() {
                "" => break,
                line => head.push(line.to_owned()),
            }
        }
        requests.fetch_add(1, Ordering::SeqCst);
        if !script(&mut Incoming { head, reader: &mut reader }) {
            return;
        }
    }
}
