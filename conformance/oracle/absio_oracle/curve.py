"""Public keys and strict verification (§2.4), on whole numbers.

Only decoding is done here; the signature equation itself is left to `cryptography`, whose comparison is of the 32 bytes of R.
"""

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from .reading import require

P = 2**255 - 19
L = 2**252 + 27742317777372353535851937790883648493
D = -121665 * pow(121666, P - 2, P) % P
ROOT_OF_MINUS_ONE = pow(2, (P - 1) // 4, P)

LOW_ORDER_X25519 = {
    bytes(32),
    bytes([1]) + bytes(31),
    (P - 1).to_bytes(32, "little"),
    bytes.fromhex("e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800"),
    bytes.fromhex("5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157"),
}


def decode_point(encoded):
    """The point with this one encoding, or None."""
    number = int.from_bytes(encoded, "little")
    sign, y = number >> 255, number & (2**255 - 1)
    if y >= P:
        return None
    square = (y * y - 1) * pow(D * y * y + 1, P - 2, P) % P
    x = pow(square, (P + 3) // 8, P)
    if (x * x - square) % P != 0:
        x = x * ROOT_OF_MINUS_ONE % P
    if (x * x - square) % P != 0:
        return None
    if x == 0 and sign:
        return None
    return (P - x if x & 1 != sign else x), y


def double(point):
    """Twice a point, by the complete addition law of the curve −x² + y² = 1 + dx²y²."""
    x, y = point
    product = D * x * x * y * y % P
    return (
        2 * x * y * pow(1 + product, P - 2, P) % P,
        (y * y + x * x) * pow(1 - product, P - 2, P) % P,
    )


def small_order(point):
    """Whether eight times the point is the neutral one."""
    return double(double(double(point))) == (0, 1)


def good_ed25519(key):
    """Whether §2.4 takes this as a public signing key."""
    point = decode_point(key) if len(key) == 32 else None
    return point is not None and not small_order(point)


def good_x25519(key):
    """Whether §2.4 takes this as a public derivation key."""
    return len(key) == 32 and int.from_bytes(key, "little") < P and key not in LOW_ORDER_X25519


def check_ed25519(key):
    require(good_ed25519(key), "weak_key")


def check_x25519(key):
    require(good_x25519(key), "weak_key")


def verifies(key, text, signature):
    """Strict verification of Ed25519 (§2.4)."""
    if len(signature) != 64 or int.from_bytes(signature[32:], "little") >= L:
        return False
    if not good_ed25519(key) or not good_ed25519(signature[:32]):
        return False
    try:
        Ed25519PublicKey.from_public_bytes(key).verify(signature, text)
    except InvalidSignature:
        return False
    return True
