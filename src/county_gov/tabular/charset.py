"""Which charset a text file is in: said, or told from its bytes where only one answer is possible.

Chinese offices exchange UTF-8 and GB18030 (which includes GBK and GB2312). Texts in ASCII are the
same in both. Most other texts are valid in only one of the two; some are valid in both and mean
something else in each, and then nothing is guessed.
"""

from __future__ import annotations

from county_gov.errors import MalformedDelivery, UnsupportedWireFormat

UTF8 = "utf-8"
GB18030 = "gb18030"
_NAMES = {
    "utf-8": UTF8,
    "utf8": UTF8,
    "us-ascii": UTF8,
    "gb18030": GB18030,
    "gbk": GB18030,
    "cp936": GB18030,
    "gb2312": GB18030,
    "gb_2312-80": GB18030,
}
UTF8_MARK = b"\xef\xbb\xbf"
_OTHER_MARKS = (b"\xff\xfe", b"\xfe\xff", b"\x00\x00\xfe\xff")
_ADVICE = "name the charset: text/csv; charset=utf-8 or text/csv; charset=gb18030"


def known_charset(name: str) -> str:
    """The charset of this name, as "utf-8" or "gb18030".

    Raises:
        UnsupportedWireFormat: if it is another one.
    """
    charset = _NAMES.get(name.strip().lower())
    if charset is None:
        msg = f"charset {name[:40]!r} is not known; send utf-8 or gb18030"
        raise UnsupportedWireFormat(msg)
    return charset


def refuse_other_marks(raw: bytes) -> None:
    """Refuse what begins with the byte order mark of UTF-16 or UTF-32.

    Raises:
        MalformedDelivery: then.
    """
    if raw.startswith(_OTHER_MARKS):
        msg = "this is UTF-16 or UTF-32; send UTF-8"
        raise MalformedDelivery(msg, place="byte 0")


def detect_charset(raw: bytes) -> str:
    """The charset of bytes that nobody named one for.

    UTF-8 where the bytes are valid UTF-8 and, read as GB18030, are invalid or not the common
    characters of GB2312; GB18030 the other way round.

    Raises:
        MalformedDelivery: if both readings are possible, or neither.
    """
    refuse_other_marks(raw)
    if raw.startswith(UTF8_MARK) or raw.isascii():
        return UTF8
    common_chinese = _is_common_chinese(raw)
    try:
        raw.decode(UTF8)
    except UnicodeDecodeError as error:
        if common_chinese:
            return GB18030
        msg = f"the bytes are neither UTF-8 nor common Chinese in GB18030; {_ADVICE}"
        raise MalformedDelivery(msg, place=f"byte {error.start}") from error
    if common_chinese:
        first = next(place for place, byte in enumerate(raw) if byte > 0x7F)  # noqa: PLR2004
        msg = f"the bytes are both valid UTF-8 and common Chinese in GB18030; {_ADVICE}"
        raise MalformedDelivery(msg, place=f"byte {first}")
    return UTF8


def _is_common_chinese(raw: bytes) -> bool:
    """Whether the bytes are GB18030 that uses only characters of GB2312."""
    try:
        raw.decode(GB18030).encode("gb2312")
    except (UnicodeDecodeError, UnicodeEncodeError):
        return False
    return True


def decode_text(raw: bytes) -> tuple[str, str]:
    """The text of a file that somebody will look at before it counts, and its charset.

    As `detect_charset`, but what is not UTF-8 is taken for GB18030 with all its characters: names
    have rare ones.

    Raises:
        MalformedDelivery: if it is neither, or could be both.
    """
    refuse_other_marks(raw)
    if raw.startswith(UTF8_MARK):
        raw = raw[len(UTF8_MARK) :]
        charset = UTF8
    else:
        charset = detect_charset(raw) if _is_valid(raw, UTF8) else GB18030
    try:
        return raw.decode(charset), charset
    except UnicodeDecodeError as error:
        msg = "the bytes are neither UTF-8 nor GB18030; save the file as 'CSV UTF-8'"
        raise MalformedDelivery(msg, place=f"byte {error.start}") from error


def _is_valid(raw: bytes, charset: str) -> bool:
    try:
        raw.decode(charset)
    except UnicodeDecodeError:
        return False
    return True
