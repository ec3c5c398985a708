#!/usr/bin/env python3
"""Writes the seed inputs of the codecs' fuzzers below tests/fuzz/corpus/.

Run it by hand when a seed is added: tests/fuzz/make_corpus.py. Its encoder is its own, so that a seed
is right by the RFC and not by our builder. Files that a fuzzer found stay beside the seeds.
"""

import hashlib
import hmac
import pathlib
import struct
import zlib

CORPUS = pathlib.Path(__file__).resolve().parent / "corpus"
COOKIE = 0x2112A442
TID = bytes(range(1, 13))
KEY = bytes(range(16))  # the key of stun_integrity_fuzz


def attribute(kind: int, value: bytes, pad: bytes = b"\0") -> bytes:
    return struct.pack("!HH", kind, len(value)) + value + pad * (-len(value) % 4)


def message(kind: int, *attributes: bytes, tid: bytes = TID) -> bytes:
    body = b"".join(attributes)
    return struct.pack("!HHI", kind, len(body), COOKIE) + tid + body


def with_length(data: bytes, length: int) -> bytes:
    return data[:2] + struct.pack("!H", length) + data[4:]


def append(data: bytes, attr: bytes) -> bytes:
    return with_length(data, len(data) - 20 + len(attr)) + attr


def integrity(data: bytes, key: bytes = KEY) -> bytes:
    covered = with_length(data, len(data) - 20 + 24)
    return append(data, attribute(0x0008, hmac.new(key, covered, hashlib.sha1).digest()))


def integrity_sha256(data: bytes, key: bytes = KEY, size: int = 32) -> bytes:
    covered = with_length(data, len(data) - 20 + 4 + size)
    return append(data, attribute(0x001C, hmac.new(key, covered, hashlib.sha256).digest()[:size]))


def fingerprint(data: bytes) -> bytes:
    covered = with_length(data, len(data) - 20 + 8)
    return append(data, attribute(0x8028, struct.pack("!I", zlib.crc32(covered) ^ 0x5354554E)))


def xor_v4(address: str, port: int) -> bytes:
    number = int.from_bytes(bytes(map(int, address.split("."))), "big")
    return struct.pack("!BBHI", 0, 1, port ^ (COOKIE >> 16), number ^ COOKIE)


def xor_v6(address: bytes, port: int) -> bytes:
    mask = struct.pack("!I", COOKIE) + TID
    return struct.pack("!BBH", 0, 2, port ^ (COOKIE >> 16)) + bytes(a ^ m for a, m in zip(address, mask))


def channel_data(channel: int, data: bytes, pad: bool = False) -> bytes:
    frame = struct.pack("!HH", channel, len(data)) + data
    return frame + b"\0" * (-len(frame) % 4 if pad else 0)


# RFC 5769 §2.1 to §2.4, and RFC 8489 §B.1 as erratum 6268 has it.
VECTORS = {
    "rfc5769-request": "000100582112a442b7e7a701bc34d686fa87dfae802200105354554e207465737420636c69656e74002400046e0001ff"
    "80290008932ff9b151263b36000600096576746a3a68367659202020000800149aeaa70cbfd8cb56781ef2b5b2d3f249c1b571a280280004e57a3bcf",
    "rfc5769-ipv4-response": "0101003c2112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000080001a147e112a643"
    "000800142b91f599fd9e90c38c7489f92af9ba53f06be7d780280004c07d4c96",
    "rfc5769-ipv6-response": "010100482112a442b7e7a701bc34d686fa87dfae8022000b7465737420766563746f7220002000140002a147"
    "0113a9faa5d3f179bc25f4b5bed2b9d900080014a382954e4be67bf11784c97c8292c275bfe3ed4180280004c8fb0b4c",
    "rfc5769-long-term": "000100602112a44278ad3433c6ad72c029da412e00060012e3839ee38388e383aae38383e382afe382b90000"
    "0015001c662f2f3439396b39353464364f4c33346f4c39465354767936347341"
    "0014000b6578616d706c652e6f726700"
    "00080014f67024656dd64a3e02b8e0712e85c9a28ca89666",
    "rfc8489-sha256": "000100902112a44278ad3433c6ad72c029da412e001e00204a3cf38fef6992bda952c6780417da0f24819415569e60b205c46e41407f1704"
    "001500296f624d61744a6f733241414143662f2f3439396b39353464364f4c33346f4c39465354767936347341000000"
    "0014000b6578616d706c652e6f726700001d000400020000001c0020b5c7bf005b6c52a21c51c5e892f81924136296cb927c43149309278cc6518e65",
}

USER = attribute(0x0006, b"1700000000:alice")
REALM = attribute(0x0014, b"turnpike")
NONCE = attribute(0x0015, b"obMatJos2gAAA0123456789abcdef")
LIFETIME = attribute(0x000D, struct.pack("!I", 600))
UDP = attribute(0x0019, b"\x11\0\0\0")
PEER4 = attribute(0x0012, xor_v4("192.0.2.15", 49152))
PEER6 = attribute(0x0012, xor_v6(bytes.fromhex("20010db8000000000000000000000001"), 5000))


def stun_seeds() -> dict[str, bytes]:
    seeds = {name: bytes.fromhex(text) for name, text in VECTORS.items()}
    seeds |= {
        "empty": b"",
        "binding": message(0x0001),
        "binding-fingerprint": fingerprint(message(0x0001)),
        "allocate-plain": message(0x0003, UDP),
        "allocate-signed": integrity(message(0x0003, UDP, attribute(0x0017, b"\x02\0\0\0"), LIFETIME, USER, REALM, NONCE)),
        "allocate-dual": message(0x0003, UDP, attribute(0x8000, b"\x02\0\0\0"), attribute(0x001A, b""), attribute(0x0018, b"\x80")),
        "allocate-error": message(0x0113, attribute(0x0009, b"\0\0\x04\x01Unauthenticated"), REALM, NONCE),
        "allocate-success": message(
            0x0103, attribute(0x0016, xor_v4("198.51.100.1", 50000)), attribute(0x0020, xor_v4("192.0.2.1", 40000)), LIFETIME,
            attribute(0x0022, bytes(range(8))), attribute(0x8001, b"\x02\0\x04\x28Address Family not Supported")),
        "unknown-attribute": message(0x0111, attribute(0x0009, b"\0\0\x04\x14"), attribute(0x000A, b"\x7f\x01\x7f\x02\x7f\x03")),
        "create-permission": integrity(message(0x0008, PEER4, PEER4, USER, REALM, NONCE)),
        "channel-bind": integrity(message(0x0009, attribute(0x000C, b"\x40\x01\0\0"), PEER6, USER, REALM, NONCE)),
        "send": message(0x0016, PEER4, attribute(0x0013, b"payload")),
        "data-icmp": message(0x0017, PEER4, attribute(0x8004, b"\0\0\x06\x04\0\0\x05\xdc")),
        "password-algorithms": message(0x0003, attribute(0x8002, b"\0\x02\0\0\0\1\0\0\x77\x77\0\1\xaa\0\0\0"), attribute(0x001D, b"\0\2\0\0")),
        "both-integrities": fingerprint(integrity_sha256(integrity(message(0x0004, LIFETIME, USER, REALM, NONCE)))),
        "tail-after-integrity": append(append(integrity(message(0x0004, USER)), LIFETIME), PEER4),
        "tail-after-sha256": append(integrity_sha256(message(0x0004, USER), size=16), attribute(0x0008, bytes(20))),
        "two-integrities": integrity(integrity(message(0x0004, USER))),
        "fingerprint-not-last": append(fingerprint(message(0x0001)), attribute(0x8022, b"x")),
        "fingerprint-wrong": message(0x0001, attribute(0x8028, b"\0\0\0\0")),
        "fingerprint-short": message(0x0001, attribute(0x8028, b"\0\0\0")),
        "overrun": message(0x0001, struct.pack("!HH", 0x8022, 5) + b"abcd"),
        "overrun-65535": message(0x0001, struct.pack("!HH", 0x8022, 65535) + b"abcd"),
        "attributes-64": message(0x0001, *[attribute(0x001A, b"")] * 64),
        "attributes-65": message(0x0001, *[attribute(0x001A, b"")] * 65),
        "padding-ff": message(0x0001, attribute(0x8022, b"abcde", pad=b"\xff")),
        "classic-cookie": message(0x0001)[:4] + b"\1\2\3\4" + TID,
        "odd-length": with_length(message(0x0001, LIFETIME), 7),
        "trailing-byte": message(0x0001, LIFETIME) + b"\0",
    }
    return seeds


def integrity_seeds() -> dict[str, bytes]:
    base = message(0x0004, LIFETIME, USER, REALM, NONCE)
    seeds = {name: bytes.fromhex(text) for name, text in VECTORS.items()}
    seeds |= {"sha1": integrity(base), "sha1-fingerprint": fingerprint(integrity(base)), "other-key": integrity(base, b"another"),
              "both": integrity_sha256(integrity(base)), "both-fingerprint": fingerprint(integrity_sha256(integrity(base))),
              "sha1-behind-sha256": integrity(integrity_sha256(base)), "twice": integrity(integrity(base)),
              "tail": append(integrity(base), PEER4), "bare": message(0x0001), "odd-padding": integrity(message(0x0001, attribute(0x8022, b"a", pad=b"\xff")))}
    for size in (15, 16, 17, 20, 28, 32):
        seeds[f"sha256-{size}"] = integrity_sha256(base, size=size)
    for size in (0, 19, 21):
        seeds[f"sha1-{size}"] = append(base, attribute(0x0008, bytes(size)))
    seeds["sha256-33"] = append(base, attribute(0x001C, bytes(33)))
    return seeds


def channel_data_seeds() -> dict[str, bytes]:
    seeds = {f"length-{n}": channel_data(0x4001, bytes(range(n))) for n in (0, 1, 2, 3, 4, 5, 160, 255)}
    seeds |= {f"channel-{c:04x}": channel_data(c, b"data") for c in (0x0000, 0x3FFF, 0x4000, 0x4FFF, 0x5000, 0x7FFF, 0x8000, 0xFFFF)}
    seeds |= {"empty": b"", "three-bytes": b"\x40\x01\0", "padded": channel_data(0x4001, b"hello", pad=True),
              "too-long-by-one": channel_data(0x4001, b"data")[:-1], "length-65535": b"\x40\x01\xff\xff" + b"x" * 40,
              "trailing": channel_data(0x4001, b"data") + b"more", "stun": message(0x0001)}
    return seeds


def stream_seeds() -> dict[str, bytes]:
    bind, frame = integrity(message(0x0009, PEER4, USER)), channel_data(0x4001, b"hello", pad=True)
    streams = {
        "one-message": bind, "one-frame": frame, "mixed": bind + frame + message(0x0001) + channel_data(0x4002, b"", pad=True) + frame,
        "pipelined": message(0x0001) * 5, "half-a-message": bind[:-7], "half-a-frame": frame[:-3], "three-bytes": frame[:3],
        "unpadded": channel_data(0x4001, b"hello") + frame, "http": b"GET / HTTP/1.1\r\nHost: turn.example.org\r\n\r\n",
        "tls": bytes.fromhex("160301020001 0001fc0303") + bytes(40), "wrong-cookie": frame + message(0x0001)[:4] + bytes(16),
        "odd-length": frame + with_length(message(0x0001, LIFETIME), 6), "not-turn": frame + b"\x80\x60\0\1",
        "long-frame": b"\x40\x01\xff\xff" + b"x" * 100, "long-message": with_length(message(0x0001), 0xFFFC) + b"x" * 100,
        "at-the-limit": channel_data(0x4001, b"x" * 60, pad=True) * 2, "over-the-limit": channel_data(0x4001, b"x" * 61, pad=True),
        "old-channel": channel_data(0x7FFE, b"abc", pad=True) * 3, "vector": bytes.fromhex(VECTORS["rfc5769-request"]), "nothing": b"",
    }
    # Two bytes choose the splits and the limit (64, 600, 1500, all).
    seeds = {}
    for number, (name, stream) in enumerate(streams.items()):
        limit = 0 if "limit" in name else 3 if "long" in name else number % 3
        seeds[name] = bytes([number * 7 % 256, limit]) + stream
    return seeds


def turn_rest_seeds() -> dict[str, bytes]:
    texts = {
        "plain": b"1700000000:alice", "expiry-alone": b"1700000000", "empty-subject": b"1700000000:", "minted": b"4102444800:r00mtag.p1;k=k1;a=42;b=2000;p=relay",
        "kid": b"1700000000:s;k=abc-DEF_0123456", "kid-long": b"1700000000:s;k=12345678901234567", "twice": b"1700000000:s;a=1;a=2",
        "two-colons": b"1700000000:a:b", "no-digits": b":u", "no-colon": b"u", "minus": b"-1:u", "exponent": b"1e9:u",
        "twenty-digits": b"99999999999999999999:u", "leading-zeros": b"0017000000:u", "nul": b"1700000000:a\0b", "delete": b"1700000000:a\x7f",
        "utf8": "1700000000:マトリックス".encode(), "unknown-field": b"1700000000:s;z=1", "overflow": b"1700000000:s;a=4294967296",
        "largest": b"9999999999:s;b=4294967295", "length-508": b"1700000000:" + b"u" * 497, "length-513": b"1700000000:" + b"u" * 502,
        "trailing-semicolon": b"1700000000:s;a=1;", "format": b"1700000000:%s%n\r\nFLUSHALL", "base64": b"2fHPp3DoKFH1wrDpnWx1AvX3eMY=",
    }
    return texts


def nonce_seeds() -> dict[str, bytes]:
    seeds = {f"features-{f}-age-{a}": bytes([f]) + struct.pack("!H", a) for f in range(4) for a in (0, 599, 600, 1199)}
    seeds |= {f"flip-{at}": b"\x01\0\0" + bytes(at) + b"\x01" for at in (0, 9, 12, 13, 17, 27)}
    seeds |= {"empty": b"", "cookie": b"obMatJos2gAAA", "plain": b"U_EAAwOoE0d_ci-", "whole": b"obMatJos2wAAAU_EAAwOoE0d_ci-",
              "right-to-left": b"obMatJos2AAACf//499k954d6OL34oL9FSTvy64sA", "longest": b"n" * 763}
    return seeds


def access_token_seeds() -> dict[str, bytes]:
    def block(key: int, seconds: int, lifetime: int) -> bytes:
        return struct.pack("!H", key) + bytes(range(key)) + struct.pack("!QI", seconds << 16, lifetime)
    now = 1700000000
    seeds = {f"key-{size}": block(size, now, 600) for size in (0, 15, 16, 20, 32, 64, 65)}
    seeds |= {"over": block(20, now - 601, 600), "just-not": block(20, now - 599, 600), "to-come": block(20, now + 4, 60),
              "too-soon": block(20, now + 6, 60), "endless": block(20, now, 0xFFFFFFFF), "no-time": block(20, 2**48 - 1, 1),
              "trailing": block(20, now, 600) + b"\0", "cut": block(20, now, 600)[:-1], "length-65535": b"\xff\xff" + bytes(40), "empty": b"",
              "fraction-65535": block(64, now + 4, 600)[:-6] + b"\xff\xff" + struct.pack("!I", 600), "token-like": b"\0\x0c" + bytes(12) + bytes(50), "nonce-length-65535": b"\xff\xff" + bytes(60)}
    return seeds


def dtls_record(kind: int, fragment: bytes, epoch: int = 0, sequence: int = 0, version: int = 0xFEFD) -> bytes:
    return struct.pack("!BHHHIH", kind, version, epoch, 0, sequence, len(fragment)) + fragment


def dtls_message(kind: int, body: bytes, sequence: int = 0, length: int | None = None, offset: int = 0) -> bytes:
    def u24(value: int) -> bytes:
        return value.to_bytes(3, "big")

    total = len(body) if length is None else length
    return bytes([kind]) + u24(total) + struct.pack("!H", sequence) + u24(offset) + u24(len(body)) + body


def client_hello(cookie: bytes = b"", version: int = 0xFEFD, extra: bytes = b"") -> bytes:
    ciphers = bytes.fromhex("c02bc02fcca9cca8c02cc030")
    groups = struct.pack("!HHHH", 10, 4, 2, 23)
    formats = struct.pack("!HHBB", 11, 2, 1, 0)
    signatures = struct.pack("!HHHHH", 13, 6, 4, 0x0403, 0x0804)
    extensions = groups + formats + signatures + extra
    return (
        struct.pack("!H", version) + bytes(range(1, 33)) + b"\0" + bytes([len(cookie)]) + cookie
        + struct.pack("!H", len(ciphers)) + ciphers + b"\1\0" + struct.pack("!H", len(extensions)) + extensions
    )


def dtls_pre_seeds() -> dict[str, bytes]:
    def row(*datagrams: bytes, cookie: int = -1) -> bytes:
        return b"".join(
            struct.pack("!H", len(d) | (0x8000 if i == cookie else 0)) + d for i, d in enumerate(datagrams)
        )

    first = dtls_record(22, dtls_message(1, client_hello()), version=0xFEFF)
    second = dtls_record(22, dtls_message(1, client_hello(bytes(16)), sequence=1), sequence=1)
    body = client_hello()
    alpn = struct.pack("!HHHB", 16, 5, 3, 2) + b"h2"
    name = struct.pack("!HHHBH", 0, 12, 10, 0, 7) + b"example"
    key_exchange = dtls_record(22, dtls_message(16, bytes([65, 4]) + bytes(range(64)), sequence=2), sequence=2)
    change = dtls_record(20, b"\1", sequence=3)
    finished = dtls_record(22, bytes(40), epoch=1)
    return {
        "client-hello": row(first),
        "twice": row(first, first),
        "wrong-cookie": row(second),
        "cookie": row(first, second, cookie=1),
        "cookie-again": row(second, second, first, cookie=0),
        "handshake": row(second, key_exchange + change + finished, cookie=0),
        "handshake-apart": row(second, key_exchange, change, finished, finished, dtls_record(23, bytes(40), epoch=1), cookie=0),
        "foreign-alpn": row(dtls_record(22, dtls_message(1, client_hello(bytes(16), extra=alpn), sequence=1)), cookie=0),
        "server-name": row(dtls_record(22, dtls_message(1, client_hello(bytes(16), extra=name), sequence=1)), cookie=0),
        "dtls-1.0": row(dtls_record(22, dtls_message(1, client_hello(bytes(16), version=0xFEFF), sequence=1)), cookie=0),
        "huge-fragment": row(dtls_record(22, dtls_message(1, body, length=0xFFFFFF))),
        "later-fragment": row(dtls_record(22, dtls_message(1, body[20:], length=len(body), offset=20))),
        "first-fragment": row(dtls_record(22, dtls_message(1, body[:60], length=len(body)))),
        "alert": row(dtls_record(21, b"\2\50")),
        "alert-in-handshake": row(second, dtls_record(21, b"\2\50"), change + dtls_record(21, b"\1\0"), cookie=0),
        "change-cipher-spec": row(change),
        "data": row(dtls_record(23, b"data"), dtls_record(23, bytes(40), epoch=1)),
        "two-records": row(first + first, change + first),
        "null-cipher": row(dtls_record(22, dtls_message(1, struct.pack("!H", 0xFEFD) + bytes(32) + b"\0\0\0\2\0\0\1\0"))),
        "empty": row(b"", b"\x16"),
    }


def proxy_header_seeds() -> dict[str, bytes]:
    signature = bytes.fromhex("0d0a0d0a000d0a515549540a")

    def header(command: int, family: int, body: bytes) -> bytes:
        return signature + struct.pack("!BBH", command, family, len(body)) + body

    v4 = bytes([203, 0, 113, 9, 198, 51, 100, 1]) + struct.pack("!HH", 4242, 443)
    v6 = bytes(range(16)) + bytes(range(16, 32)) + struct.pack("!HH", 4242, 443)
    extensions = b"\x02\0\x0bexample.org" + b"\x03\0\x04\1\2\3\4" + b"\x20\0\x05\1\0\0\0\0"
    return {
        "tcp4": header(0x21, 0x11, v4),
        "tcp6": header(0x21, 0x21, v6),
        "udp4": header(0x21, 0x12, v4) + message(1),
        "udp6": header(0x21, 0x22, v6) + message(1),
        "extensions": header(0x21, 0x11, v4 + extensions),
        "local": header(0x20, 0, b""),
        "local-addresses": header(0x20, 0x11, v4),
        "unspecified": header(0x21, 0, b""),
        "unix": header(0x21, 0x31, bytes(216)),
        "short": header(0x21, 0x11, v4[:11]),
        "short-v6": header(0x21, 0x21, v4),
        "version-1": b"PROXY TCP4 203.0.113.9 198.51.100.1 4242 443\r\n",
        "version-3": header(0x31, 0x11, v4),
        "command-2": header(0x22, 0x11, v4),
        "long": header(0x21, 0x11, v4 + bytes(4200)),
        "longest": header(0x21, 0x11, v4 + bytes(4096 - 28)),
        "cut": header(0x21, 0x11, v4)[:15],
        "signature": signature,
    }


def icmp_error_seeds() -> dict[str, bytes]:
    def ipv4(protocol: int, body: bytes, options: bytes = b"", fragment: int = 0) -> bytes:
        words = 5 + len(options) // 4
        return (struct.pack("!BBHHHBBH", 0x40 | words, 0, 4 * words + len(body), 1, fragment, 63, protocol, 0)
                + bytes([192, 0, 2, 1, 198, 51, 100, 7]) + options + body)

    def ipv6(next_header: int, body: bytes) -> bytes:
        return struct.pack("!IHBB", 6 << 28, len(body), next_header, 63) + bytes(range(32)) + body

    def error4(kind: int, code: int, quoted: bytes, rest: int = 0, options: bytes = b"") -> bytes:
        return b"\x02" + ipv4(1, struct.pack("!BBHI", kind, code, 0, rest) + quoted, options)

    def error6(kind: int, code: int, quoted: bytes, rest: int = 0) -> bytes:
        return b"\x01" + struct.pack("!BBHI", kind, code, 0, rest) + quoted

    udp = struct.pack("!HHHH", 50000, 4000, 20, 0)
    return {
        "port4": error4(3, 3, ipv4(17, udp)),
        "port6": error6(1, 4, ipv6(17, udp)),
        "too-big4": error4(3, 4, ipv4(17, udp), 1400),
        "too-big6": error6(2, 0, ipv6(17, udp), 1400),
        "time4": error4(11, 0, ipv4(17, udp + bytes(40))),
        "time6": error6(3, 0, ipv6(17, udp + bytes(1200))),
        "parameter4": error4(12, 0, ipv4(17, udp)),
        "options-outside": error4(3, 3, ipv4(17, udp), options=bytes(8)),
        "options-inside": error4(3, 3, ipv4(17, udp, options=bytes(40))),
        "later-fragment": error4(3, 3, ipv4(17, udp, fragment=1)),
        "first-fragment": error4(11, 1, ipv4(17, udp, fragment=0x2000)),
        "tcp4": error4(3, 3, ipv4(6, udp)),
        "tcp6": error6(1, 4, ipv6(6, udp)),
        "extension6": error6(1, 4, ipv6(44, bytes([17, 0, 0, 0, 0, 0, 0, 0]) + udp)),
        "echo4": error4(8, 0, ipv4(17, udp)),
        "echo6": error6(128, 0, ipv6(17, udp)),
        "cut4": error4(3, 3, ipv4(17, udp)[:23]),
        "cut6": error6(1, 4, ipv6(17, udp)[:43]),
        "wrong-checksum": b"\0" + error4(3, 3, ipv4(17, udp))[1:],
        "empty4": b"\0",
        "empty6": b"\1",
    }


def redis_reply_seeds() -> dict[str, bytes]:
    def bulk(text: bytes) -> bytes:
        return b"$%d\r\n%s\r\n" % (len(text), text)

    def array(*elements: bytes) -> bytes:
        return b"*%d\r\n" % len(elements) + b"".join(elements)

    entry = array(bulk(b"1700000000000-0"), array(bulk(b"name"), bulk(b"value")))
    node = array(bulk(b"10.0.0.1"), b":6379\r\n", bulk(b"id"))
    return {
        "scalars": b"+OK\r\n-ERR no\r\n:-7\r\n$-1\r\n*-1\r\n*0\r\n" + bulk(b"") + bulk(b"text"),
        "hash": array(bulk(b"a"), bulk(b"1"), bulk(b"b"), bulk(b"2")),
        "page": array(bulk(b"17"), array(bulk(b"a"), bulk(b"1"))),
        "stream": array(entry, array(bulk(b"1700000000000-1"), array())),
        "quota": array(b":1\r\n", b":3\r\n"),
        "time": array(bulk(b"1700000000"), bulk(b"123456")),
        "slots": array(array(b":0\r\n", b":8191\r\n", node), array(b":8192\r\n", b":16383\r\n", node, node)),
        "redirects": b"-MOVED 3999 10.0.0.1:6381\r\n-ASK 1 ::1:6381\r\n-MOVED 99999 a:1\r\n-NOSCRIPT no\r\n-READONLY no\r\n",
        "errors-inside": array(b"-ERR inner\r\n", bulk(b"a")),
        "deep": b"*1\r\n" * 7 + b":1\r\n",
        "too-deep": b"*1\r\n" * 12 + b":1\r\n:2\r\n",
        "far-too-deep": b"*1\r\n" * 40 + b":1\r\n",
        "too-many": array(*[b":1\r\n"] * 70) + b":2\r\n",
        "too-large": bulk(b"x" * 3000) + b":2\r\n",
        "long-line": b"-" + b"x" * 2500 + b"\r\n:2\r\n",
        "huge-bulk": b"$536870912\r\nabc",
        "huger-bulk": b"$536870913\r\nabc",
        "huge-array": b"*2147483647\r\n:1\r\n",
        "negative": b"$-2\r\n",
        "resp3": b"%1\r\n+a\r\n+b\r\n",
        "no-cr": b":1\n",
        "lf-inside": b"+a\nb\r\n",
        "cut": bulk(b"text")[:-1],
    }


def store_url_seeds() -> dict[str, bytes]:
    return {
        "memory": b"memory://",
        "single": b"redis://relay:p%40ss@redis.example:6380/7",
        "tls": b"rediss://[2001:db8::1]:6380?ca=/etc/ca.pem&cert=/c&key=/k&server_name=r.example",
        "socket": b"redis+unix:///run/redis/redis.sock?db=2&user=relay&password_file=/etc/secret",
        "sentinel": b"redis+sentinel://:pw@s1,s2:26380,[::1]/main/3?sentinel_user=u&sentinel_password_file=/s",
        "cluster": b"rediss+cluster://a:7000,b:7001",
        "percent": b"redis://:%00%zz%@a",
        "port": b"redis://a:65536/65536",
    }


def main() -> None:
    for target, seeds in {"stun_parse": stun_seeds(), "stun_integrity": integrity_seeds(), "channel_data": channel_data_seeds(),
                          "stream_framer": stream_seeds(), "turn_rest": turn_rest_seeds(), "nonce": nonce_seeds(),
                          "access_token": access_token_seeds(), "dtls_pre": dtls_pre_seeds(),
                          "proxy_header": proxy_header_seeds(), "icmp_error": icmp_error_seeds(),
                          "redis_reply": redis_reply_seeds(), "store_url": store_url_seeds()}.items():
        folder = CORPUS / target
        folder.mkdir(parents=True, exist_ok=True)
        for name, data in seeds.items():
            (folder / f"{name}.bin").write_bytes(data)
        print(f"{target}: {len(seeds)} seeds")


if __name__ == "__main__":
    main()
