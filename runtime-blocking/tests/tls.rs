//! TLS: only the authorities one trusts.

#![allow(clippy::unwrap_used)]

use absio_blocking::{HttpTransport, TransportSetupError};
use absio_proto::driver::blocking::Transport;
use absio_proto::effect::{HttpRequest, Method, TransportErrorKind};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use std::io::{Read, Write};
use std::net::{SocketAddr, TcpListener};
use std::sync::Arc;
use std::time::Duration;

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

/// A server of 127.0.0.1 with a certificate for `name`, that answers every connection once.
fn serve(authority: &Authority, name: &str) -> SocketAddr {
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
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let address = listener.local_addr().unwrap();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let connection = rustls::ServerConnection::new(Arc::new(config.clone())).unwrap();
            let mut stream = rustls::StreamOwned::new(connection, stream.unwrap());
            let mut head = [0; 4096];
            // A refused certificate ends the handshake here.
            if stream.read(&mut head).is_ok() {
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\ncontent-length: 6\r\n\r\nsecure");
            }
        }
    });
    address
}

fn request(origin: String) -> HttpRequest {
    HttpRequest {
        method: Method::Get,
        origin,
        path: "/v1/info".into(),
        headers: Vec::new(),
        body: absio_proto::effect::Body::new(),
        deadline: Duration::from_secs(20),
        max_response: 100,
    }
}

#[test]
fn mn_only_trusted_authorities_are_believed() {
    let (ours, other) = (authority(), authority());
    let address = serve(&ours, "localhost");
    let trusting = |pem: &str| HttpTransport::builder().authority_pem(pem.as_bytes()).unwrap().build();
    let origin = format!("https://localhost:{}", address.port());

    let answer = trusting(&ours.pem).exchange(request(origin.clone())).unwrap();
    assert_eq!(answer.body, b"secure");
    let both =
        HttpTransport::builder().authority_pem(format!("{}{}", other.pem, ours.pem).as_bytes()).unwrap();
    assert_eq!(both.build().exchange(request(origin.clone())).unwrap().body, b"secure");

    for distrusting in [trusting(&other.pem), HttpTransport::new()] {
        let error = distrusting.exchange(request(origin.clone())).unwrap_err();
        assert_eq!(error.kind, TransportErrorKind::Tls, "{error}");
        assert!(!error.is_ambiguous());
    }
    let wrong_name = trusting(&ours.pem).exchange(request(format!("https://{address}"))).unwrap_err();
    assert_eq!(wrong_name.kind, TransportErrorKind::Tls, "{wrong_name}");
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
    let error = HttpTransport::new().exchange(request(format!("https://{address}"))).unwrap_err();
    assert_eq!(error.kind, TransportErrorKind::Tls, "{error}");
}

#[test]
fn files_without_an_authority_are_refused() {
    for pem in ["", "not pem", "-----BEGIN CERTIFICATE-----\n!!\n-----END CERTIFICATE-----\n"] {
        assert_eq!(HttpTransport::builder().authority_pem(pem.as_bytes()).err(), Some(TransportSetupError));
    }
}
