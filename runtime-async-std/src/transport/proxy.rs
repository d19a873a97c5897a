//! The proxy that the environment asks for.
//!
//! The variables, their order and the patterns of `NO_PROXY` are those of the blocking runtime.
//! Proxies are spoken to by `CONNECT`, in the clear or over TLS; others (SOCKS) are refused, never
//! passed by.

use super::connection::{Connection, Stream};
use super::failure::failure;
use super::origin::Origin;
use absio_proto::effect::{TransportError, TransportErrorKind};
use data_encoding::BASE64;
use futures_io::{AsyncRead, AsyncWrite};
use percent_encoding::percent_decode_str;
use std::sync::Arc;
use ureq_proto::http::Uri;
use ureq_proto::parser::try_parse_response;

const VARIABLES: [&str; 6] =
    ["ALL_PROXY", "all_proxy", "HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy"];
/// Headers an answer to `CONNECT` may have.
const ANSWER_HEADERS: usize = 64;

/// A proxy for https.
#[derive(Clone)]
pub(crate) struct Proxy {
    /// `None` is a kind of proxy that cannot be used.
    pub(crate) origin: Option<Origin>,
    authorization: Option<String>,
    exceptions: Vec<Exception>,
}

#[derive(Clone, PartialEq, Eq, Debug)]
enum Exception {
    All,
    Host(String),
    Beginning(String),
    Ending(String),
}

impl Proxy {
    pub(crate) fn from_environment() -> Option<Self> {
        Self::from_variables(|name| std::env::var(name).ok())
    }

    fn from_variables(variable: impl Fn(&str) -> Option<String>) -> Option<Self> {
        let exceptions = variable("NO_PROXY").or_else(|| variable("no_proxy")).unwrap_or_default();
        let mut proxy = VARIABLES.iter().find_map(|name| Self::parse(&variable(name)?))?;
        proxy.exceptions =
            exceptions.split(',').map(str::trim).filter(|text| !text.is_empty()).map(exception).collect();
        Some(proxy)
    }

    fn parse(text: &str) -> Option<Self> {
        let uri: Uri =
            if text.contains("://") { text.parse() } else { format!("http://{text}").parse() }.ok()?;
        let authority = uri.authority()?;
        let authorization = match authority.as_str().rsplit_once('@') {
            None => None,
            Some((login, _)) => {
                let (user, password) = login.split_once(':').unwrap_or((login, ""));
                let user = percent_decode_str(user).decode_utf8().ok()?;
                let password = percent_decode_str(password).decode_utf8().ok()?;
                Some(BASE64.encode(format!("{user}:{password}").as_bytes()))
            }
        };
        Some(Self { origin: Origin::of(&uri), authorization, exceptions: Vec::new() })
    }

    /// Whether `host` is reached through this proxy.
    pub(crate) fn serves(&self, host: &str) -> bool {
        !self.exceptions.iter().any(|exception| match exception {
            Exception::All => true,
            Exception::Host(name) => name == host,
            Exception::Beginning(beginning) => host.starts_with(beginning.as_str()),
            Exception::Ending(ending) => host.ends_with(ending.as_str()),
        })
    }

    /// Asks the proxy at the other end of `stream` for a tunnel to `target`.
    pub(crate) async fn tunnel<S>(
        &self,
        stream: Stream<S>,
        target: &Origin,
        origin: &str,
    ) -> Result<Stream<S>, TransportError>
    where
        S: AsyncRead + AsyncWrite + Unpin,
    {
        let failed = |reason: &str| {
            failure(
                TransportErrorKind::Unreachable,
                format_args!("the proxy gave no tunnel: {reason}"),
                origin,
            )
        };
        let broken = |error: std::io::Error| failed(&error.to_string());
        let mut connection = Connection::new(stream, Arc::from(origin));
        connection.send(self.request(target).as_bytes()).await.map_err(broken)?;
        connection.flush().await.map_err(broken)?;
        let (used, status) = loop {
            if connection.is_full() {
                return Err(failed("its answer is too long"));
            }
            if connection.fill().await.map_err(broken)? == 0 {
                return Err(failed("it closed the connection"));
            }
            match try_parse_response::<ANSWER_HEADERS>(connection.input()) {
                Ok(None) => {}
                Ok(Some((used, response))) => break (used, response.status()),
                Err(_) => return Err(failed("its answer is not HTTP")),
            }
        };
        if !status.is_success() {
            return Err(failed(status.as_str()));
        }
        connection.consume(used);
        connection.into_stream().ok_or_else(|| failed("it sent more than an answer"))
    }

    fn request(&self, target: &Origin) -> String {
        let authority = target.authority();
        let authorization = self
            .authorization
            .as_ref()
            .map_or_else(String::new, |login| format!("proxy-authorization: Basic {login}\r\n"));
        format!("CONNECT {authority} HTTP/1.1\r\nhost: {authority}\r\n{authorization}\r\n")
    }
}

fn exception(text: &str) -> Exception {
    let text = text.to_ascii_lowercase();
    match text.as_str() {
        "*" => Exception::All,
        _ if text.starts_with('*') => Exception::Ending(text[1..].to_owned()),
        _ if text.starts_with('.') => Exception::Ending(text),
        _ if text.ends_with('*') => Exception::Beginning(text[..text.len() - 1].to_owned()),
        _ if text.ends_with('.') => Exception::Beginning(text),
        _ => Exception::Host(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn proxy(variables: &[(&str, &str)]) -> Option<Proxy> {
        Proxy::from_variables(|name| {
            variables.iter().find(|(key, _)| *key == name).map(|(_, value)| (*value).to_owned())
        })
    }

    #[test]
    fn the_first_variable_that_can_be_read_counts() {
        assert!(proxy(&[]).is_none());
        let first =
            proxy(&[("http_proxy", "http://c:3"), ("HTTPS_PROXY", "b:2"), ("ALL_PROXY", " ")]).unwrap();
        assert_eq!(first.origin.unwrap().to_string(), "http://b:2");
        let tls = proxy(&[("https_proxy", "https://p.example")]).unwrap();
        assert_eq!(tls.origin.unwrap().to_string(), "https://p.example:443");
        assert!(proxy(&[("ALL_PROXY", "socks5://a:1")]).unwrap().origin.is_none());
    }

    #[test]
    fn a_login_is_decoded_once() {
        let login = proxy(&[("ALL_PROXY", "http://us%65r:pa%3Ass@p:1")]).unwrap();
        assert_eq!(login.authorization.as_deref(), Some(BASE64.encode(b"user:pa:ss").as_str()));
        let target = Origin { secure: true, host: "::1".into(), port: 443 };
        assert!(
            login.request(&target).starts_with("CONNECT [::1]:443 HTTP/1.1\r\nhost: [::1]:443\r\nproxy-")
        );
    }

    #[test]
    fn exceptions_go_direct() {
        let some =
            proxy(&[("ALL_PROXY", "p:1"), ("NO_PROXY", "localhost, .in.example,*.b.example,10.*")]).unwrap();
        for direct in ["localhost", "x.in.example", "y.b.example", "10.0.0.1"] {
            assert!(!some.serves(direct), "{direct}");
        }
        for through in ["in.example", "example", "110.0.0.1", "localhost.example"] {
            assert!(some.serves(through), "{through}");
        }
        assert!(!proxy(&[("ALL_PROXY", "p:1"), ("no_proxy", "*")]).unwrap().serves("any"));
    }
}
