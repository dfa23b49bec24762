"""What a message's tree costs, known before anything is made of it.

One byte of MessagePack can stand for a list or a mapping of a hundred bytes of memory, so the
length of a message says little. A tree is walked through without building it: the walk ends at the
first byte too much, takes a time bounded by `MOST_ELEMENTS`, and lets others have the interpreter.
"""

from __future__ import annotations

from county_gov.errors import ContractError

MOST_ELEMENTS = 200_000
"""Values of a tree, lists counted with what they hold; columns count as one each."""
MOST_DEPTH = 64
MOST_BYTES = 16 << 20
"""Bytes of a tree, and of any one text: both are decoded in one go, which nothing interrupts."""

_TEXT, _TEXT_END = 0xA0, 0xC0
_LIST, _LIST_END = 0x90, 0xA0
_LISTS = {0xDC: 2, 0xDD: 4}
"""First byte of a longer list, and how many bytes its length has."""
_LENGTHS = {0xC4: 1, 0xC5: 2, 0xC6: 4, 0xD9: 1, 0xDA: 2, 0xDB: 4}
"""First byte of bytes and of longer texts, and how many bytes their length has."""
_FIXED = {
    **dict.fromkeys((0xC0, 0xC2, 0xC3), 0),
    **dict.fromkeys((0xCC, 0xD0), 1),
    **dict.fromkeys((0xCD, 0xD1), 2),
    **dict.fromkeys((0xCA, 0xCE, 0xD2), 4),
    **dict.fromkeys((0xCB, 0xCF, 0xD3), 8),
    **dict.fromkeys((*range(0x80), *range(0xE0, 0x100)), 0),
}
"""First byte of a value of fixed length, and how many bytes follow it."""


def require_bounded(tree: bytes | memoryview) -> None:  # noqa: C901 (one branch a kind)
    """Check that a tree is small and flat enough to be decoded.

    Lists, numbers, truths, texts, bytes and nothing are known; mappings and extensions are not
    used, so that no key is ever hashed while decoding.

    Args:
        tree: One value as MessagePack.

    Raises:
        ContractError: if it has too many bytes or elements, is too deep, or is none.
    """
    if len(tree) > MOST_BYTES:
        raise ContractError(
            f"{len(tree)} bytes beside its columns, at most {MOST_BYTES} are taken: "
            "give long values as bytes or columns"
        )
    seen, at, end = 0, 0, len(tree)
    left = [1]
    while left:
        if not left[-1]:
            left.pop()
            continue
        left[-1] -= 1
        seen += 1
        if at >= end:
            raise ContractError("a message ends in the middle of a value")
        first = tree[at]
        at += 1
        if first in _FIXED:
            at += _FIXED[first]
        elif _TEXT <= first < _TEXT_END:
            at += first - _TEXT
        elif first in _LENGTHS:
            width = _LENGTHS[first]
            at += width + int.from_bytes(tree[at : at + width], "big")
        elif _LIST <= first < _LIST_END or first in _LISTS:
            width = _LISTS.get(first, 0)
            count = int.from_bytes(tree[at : at + width], "big") if width else first - _LIST
            at += width
            if seen + count > MOST_ELEMENTS or len(left) > MOST_DEPTH:
                raise ContractError(
                    f"more than {MOST_ELEMENTS} values or {MOST_DEPTH} levels in one message: "
                    "give them as columns, or fewer at once"
                )
            left.append(count)
        else:
            raise ContractError(f"a message holds the byte {first:#x} where a value begins")
    if at != end:
        raise ContractError("a message does not end with its value")
