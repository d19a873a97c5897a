"""Bundles `BND1` (§14.4) and origins (§14.1)."""

import ipaddress
import re

from .container import check_json
from .reading import Reader, require, u16, u32

REPEATS = {2, 3, 6}
TAGS = range(1, 10)


def encode(items):
    """A bundle of (tag, bytes)."""
    parts = [b"BND1", u32(len(items))]
    parts += [u16(tag) + u32(len(data)) + data for tag, data in items]
    return b"".join(parts)


def parse(data):
    reader = Reader(data)
    reader.magic(b"BND1")
    items = []
    for _ in range(reader.u32()):
        tag = reader.u16()
        require(tag in TAGS, "malformed", "unknown tag")
        if items:
            last = items[-1][0]
            require(tag > last or (tag == last and tag in REPEATS), "malformed", "order of tags")
        items.append((tag, reader.prefixed()))
    reader.end()
    return items


def check_fields(items):
    """Item 1, where there is one, is a JSON object."""
    for tag, data in items:
        if tag == 1:
            require(isinstance(check_json(data), dict), "malformed", "fields are an object")


HOST = re.compile(r"(?!-)[a-z0-9-]{1,63}(?<!-)(\.(?!-)[a-z0-9-]{1,63}(?<!-))*", re.ASCII)


def check_origin(text):
    """`text`, if it is an origin in its one spelling."""
    match = re.fullmatch(r"(https?)://(\[[0-9a-f:.]+\]|[a-z0-9.-]+)(?::([1-9][0-9]{0,4}))?", text, re.ASCII)
    require(match, "invalid_origin", "form")
    scheme, host, port = match.groups()
    if port is not None:
        require(int(port) <= 65535 and int(port) != {"https": 443, "http": 80}[scheme], "invalid_origin", "port")
    require(good_host(host), "invalid_origin", "host")
    if scheme == "http":
        require(local(host), "invalid_origin", "http")
    return text


def good_host(host):
    if host.startswith("["):
        try:
            return host[1:-1] == str(ipaddress.IPv6Address(host[1:-1]))
        except ValueError:
            return False
    if re.fullmatch(r"[0-9.]+", host):
        try:
            return host == str(ipaddress.IPv4Address(host))
        except ValueError:
            return False
    return len(host) <= 253 and HOST.fullmatch(host) is not None


def local(host):
    if host in ("localhost", "[::1]"):
        return True
    try:
        return ipaddress.IPv4Address(host).is_loopback
    except ValueError:
        return False
