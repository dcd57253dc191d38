"""Writes captured traffic, and what a reader should find in it, to the folder that is given.

For each scenario NAME, `NAME.keyed` has the records (`key|base64` lines) and `NAME.json` the transactions, computed from the
conversation that was encoded.
"""

import gzip
import heapq
import json
import pathlib
import random
import sys

from capture import Capture, Expected, MUTATING, Record, Topic
from TrafficCaptureStream_pb2 import TrafficStream

GET = b"GET /library/_search?q=a HTTP/1.1\r\nHost: source:9200\r\nAccept: */*\r\n\r\n"
POST = b"POST /_bulk HTTP/1.1\r\nHost: source:9200\r\nContent-Type: application/x-ndjson\r\nContent-Length: 39\r\n\r\n" + (
    b'{"index":{"_index":"library"}}\n{"a":1}\n'
)
OK = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: 12\r\n\r\n{\"took\": 1}\n"
CREATED = b"HTTP/1.1 201 Created\r\nContent-Length: 0\r\n\r\n"
CHUNKED = (
    b"PUT /library/_doc/1 HTTP/1.1\r\nHost: source:9200\r\nTransfer-Encoding: chunked\r\nTrailer: Digest\r\n\r\n"
    b"5;name=value\r\n{\"a\":\r\n2\r\n1}\r\n0\r\nDigest: x\r\nOther: y\r\n\r\n"
)
CHUNKED_OK = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nA\r\n0123456789\r\n00\r\nServer-Timing: a\r\n\r\n"
HEAD = b"HEAD /library HTTP/1.1\r\nHost: source:9200\r\n\r\n"
HEAD_OK = b"HTTP/1.1 200 OK\r\nContent-Length: 98765\r\n\r\n"


def every_kind(topic):
    """All thirteen kinds, and one that is new; unknown fields everywhere; lengths of -1."""
    c = Capture(topic, "every-kind")
    c.mark("bind").mark("connect").at(1_000_010).read(POST).mark("requestReleasedDownstream").end(-1, -1)
    c.unknown().at(1_000_020).write(CREATED)
    c.record.stream.MergeFromString(b"\xa2\x06\x01x")  # Field 100.
    c.record.stream.subStream[2].read.MergeFromString(b"\xa2\x06\x01x")
    c.flush()
    c.at(1_000_030).read(GET).end(33, 20).write(OK).exception("connection reset by peer").mark("disconnect").close()
    return Expected(c).transaction(POST, CREATED).transaction(GET, OK).transactions, {
        "observations": {
            "bind": 1, "connect": 1, "read": 2, "read_segment": 0, "request_released": 1, "write": 2, "write_segment": 0,
            "disconnect": 1, "close": 1, "connection_exception": 1, "segment_end": 0, "end_of_message": 2,
            "request_dropped": 0, "unknown": 1,
        },
    }


def empty(topic):
    """Empty data, which is there and says nothing; records without observations."""
    c = Capture(topic, "empty")
    c.read(b"").flush().flush().at(1_000_010).read(GET[:7]).read(b"").read(GET[7:]).end().write(b"")
    c.at(1_000_020).write(OK).close()
    return Expected(c).transaction(GET, OK).transactions, {"empty_records": 1}


def segments(topic):
    """Reads and writes of which the parts are in several records, and whose end is in a later one."""
    c = Capture(topic, "segments", limit=300)
    body = b"x" * 1500
    request = b"POST /a/_doc HTTP/1.1\r\nContent-Length: 1500\r\n\r\n" + body
    response = b"HTTP/1.1 200 OK\r\nContent-Length: 1500\r\n\r\n" + body
    c.at(1_000_010).read(request).flush().end().at(1_000_020).write(response).at(1_000_030).read(GET).end().write(OK).close()
    expected = Expected(c).transaction(request, response).transaction(GET, OK)
    assert sum(piece.record.offset for piece in c.reads) > 0 and topic.records[-1].offset > 10
    return expected.transactions, {"gaps": 0}


def old(topic):
    """Before fields 6 and 7: one connection from its beginning, one of which the beginning is not there, in a body."""
    c = Capture(topic, "old-whole", old=True, limit=250)
    c.read(POST).end().write(CREATED).at(1_000_020).read(GET).end().write(OK).close()
    transactions = Expected(c).transaction(POST, CREATED).transaction(GET, OK).transactions
    d = Capture(topic, "old-half", old=True, first=7)
    d.read(b'{"rest": "of a body"}\n').end().write(OK).read(GET).end().write(OK).close()
    half = Expected(d, resumed=True).skip_read(22).skip_written(len(OK)).transaction(GET, OK)
    return transactions + half.transactions, {"gaps": 0, "resumed": 1}


def from_zero(topic):
    """Records that are counted from 0, and records that are not counted."""
    c = Capture(topic, "from-zero", first=0)
    c.read(POST[:50]).flush().read(POST[50:]).end().write(CREATED).flush().read(GET).end().write(OK).close()
    d = Capture(topic, "uncounted", first=None)
    d.read(POST[:50]).flush().read(POST[50:]).end().write(CREATED).flush().mark("close").flush()
    first = Expected(c).transaction(POST, CREATED).transaction(GET, OK).transactions
    return first + Expected(d).transaction(POST, CREATED).transactions, {"gaps": 0, "resumed": 0, "duplicates": 0}


def gap(topic):
    """A record is lost: with the end of a response, a whole transaction, and the beginning of a request."""
    c = Capture(topic, "gap")
    c.read(GET).end().write(OK[:30]).flush()
    c.write(OK[30:]).read(GET).end().write(OK).read(POST[:40]).lose()
    c.read(POST[40:]).end().write(CREATED).at(1_000_050).read(GET).end().write(OK).close()
    first = Expected(c).transaction(GET, OK[:30], "gap")
    # Of the lost record nothing is known but how many requests ended in it; one of them was under way.
    second = Expected(c, session=1, index=3, resumed=True, read_from=len(GET) * 2 + len(POST))
    second.skip_written(len(OK) * 2 + len(CREATED)).transaction(GET, OK)
    return first.transactions + second.transactions, {"gaps": 1, "missing": 1, "duplicates": 0}


def duplicate(topic):
    """Records that the producer sent twice, also the last one, and the one before it again."""
    c = Capture(topic, "duplicate")
    c.read(POST).end().write(CREATED).flush().repeat().repeat()
    c.read(GET).end().write(OK).flush().repeat()
    c.read(GET).end().write(OK).close().repeat()
    topic.append(Record(topic.records[0].key, topic.records[0].stream))
    e = Expected(c).transaction(POST, CREATED).transaction(GET, OK).transaction(GET, OK)
    return e.transactions, {"gaps": 0, "duplicates": 5}


def pipelining(topic):
    """Several requests in one read, with one end for all of them; the last one is cut."""
    c = Capture(topic, "pipelining")
    c.read(GET + POST + CHUNKED + HEAD[:10]).end().write(OK + CREATED[:9]).flush()
    c.write(CREATED[9:]).at(1_000_040).read(HEAD[10:]).end().write(CHUNKED_OK + HEAD_OK).close()
    e = Expected(c).transaction(GET, OK).transaction(POST, CREATED).transaction(CHUNKED, CHUNKED_OK)
    return e.transaction(HEAD, HEAD_OK).transactions, {"stray_ends": 0, "unframed_requests": 0}


def bodiless(topic):
    """Responses without a body, whatever their headers say; interim ones."""
    c = Capture(topic, "bodiless")
    none = b"HTTP/1.1 204 No Content\r\n\r\n"
    same = b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\nETag: x\r\n\r\n"
    go_on, hints = b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
    c.read(HEAD).end().write(HEAD_OK).at(1_000_010).read(GET).end().write(none).at(1_000_020).read(GET).end().write(same)
    expecting = POST.replace(b"\r\n\r\n", b"\r\nExpect: 100-continue\r\n\r\n", 1)
    head = expecting.index(b"\r\n\r\n") + 4
    c.at(1_000_030).read(expecting[:head]).write(go_on).flush().at(1_000_040).read(expecting[head:]).end()
    c.write(hints[:10]).write(hints[10:] + CREATED).close()
    e = Expected(c).transaction(HEAD, HEAD_OK).transaction(GET, none).transaction(GET, same)
    # The last write has the end of the hints, too: it counts as it is where the response begins.
    e.skip_written(len(go_on + hints)).transaction(expecting, CREATED)
    return e.transactions, {"interim_responses": 2}


def chunked(topic):
    """Chunks with extensions, and trailers, cut in the middle of everything."""
    c = Capture(topic, "chunked")
    for start in range(0, len(CHUNKED), 7):
        c.read(CHUNKED[start : start + 7])
    c.end()
    for start in range(0, len(CHUNKED_OK), 5):
        c.write(CHUNKED_OK[start : start + 5]).flush()
    c.read(GET).end().write(OK).close()
    return Expected(c).transaction(CHUNKED, CHUNKED_OK).transaction(GET, OK).transactions, {}


def dropped(topic):
    """Requests that the proxy takes back when it has seen more of them; neither they nor their responses are in the records."""
    c = Capture(topic, "dropped")
    c.read(GET).end().write(OK).read(POST[:10]).dropped().flush().read(HEAD[:9]).flush().dropped()
    c.at(1_000_010).read(POST).end().write(CREATED).close()
    e = Expected(c).transaction(GET, OK).skip_read(19).transaction(POST, CREATED)
    return e.transactions, {"dropped_requests": 2, "cut_requests": 0}


def broken_off(topic):
    """Connections that end in the middle: of a response, before it, of a request; and one response that ends with them."""
    c = Capture(topic, "in-response")
    c.read(GET).end().write(OK[:-1]).close()
    d = Capture(topic, "before-response")
    d.read(POST).end().flush().close()
    e = Capture(topic, "in-request")
    e.read(GET).end().write(OK).read(POST[:-1]).close()
    f = Capture(topic, "with-close")
    until = b"HTTP/1.0 200 OK\r\n\r\nas long as it is"
    f.read(GET).end().write(until).close()
    transactions = [
        *Expected(c).transaction(GET, OK[:-1], "cut", ended_by=0).transactions,
        *Expected(d).transaction(POST, b"", "cut", ended_by=2).transactions,
        *Expected(e).transaction(GET, OK).transactions,
        *Expected(f).transaction(GET, until, "closed", ended_by=4).transactions,
    ]
    return transactions, {"cut_requests": 1}


def silent(topic):
    """A connection is silent for longer than six minutes, and goes on then; another one has a clock that is an hour fast."""
    c = Capture(topic, "silent")
    c.read(GET).end().write(OK[:20]).flush()
    fast = Capture(topic, "fast", node="fast")
    fast.at(1_000_000 + 3_600_000).read(GET).end().write(OK).flush()
    other = Capture(topic, "other")
    other.at(1_000_000 + 361_000).read(POST).end().write(CREATED).close()
    c.at(1_000_000 + 362_000).write(OK[20:]).read(POST).end().write(CREATED).close()
    fast.close()
    first = Expected(c).transaction(GET, OK[:20], "expired").transactions
    again = Expected(c, session=1, index=1, resumed=True, read_from=len(GET)).skip_written(len(OK)).transaction(POST, CREATED)
    quick = Expected(fast).transaction(GET, OK).transactions
    # The fast one is silent for as long: time goes on for all, whatever their clocks say.
    return first + again.transactions + quick + Expected(other).transaction(POST, CREATED).transactions, {"expired": 2}


def fragments(topic):
    """Keys of older proxies: each record has its own, so that records of a connection come in any order."""
    parts = Topic()
    c = Capture(parts, "fragments", key=lambda connection, number: f"{connection}.{number}")
    for number in range(8):
        c.at(1_000_000 + number).read(POST[:60]).flush().read(POST[60:]).end().flush().write(CREATED).flush()
    c.close()
    for record in random.Random(5).sample(parts.records, len(parts.records)):
        topic.append(record)
    expected = Expected(c)
    for _ in range(8):
        expected.transaction(POST, CREATED)
    return expected.transactions, {"gaps": 0, "duplicates": 0}


def message(chance, number, is_request):
    """A request or a response of any kind: head, and for a request its method."""
    unit = bytes(chance.choice(b"abc \r\n{}") for _ in range(chance.randrange(1, 12)))
    body = (unit * 2000)[: chance.choice((0, 1, 20, 200, 2000))]
    name = f"/index-{number}/_doc/{chance.randrange(100)}".encode()
    method = chance.choice((b"GET", b"HEAD", b"POST", b"PUT", b"DELETE"))
    start = method + b" " + name + b" HTTP/1.1\r\nHost: source\r\n" if is_request else b"HTTP/1.1 200 OK\r\nX: y\r\n"
    kind = chance.choice(("none", "length", "chunked")) if is_request else chance.choice(("length", "chunked"))
    if is_request and method in (b"GET", b"HEAD"):
        kind = "none"
    if kind == "none":
        return start + b"\r\n", method
    if kind == "length":
        return start + f"Content-Length: {len(body)}\r\n\r\n".encode() + body, method
    chunks = b""
    while body:
        length = chance.randrange(1, len(body) + 1)
        chunks += f"{length:x}".encode() + chance.choice((b"", b";a=b")) + b"\r\n" + body[:length] + b"\r\n"
        body = body[length:]
    trailers = chance.choice((b"", b"T: u\r\n"))
    return start + b"Transfer-Encoding: chunked\r\n\r\n" + chunks + b"0\r\n" + trailers + b"\r\n", method


def response_to(chance, number, method):
    if method == b"HEAD":
        return HEAD_OK
    return chance.choice((b"HTTP/1.1 204 No Content\r\n\r\n", message(chance, number, False)[0], message(chance, number, False)[0]))


def cuts(chance, data):
    while data:
        length = chance.choice((1, 10, 100, len(data)))
        yield data[:length]
        data = data[length:]


def conversation(chance, capture, millis):
    """Does one step after the other; says when the next one is. Fills `capture.said` with requests and responses."""
    capture.said = []
    while True:
        together = [message(chance, len(capture.said) + place, True) for place in range(chance.choice((1, 1, 1, 2, 3)))]
        pairs = [(request, response_to(chance, len(capture.said), method)) for request, method in together]
        for piece in cuts(chance, b"".join(request for request, _ in pairs)):
            millis += chance.randrange(3)
            capture.at(millis).read(piece)
            yield millis
        if chance.random() < 0.9:
            capture.end()
        if any(request.startswith(MUTATING) for request, _ in pairs) and chance.random() < 0.7:
            capture.flush()
        for piece in cuts(chance, b"".join(response for _, response in pairs)):
            millis += chance.randrange(20)
            capture.at(millis).write(piece)
            yield millis
        capture.said += pairs
        millis += chance.randrange(5000)
        if chance.random() < 0.2:
            capture.at(millis).close()
            return
        yield millis


def random_cuts(topic):
    """Connections side by side, cut anywhere, for many seeds."""
    captures, due = [], []
    for seed in range(120):
        chance = random.Random(seed)
        capture = Capture(topic, f"seed-{seed}", node=f"node-{seed % 3}", limit=chance.choice((300, 1000, 1 << 20)))
        captures.append(capture)
        steps = conversation(chance, capture, 1_000_000 + chance.randrange(60_000))
        heapq.heappush(due, (next(steps), seed, steps))
    while due:
        _, seed, steps = heapq.heappop(due)
        for millis in steps:
            heapq.heappush(due, (millis, seed, steps))
            break
    transactions = []
    for capture in captures:
        expected = Expected(capture)
        for request, response in capture.said:
            expected.transaction(request, response)
        transactions += expected.transactions
    counts = {"gaps": 0, "duplicates": 0, "expired": 0, "requests": len(transactions), "cut_requests": 0}
    return transactions, counts


GOLDEN = (
    "byoc-put-1|CgZjb25uLTESigEKAggBIoMBCoABUFVUIC9ieW9jLWUyZS9fZG9jLzEgSFRUUC8xLjENCkhvc3Q6IG9wZW5zZWFyY2gtY2x1c3Rlci1tYXN0ZXIta"
    "GVhZGxlc3MNCkNvbnRlbnQtVHlwZTogYXBwbGljYXRpb24vanNvbg0KQ29udGVudC1MZW5ndGg6IDINCg0Ke30SBgoCCAF6ABIzCgIIAUItCitIVFRQLzEuMSAyMDEg"
    "Q3JlYXRlZA0KQ29udGVudC1MZW5ndGg6IDANCg0KEgYKAggBWgAgACoMYnlvYy1maXh0dXJl"
)


def golden(topic):
    """What opensearch-migrations' own fixture for captures of other programs describes, made again with the schema here."""
    request = (
        b"PUT /byoc-e2e/_doc/1 HTTP/1.1\r\nHost: opensearch-cluster-master-headless\r\nContent-Type: application/json\r\n"
        b"Content-Length: 2\r\n\r\n{}"
    )
    c = Capture(topic, "conn-1", node="byoc-fixture", first=0, key=lambda *_: "byoc-put-1")
    c.at(1000).read(request).end().write(CREATED).close()
    assert topic.records[0].line() == GOLDEN, topic.records[0].line()
    return Expected(c).transaction(request, CREATED).transactions, {"requests": 1, "resumed": 0}


SCENARIOS = (
    every_kind, empty, segments, old, from_zero, gap, duplicate, pipelining, bodiless, chunked, dropped, broken_off, silent,
    fragments, golden, random_cuts,
)


def main(folder):
    folder.mkdir(parents=True, exist_ok=True)
    for scenario in SCENARIOS:
        topic = Topic()
        transactions, counts = scenario(topic)
        for record in topic.records:
            assert TrafficStream.FromString(record.stream.SerializeToString()) == record.stream
        expected = {"about": scenario.__doc__, "records": len(topic.records), "counts": counts, "transactions": transactions}
        name = scenario.__name__.replace("_", "-")
        text = json.dumps(expected, indent=1) + "\n"
        if scenario is random_cuts:
            for suffix, content in (("keyed", topic.lines()), ("json", text)):
                with gzip.GzipFile(folder / f"{name}.{suffix}.gz", "wb", mtime=0) as file:
                    file.write(content.encode())
        else:
            (folder / f"{name}.keyed").write_text(topic.lines())
            (folder / f"{name}.json").write_text(text)


main(pathlib.Path(sys.argv[1]))
