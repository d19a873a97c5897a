"""Taking structures apart (§1), and the one way in which an object is refused."""


class Refused(Exception):
    """An object is refused. `code` is the class that the protocol names for it."""

    def __init__(self, code, why=""):
        super().__init__(f"{code}: {why}" if why else code)
        self.code = code


def require(condition, code, why=""):
    """Refuses with `code` unless `condition` holds."""
    if not condition:
        raise Refused(code, why)


def u8(value):
    return value.to_bytes(1, "big")


def u16(value):
    return value.to_bytes(2, "big")


def u32(value):
    return value.to_bytes(4, "big")


def u64(value):
    return value.to_bytes(8, "big")


def prefixed(data):
    """*prefixed(x)*: the length as u32, then the bytes."""
    return u32(len(data)) + data


class Reader:
    """Reads a structure from its front; what ends early, or goes on behind its end, is refused with `code`."""

    def __init__(self, data, code="malformed"):
        self.data = bytes(data)
        self.at = 0
        self.code = code

    def take(self, length):
        require(length <= len(self.data) - self.at, self.code, "ends early")
        taken = self.data[self.at : self.at + length]
        self.at += length
        return taken

    def number(self, length):
        return int.from_bytes(self.take(length), "big")

    def u8(self):
        return self.number(1)

    def u16(self):
        return self.number(2)

    def u32(self):
        return self.number(4)

    def u64(self):
        return self.number(8)

    def magic(self, expected):
        require(self.take(len(expected)) == expected, self.code, "magic")

    def prefixed(self, limit=None):
        length = self.u32()
        require(limit is None or length <= limit, self.code, "length over its limit")
        return self.take(length)

    def rest(self):
        return self.take(len(self.data) - self.at)

    def left(self):
        return len(self.data) - self.at

    def end(self):
        require(self.at == len(self.data), self.code, "bytes behind the end")


def utf8(data, code="malformed"):
    """`data` as text; refused if it is not UTF-8."""
    try:
        return data.decode("utf-8", "strict")
    except UnicodeDecodeError as error:
        raise Refused(code, "not UTF-8") from error


def split_prefixed(data):
    """A list of prefixed members, to the end of `data`."""
    reader = Reader(data)
    members = []
    while reader.left():
        members.append(reader.prefixed())
    return members
