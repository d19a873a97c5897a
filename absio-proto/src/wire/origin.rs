//! Which server URLs are usable, and their one spelling (`docs/protocol.md`, "Origin").

use crate::error::InputError;

/// The origin `scheme://host[:port]` of a server URL: lower-case ASCII, the default port left out.
/// HTTPS is required except for loopback addresses and `localhost`.
///
/// # Errors
/// [`InputError::InvalidServerUrl`] for another scheme, credentials, a path, a query, or plain HTTP
/// to another machine.
pub fn parse_origin(url: &str) -> Result<String, InputError> {
    let refuse = |reason: &str| InputError::InvalidServerUrl {
        url: without_credentials(url),
        reason: reason.to_owned(),
    };
    let lower = url.to_ascii_lowercase();
    let (scheme, rest) = lower.split_once("://").ok_or_else(|| refuse("it must begin with https://"))?;
    let default_port = match scheme {
        "https" => 443,
        "http" => 80,
        _ => return Err(refuse("it must begin with https://")),
    };
    let authority = rest.strip_suffix('/').unwrap_or(rest);
    if authority.is_empty() || !authority.is_ascii() {
        return Err(refuse("the host must be given in ASCII (IDNs in their xn-- form)"));
    }
    if authority.contains(['/', '?', '#', '\\', '%']) {
        return Err(refuse("give only scheme, host and port, without a path"));
    }
    if authority.contains('@') {
        return Err(refuse("credentials do not belong into the URL"));
    }
    let (host, port) =
        split_port(authority).ok_or_else(|| refuse("the port is not a number from 1 to 65535"))?;
    let host = spelled(host).ok_or_else(|| refuse("the host is not a name or an address"))?;
    if scheme == "http" && !is_loopback(&host) {
        return Err(refuse("plain http is only for this machine; use https"));
    }
    Ok(match port {
        Some(port) if port != default_port => format!("{scheme}://{host}:{port}"),
        _ => format!("{scheme}://{host}"),
    })
}

/// The URL as an error may show it: what stands before an `@` may be a password.
fn without_credentials(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}://…{}", &url[..scheme], &url[at..]),
        (None, Some(at)) => format!("…{}", &url[at..]),
        _ => url.to_owned(),
    }
}

/// The one spelling of a host: of an IPv6 address, that of RFC 5952.
fn spelled(host: &str) -> Option<String> {
    if let Some(address) = host.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        return address.parse::<core::net::Ipv6Addr>().ok().map(|address| format!("[{address}]"));
    }
    let valid = |b: u8| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'-' | b'_');
    (!host.is_empty() && host.bytes().all(valid)).then(|| host.to_owned())
}

fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let host_end = authority.rfind(']').map_or(0, |bracket| bracket + 1);
    match authority[host_end..].rfind(':') {
        None => Some((authority, None)),
        Some(colon) => {
            let (host, port) = authority.split_at(host_end + colon);
            port[1..].parse().ok().filter(|port| *port != 0).map(|port| (host, Some(port)))
        }
    }
}

fn is_loopback(host: &str) -> bool {
    host == "localhost"
        || host.parse::<core::net::Ipv4Addr>().is_ok_and(|address| address.is_loopback())
        || host
            .trim_matches(['[', ']'])
            .parse::<core::net::Ipv6Addr>()
            .is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::parse_origin;

    #[test]
    fn origins_have_one_spelling() {
        for (url, origin) in [
            ("https://sandbox.absio.com", "https://sandbox.absio.com"),
            ("HTTPS://Sandbox.Absio.com:443/", "https://sandbox.absio.com"),
            ("https://h:8443", "https://h:8443"),
            ("http://127.0.0.1:8600", "http://127.0.0.1:8600"),
            ("http://localhost:80/", "http://localhost"),
            ("http://[::1]:8600", "http://[::1]:8600"),
            ("http://[0:0::01]:8600", "http://[::1]:8600"),
            ("https://[2001:DB8:0::1]", "https://[2001:db8::1]"),
        ] {
            assert_eq!(parse_origin(url).unwrap(), origin);
        }
    }

    #[test]
    fn mn_redirect_http_downgrade_is_refused() {
        for url in [
            "http://example.com",
            "http://127.0.0.1.example.com",
            "http://10.0.0.1",
            "ftp://h",
            "https://user:pw@h",
            "https://h/path",
            "https://h?x",
            "https://",
            "https://h:0",
            "https://h:99999",
            "https://ex\u{e4}mple.com",
            "sandbox.absio.com",
            "https://[::1",
            "https://h\\@evil",
        ] {
            assert!(parse_origin(url).is_err(), "{url}");
        }
    }
}
