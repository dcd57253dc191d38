"""A proxy that captures: what a client and a server say to each other becomes records, as opensearch-migrations 3.3.6 makes them.

Bytes are cut into observations and records here, and only here it is known which bytes went where: what is expected of a reader
is computed from the conversation and from this, never from what a reader says.
"""

import base64
import dataclasses

from TrafficCaptureStream_pb2 import TrafficObservation, TrafficStream

MUTATING = (b"POST", b"PUT", b"DELETE", b"PATCH")


@dataclasses.dataclass
class Record:
    """A record of a topic. Its offset is known once it is in one."""

    key: str
    stream: TrafficStream
    offset: int = -1

    def line(self):
        return f"{self.key}|{base64.b64encode(self.stream.SerializeToString()).decode()}"


@dataclasses.dataclass
class Piece:
    """Bytes from `start` to `end` of all that was read, or written, on a connection; when, and the record that has them."""

    start: int
    end: int
    millis: int
    record: Record


class Topic:
    """Records in their order."""

    def __init__(self):
        self.records = []

    def append(self, record):
        record.offset = len(self.records)
        self.records.append(record)

    def lines(self):
        return "".join(record.line() + "\n" for record in self.records)


class Capture:
    """One connection. `limit` is the room in a record; `versions` without fields 6 and 7 are `old`."""

    def __init__(self, topic, connection, node="node-1", limit=1 << 20, first=1, old=False, key=None):
        self.topic, self.connection, self.node, self.limit, self.old = topic, connection, node, limit, old
        self.next_number, self.key = first, key
        self.millis = 1_000_000
        self.prior, self.reading = 0, False
        self.record = None
        self.reads, self.writes = [], []

    # What is observed.

    def at(self, millis):
        self.millis = millis
        return self

    def read(self, data):
        self._data("read", "readSegment", self.reads, data)
        self.reading = True
        return self

    def write(self, data):
        self._data("write", "writeSegment", self.writes, data)
        return self

    def end(self, first_line=None, headers=None):
        """The end of a request."""
        observation = self._observation()
        observation.endOfMessageIndicator.SetInParent()
        if first_line is not None:
            observation.endOfMessageIndicator.firstLineByteLength = first_line
            observation.endOfMessageIndicator.headersByteLength = headers
        self._add(observation)
        self.prior, self.reading = self.prior + 1, False
        return self

    def dropped(self):
        self.mark("requestDropped")
        self.reading = False
        return self

    def mark(self, kind):
        observation = self._observation()
        getattr(observation, kind).SetInParent()
        return self._add(observation)

    def exception(self, message):
        observation = self._observation()
        observation.connectionException.message = message
        return self._add(observation)

    def unknown(self, field=17):
        """An observation of a kind that is not in the schema."""
        observation = self._observation()
        tag = (field << 3) | 2
        observation.MergeFromString(bytes([tag & 0x7F | 0x80, tag >> 7, 3]) + b"new")
        return self._add(observation)

    def close(self):
        self.mark("close")
        return self.flush(last=True)

    # Records.

    def flush(self, last=False):
        record, self.record = self._open(), None
        if last:
            record.stream.numberOfThisLastChunk = self.next_number
        elif self.next_number is not None:
            record.stream.number = self.next_number
        if self.next_number is not None:
            self.next_number += 1
        if self.key is not None:
            record.key = self.key(self.connection, self.next_number - 1)
        self.topic.append(record)
        return self

    def lose(self):
        """The record never arrives."""
        self.flush()
        self.topic.records.pop()
        return self

    def repeat(self):
        """The last record arrives again, as after a retry of the producer."""
        last = self.topic.records[-1]
        self.topic.append(Record(last.key, last.stream))
        return self

    def _open(self):
        if self.record is None:
            stream = TrafficStream(connectionId=self.connection, nodeId=self.node)
            if not self.old and self.prior > 0:
                stream.priorRequestsReceived = self.prior
            if not self.old and self.reading:
                stream.lastObservationWasUnterminatedRead = True
            self.record = Record(self.connection, stream)
        return self.record

    def _observation(self):
        observation = TrafficObservation()
        observation.ts.seconds, millis = divmod(self.millis, 1000)
        observation.ts.nanos = millis * 1_000_000
        return observation

    def _room(self):
        return self.limit - self._open().stream.ByteSize() - 48

    def _add(self, observation):
        if observation.ByteSize() > self._room() and self.record.stream.subStream:
            self.flush()
        self._open().stream.subStream.append(observation)
        return self

    def _data(self, kind, segment_kind, pieces, data):
        observation = self._observation()
        getattr(observation, kind).data = data
        if not data:
            getattr(observation, kind).SetInParent()
        if observation.ByteSize() <= self._room():
            self._add(observation)
            return self._note(pieces, data)
        while data:
            room = self._room()
            if room < 8:
                self.flush()
                continue
            part, data = data[:room], data[room:]
            observation = self._observation()
            getattr(observation, segment_kind).data = part
            self._open().stream.subStream.append(observation)
            self._note(pieces, part)
            if kind == "read":
                self.reading = True
            if data:
                self.flush()
        self.mark("segmentEnd")

    def _note(self, pieces, data):
        start = pieces[-1].end if pieces else 0
        pieces.append(Piece(start, start + len(data), self.millis, self._open()))


def spanning(pieces, start, length):
    """The pieces that have bytes of a message."""
    return [piece for piece in pieces if piece.start < start + length and piece.end > start]


class Expected:
    """What a reader should find on one connection, request by request."""

    def __init__(self, capture, session=0, index=0, resumed=False, read_from=0, written_from=0):
        self.capture, self.session, self.index, self.resumed = capture, session, index, resumed
        self.read, self.written = read_from, written_from
        self.transactions = []

    def skip_read(self, length):
        self.read += length
        return self

    def skip_written(self, length):
        self.written += length
        return self

    def transaction(self, request, response, end="complete", ended_by=None):
        """The next request and its response; `ended_by` is the record that ended a response that did not end by itself."""
        reads = spanning(self.capture.reads, self.read, len(request))
        writes = spanning(self.capture.writes, self.written, len(response))
        self.read += len(request)
        self.written += len(response)
        offsets = sorted({piece.record.offset for piece in writes} | ({ended_by} if ended_by is not None else set()))
        self.transactions.append(
            {
                "node": self.capture.node,
                "connection": self.capture.connection,
                "session": self.session,
                "index": self.index,
                "resumed": self.resumed,
                "request": request.decode("latin-1"),
                "request_millis": [reads[0].millis, reads[-1].millis],
                "request_offsets": sorted({piece.record.offset for piece in reads}),
                "response": response.decode("latin-1"),
                "response_millis": [writes[0].millis, writes[-1].millis] if writes else None,
                "response_offsets": offsets,
                "end": end,
            }
        )
        self.index += 1
        self.resumed = False
        return self
