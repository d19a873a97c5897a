//! TLS: only the authorities one trusts, and what TLS adds to an exchange.

#![allow(clippy::unwrap_used)]

mod clients;

#[cfg(feature = "surf")]
use absio_async_std::SurfTransport;
use absio_async_std::{HttpTransport, TransportSetupError};
use absio_proto::effect::{HttpRequest, Method, TransportErrorKind};
use clients::{Client, each, request, sending};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::process::Command;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

struct Authority {
    pem: String,
    issuer: CertifiedIssuer<'static, KeyPair>,
}

fn authority() -> Authority {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let issuer = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    Authority { pem: issuer.pem(), issuer }
}

type Secured = rustls::StreamOwned<rustls::ServerConnection, TcpStream>;

/// A server of 127.0.0.1 with a certificate for `name`, that answers requests by `answer`, which gets
/// their bodies; no answer ends the connection without a farewell. Counts connections.
fn serve(
    authority: &Authority,
    name: &str,
    answer: impl Fn(&[u8], &mut Secured) -> bool + Send + Sync + 'static,
) -> (SocketAddr, Arc<AtomicUsize>) {
    let key = KeyPair::generate().unwrap();
    let certificate =
        CertificateParams::new(vec![name.to_owned()]).unwrap().signed_by(&key, &authority.issuer).unwrap();
    let config =
        rustls::ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(
                vec![certificate.der().clone()],
                PrivateKeyDer::Pkcs8(key.serialize_der().into()),
            )
            .unwrap();
    let (config, answer) = (Arc::new(config), Arc::new(answer));
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    let connections = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&connections);
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            count.fetch_add(1, Ordering::SeqCst);
            let (config, answer) = (Arc::clone(&config), Arc::clone(&answer));
            std::thread::spawn(move || {
                let connection = rustls::ServerConnection::new(config).unwrap();
                let stream = rustls::StreamOwned::new(connection, stream.unwrap());
                let mut reader = BufReader::new(stream);
                // A refused certificate ends the handshake here.
                while let Some(body) = receive(&mut reader) {
                    if !answer(&body, reader.get_mut()) {
                        return;
                    }
                }
            });
        }
    });
    (address, connections)
}

fn receive(reader: &mut BufReader<Secured>) -> Option<Vec<u8>> {
    let mut length = 0;
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).ok()? == 0 {
            return None;
        }
        if let Some((name, value)) = line.split_once(':') {
            if name.eq_ignore_ascii_case("content-length") {
                length = value.trim().parse().ok()?;
            }
            if name.eq_ignore_ascii_case("expect") {
                reader.get_mut().write_all(b"HTTP/1.1 100 Continue\r\n\r\n").ok()?;
            }
        }
        if line.trim().is_empty() {
            break;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some(body)
}

fn secure(_: &[u8], stream: &mut Secured) -> bool {
    stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecure").is_ok()
}

/// Each client, trusting the authorities in `pem`.
fn trusting(pem: &str) -> Vec<Client> {
    let own = HttpTransport::builder().authority_pem(pem.as_bytes()).unwrap();
    vec![
        #[cfg(feature = "surf")]
        Client::Surf(SurfTransport::over(
            HttpTransport::builder().authority_pem(pem.as_bytes()).unwrap().build(),
        )),
        Client::Own(own.build()),
    ]
}

#[test]
fn mn_only_trusted_authorities_are_believed() {
    let (ours, other) = (authority(), authority());
    let (address, _) = serve(&ours, "localhost", secure);
    let origin = format!("https://localhost:{}", address.port());

    for pem in [ours.pem.clone(), format!("{}{}", other.pem, ours.pem)] {
        for client in trusting(&pem) {
            assert_eq!(client.run(request(&origin)).unwrap().body, b"secure");
        }
    }
    let refuse = |client: &Client, origin: &str| {
        let error = client.run(request(origin)).unwrap_err();
        assert_eq!(error.kind, TransportErrorKind::Tls, "{} {error}", client.name());
        assert!(!error.is_ambiguous());
    };
    trusting(&other.pem).iter().for_each(|client| refuse(client, &origin));
    each(|client| refuse(client, &origin));
    // The certificate is for another name.
    trusting(&ours.pem).iter().for_each(|client| refuse(client, &format!("https://{address}")));
}

#[test]
fn mn_a_server_without_tls_is_not_spoken_to() {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let _ = stream.unwrap().write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 0\r\n\r\n");
        }
    });
    each(|client| {
        let error = client.run(request(&format!("https://{address}"))).unwrap_err();
        assert_eq!(error.kind, TransportErrorKind::Tls, "{error}");
    });
}

#[test]
fn files_without_an_authority_are_refused() {
    for pem in ["", "not pem", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"] {
        assert_eq!(HttpTransport::builder().authority_pem(pem.as_bytes()).err(), Some(TransportSetupError));
    }
}

#[test]
fn connections_are_reused_and_large_bodies_pass_both_ways() {
    let ours = authority();
    let (address, connections) = serve(&ours, "localhost", |body, stream| {
        let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
        stream.write_all(head.as_bytes()).is_ok() && stream.write_all(body).is_ok()
    });
    let origin = format!("https://localhost:{}", address.port());
    let body: Vec<u8> = (0..3_000_000_u32).map(|index| (index % 251) as u8).collect();
    for (index, client) in trusting(&ours.pem).iter().enumerate() {
        for length in [3_000_000, 1, 0, 16_384, 16_385, 65_536, 1_000_000] {
            let sent =
                HttpRequest { max_response: 3_000_000, ..sending(Method::Put, &body[..length], &origin) };
            assert!(client.run(sent).unwrap().body == body[..length], "{length}");
        }
        assert_eq!(connections.load(Ordering::SeqCst), index + 1);
    }
}

#[test]
fn mn_a_body_cut_without_farewell_is_interrupted() {
    let ours = authority();
    let (address, _) = serve(&ours, "localhost", |_, stream| {
        let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\nhalf");
        false
    });
    for client in trusting(&ours.pem) {
        let cut = request(&format!("https://localhost:{}", address.port()));
        assert_eq!(client.kind(cut), TransportErrorKind::Interrupted);
    }
}

/// The environment is read when a transport is made, so the case runs in a process of its own.
#[test]
fn https_goes_through_the_proxy_of_the_environment_and_http_does_not() {
    if std::env::var_os("ABSIO_TEST_BEHIND_PROXY").is_some() {
        return behind_proxy();
    }
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let proxy = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            std::thread::spawn(move || tunnel(stream.unwrap()));
        }
    });
    for (variable, value) in [
        ("HTTPS_PROXY", format!("http://user:pass@{proxy}")),
        // Never passed by, though it cannot be used.
        ("ALL_PROXY", format!("socks5://{proxy}")),
    ] {
        let output = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "https_goes_through_the_proxy_of_the_environment_and_http_does_not"])
            .env_remove("NO_PROXY")
            .env_remove("no_proxy")
            .env("ABSIO_TEST_BEHIND_PROXY", variable)
            .env(variable, value)
            .output()
            .unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stdout));
    }
}

fn behind_proxy() {
    let ours = authority();
    let (address, _) = serve(&ours, "far.invalid", secure);
    let usable = std::env::var("ABSIO_TEST_BEHIND_PROXY").unwrap() == "HTTPS_PROXY";
    for client in trusting(&ours.pem) {
        // Only the proxy knows this name.
        let through = client.run(request(&format!("https://far.invalid:{}", address.port())));
        match through {
            Ok(answer) if usable => assert_eq!(answer.body, b"secure"),
            Err(error) if !usable => assert_eq!(error.kind, TransportErrorKind::Unreachable),
            other => panic!("{other:?}"),
        }
        let refused = client.run(request("https://refused.invalid")).unwrap_err();
        assert_eq!(refused.kind, TransportErrorKind::Unreachable, "{refused}");
        // Plain http goes direct: a name only the proxy knows is not found.
        let direct = client.kind(request(&format!("http://far.invalid:{}", address.port())));
        assert_eq!(direct, TransportErrorKind::Unreachable);
    }
}

/// Joins a client that asks for `far.invalid` to the port it names on this machine.
fn tunnel(mut client: TcpStream) {
    let mut reader = BufReader::new(client.try_clone().unwrap());
    let mut head = Vec::new();
    loop {
        let mut line = String::new();
        if reader.read_line(&mut line).unwrap_or(0) == 0 {
            return;
        }
        if line.trim().is_empty() {
            break;
        }
        head.push(line.trim().to_ascii_lowercase());
    }
    let port = head[0].strip_prefix("connect far.invalid:").and_then(|rest| rest.split(' ').next());
    // "user:pass"
    let allowed = head.iter().any(|line| line == "proxy-authorization: basic dxnlcjpwyxnz");
    let Some(port) = port.filter(|_| allowed) else {
        let _ = client.write_all(b"HTTP/1.1 403 Forbidden\r\ncontent-length: 0\r\n\r\n");
        return;
    };
    let mut server = TcpStream::connect(("127.0.0.1", port.parse().unwrap())).unwrap();
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n").unwrap();
    let (mut back, mut to) = (server.try_clone().unwrap(), client.try_clone().unwrap());
    std::thread::spawn(move || std::io::copy(&mut back, &mut to));
    let _ = std::io::copy(&mut reader, &mut server);
}
