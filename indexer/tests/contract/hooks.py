"""What a key is, which no pattern says: 32 bytes in base58. Some are those of the market that is served."""

import os

import schemathesis
from hypothesis import strategies as st

ALPHABET = "123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz"


def base58(data: bytes) -> str:
    number = int.from_bytes(data, "big")
    text = ""
    while number:
        number, digit = divmod(number, 58)
        text = ALPHABET[digit] + text
    return "1" * (len(data) - len(data.lstrip(b"\0"))) + text


known = os.environ["GANTRY_CONTRACT_KEYS"].split(",")
keys = st.sampled_from(known) | st.binary(min_size=32, max_size=32).map(base58)
schemathesis.openapi.format("base58", keys)
