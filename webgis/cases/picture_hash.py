"""The perceptual hash of a picture: alike pictures have hashes that differ in few bits.

A difference hash (dHash): the picture in grey, 9 x 8 pixels; each of the 64 bits says whether a pixel is brighter than
the one to its right. Size, format, compression and brightness hardly change it; another angle does.
"""

import io

from PIL import Image

BITS = 64
SIDE = 8


def of(data: bytes) -> int:
    """The hash of a picture that has been checked (`evidence.store`), as a signed 64-bit number."""
    with Image.open(io.BytesIO(data)) as image:
        image.draft("L", (SIDE * 16, SIDE * 16))
        return of_image(image)


def of_image(image: Image.Image) -> int:
    """The hash of an opened picture, upright as it is to be seen."""
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
