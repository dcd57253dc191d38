"""Cuts what was said on a connection into observations and records, in random places."""

import wire

MUTATING = (b"POST", b"PUT", b"DELETE", b"PATCH")
NODE = "7d7f43a7-8a4b-4c0d-a7d9-3a5ed4f6b9a1"


class Capture:
    """The records of one connection. `limit` is the room in a record, as small as a few hundred bytes."""

    def __init__(self, connection, limit):
        self.connection, self.limit = connection, limit
        self.records = []  # (nanoseconds of the flush, value)
        self.index, self.prior, self.reading = 1, 0, False
        self.head = None

    def _open(self):
        if self.head is None:
            self.head = wire.head(self.connection, NODE, self.prior, self.reading)
            self.body, self.size = [], len(self.head) + 16
        return self.limit - self.size

    def _add(self, observation):
        if len(observation) > self._open() and self.body:
            self.flush(self.at)
            self._open()
        self.body.append(observation)
        self.size += len(observation)

    def flush(self, nanos, last=False):
        self._open()
        value = self.head + b"".join(self.body) + wire.tail(self.index, last)
        self.records.append((nanos, value))
        self.index, self.head = self.index + 1, None

    def data(self, nanos, is_read, data):
        self.at = nanos
        whole, part, spare = (wire.READ, wire.READ_SEGMENT, 2) if is_read else (wire.WRITE, wire.WRITE_SEGMENT, 2)
        observation = wire.observation(nanos, whole, wire.data(1, data))
        if len(observation) <= self._open():
            self._add(observation)
            self.reading |= is_read
            return
        while data:
            room = self._open() - 40
            if room < 16:
                self.flush(nanos)
                continue
            piece, data = data[:room], data[room:]
            self._add(wire.observation(nanos, part, wire.data(spare, piece)))
            self.reading |= is_read
            if data:
                self.flush(nanos)
        self._add(wire.observation(nanos, wire.SEGMENT_END))

    def end(self, nanos, first_line, headers, is_mutating):
        self.at = nanos
        self._add(wire.observation(nanos, wire.END, wire.number(1, first_line) + wire.number(2, headers)))
        self.prior, self.reading = self.prior + 1, False
        if is_mutating:
            self.flush(nanos)

    def close(self, nanos):
        self.at = nanos
        self._add(wire.observation(nanos, wire.CLOSE))
        self.flush(nanos, last=True)


def pieces(random, data):
    """Cuts bytes into some pieces, mostly one."""
    while len(data) > 1 and random.random() < 0.25:
        cut = random.randrange(1, len(data))
        yield data[:cut]
        data = data[cut:]
    yield data


def capture(random, connection, observed, requests, closed):
    """The records of a connection: `observed` is (nanoseconds, is read, bytes) in order, `requests` are the bytes of each."""
    limit = random.choice([700, 4_000, 64_000, 1_048_076, 1_048_076])
    # Records of a few hundred bytes would be thousands for a large request.
    limit = max(limit, sum(map(len, requests)) // 200)
    result = Capture(connection, limit)
    ends, total = [], 0
    for request in requests:
        total += len(request)
        ends.append((total, request))
    ends.reverse()
    seen = 0
    for nanos, is_read, whole in observed:
        for data in pieces(random, whole):
            result.data(nanos, is_read, data)
            seen += len(data) if is_read else 0
            while is_read and ends and ends[-1][0] <= seen:
                _, request = ends.pop()
                line = request.index(b"\r\n") + 2
                head = request.index(b"\r\n\r\n") + 4 - line
                result.end(nanos, line, head, request.split(b" ", 1)[0] in MUTATING)
    assert not ends and seen == total, f"{connection}: {len(ends)} requests were not seen whole, {seen} of {total} bytes"
    result.close(closed)
    return result.records
