//! Where a request goes.

use ureq_proto::http::Uri;

/// Scheme, host and port of a URL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Origin {
    /// Whether TLS is spoken.
    pub(crate) secure: bool,
    /// A name, or an address without brackets.
    pub(crate) host: String,
    pub(crate) port: u16,
}

impl Origin {
    /// The origin of `uri`, if it is an absolute one of http or https.
    pub(crate) fn of(uri: &Uri) -> Option<Self> {
        let secure = match uri.scheme_str()? {
            "https" => true,
            "http" => false,
            _ => return None,
        };
        let host = uri.host()?.trim_matches(['[', ']']).to_ascii_lowercase();
        if host.is_empty() {
            return None;
        }
        let port = match uri.authority()?.port() {
            Some(port) => port.as_u16(),
            None if secure => 443,
            None => 80,
        };
        Some(Self { secure, host, port })
    }

    /// `host:port`, with the brackets an IPv6 address needs.
    pub(crate) fn authority(&self) -> String {
        if self.host.contains(':') {
            format!("[{}]:{}", self.host, self.port)
        } else {
            format!("{}:{}", self.host, self.port)
        }
    }
}

/// The name under which connections are kept, and which errors give: never with user or password.
impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}://{}", if self.secure { "https" } else { "http" }, self.authority())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn origins_are_told_from_urls() {
        for (url, expected) in [
            ("http://a.example/x?y", "http://a.example:80"),
            ("https://A.example", "https://a.example:443"),
            ("https://user:canary@a.example:8443/", "https://a.example:8443"),
            ("http://[::1]:7/", "http://[::1]:7"),
        ] {
            assert_eq!(Origin::of(&url.parse().unwrap()).unwrap().to_string(), expected);
        }
        for url in ["/path", "a.example:80", "ftp://a.example/"] {
            assert_eq!(Origin::of(&url.parse().unwrap()), None, "{url}");
        }
    }
}
