"""The perceptual hash of a picture: alike pictures have hashes that differ in few bits.

A difference hash (dHash): the picture in grey, 9 x 8 pixels; each of the 64 bits says whether a pixel is brighter than
the one to its right. Size, format, compression and brightness hardly change it; another angle does.
"""

from PIL import Image

BITS = 64
SIDE = 8


def of(image: Image.Image) -> int:
    """The hash of a picture, upright as it is to be seen, as a signed 64-bit number."""
    grey = image.convert("L").resize((SIDE + 1, SIDE), Image.Resampling.BOX)
    rows = list(grey.tobytes())
    bits = 0
    for start in range(0, len(rows), SIDE + 1):
        for left, right in zip(rows[start : start + SIDE], rows[start + 1 : start + SIDE + 1], strict=True):
            bits = bits << 1 | (left > right)
    return bits - (1 << BITS) if bits >> (BITS - 1) else bits


def bits_apart(one: int, other: int) -> int:
    """In how many of the 64 bits two hashes differ: about 32 when the pictures have nothing in common."""
    return ((one ^ other) & ((1 << BITS) - 1)).bit_count()


def tells(value: int | None) -> bool:
    """Whether a hash says something: that of a dark or even picture has nearly no bit, or nearly all (`fn.tells`)."""
    return value is not None and 4 <= (value & ((1 << BITS) - 1)).bit_count() <= BITS - 4
