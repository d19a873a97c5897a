"""Container data `CON1`, and the JSON of a header (§10, §14.3)."""

import json
import math

from . import segment
from .reading import Reader, Refused, prefixed, require, u32, utf8

DEPTH = 64
HEADER_WRITTEN = 2**20
HEADER_READ = 2**24
# The longest header that a manifest may name (§11.1), in the smallest chunks and with the longest tags.
HEADER_LENGTH = HEADER_READ + 2048
HEADER_SEGMENT = 104 + HEADER_LENGTH + (HEADER_LENGTH // 4096 + 1) * 48


def check_json(data, limit=HEADER_READ):
    """One JSON value in the narrow form that §10 takes."""
    require(len(data) <= limit, "malformed", "longer than its limit")
    text = utf8(data)
    require(depth(text) <= DEPTH, "malformed", "nested too deep")
    try:
        value = json.loads(
            text, object_pairs_hook=unique, parse_float=number, parse_int=whole, parse_constant=constant
        )
    except (ValueError, RecursionError) as error:
        raise Refused("malformed", f"JSON: {error}") from error
    scalar_values(value)
    return value


def depth(text):
    """How deep arrays and objects stand in each other, outside of strings."""
    deepest = level = 0
    inside = escaped = False
    for character in text:
        if inside:
            if escaped:
                escaped = False
            elif character == "\\":
                escaped = True
            elif character == '"':
                inside = False
        elif character == '"':
            inside = True
        elif character in "[{":
            level += 1
            deepest = max(deepest, level)
        elif character in "]}":
            level -= 1
    return deepest


def unique(pairs):
    names = [name for name, _ in pairs]
    require(len(set(names)) == len(names), "malformed", "a name twice")
    return dict(pairs)


def number(text):
    value = float(text)
    require(math.isfinite(value), "malformed", "a number beyond a 64-bit float")
    return value


def whole(text):
    number(text)
    # A whole number of many digits can be within a float, but is not converted at any cost.
    return int(text) if len(text) < 400 else float(text)


def constant(text):
    raise Refused("malformed", text)


def scalar_values(value):
    """Half a surrogate pair is no character, so no text of a JSON value may hold one."""
    if isinstance(value, str):
        require(not any(0xD800 <= ord(character) < 0xE000 for character in value), "malformed", "half a surrogate pair")
    elif isinstance(value, list):
        for member in value:
            scalar_values(member)
    elif isinstance(value, dict):
        for name, member in value.items():
            scalar_values(name)
            scalar_values(member)


def encode(header_segment, content_segment):
    return b"CON1" + prefixed(header_segment) + content_segment


def split(data):
    """The header segment and the content segment; empty for one that is absent."""
    reader = Reader(data)
    reader.magic(b"CON1")
    header = reader.prefixed(HEADER_SEGMENT)
    return header, reader.rest()


def open_container(data, keys, container=None):
    """Header JSON and content of unsigned container data; None for an absent section."""
    header, content = split(data)
    return (
        open_section(header, segment.HEADER, keys.header, container),
        open_section(content, segment.CONTENT, keys.content, container),
    )


def open_section(data, kind, secret, container):
    if not data:
        return None
    context, _ = segment.parse_header(data[:104])
    expected = segment.Expected(kind, container or context.container, context.epoch)
    plaintext = segment.open_segment(data, expected, secret)
    if kind == segment.HEADER:
        check_json(plaintext)
    return plaintext


def length_prefix(length):
    return b"CON1" + u32(length)
