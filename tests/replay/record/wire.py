"""Records of captured traffic as the capturing proxy of opensearch-migrations 3.3.6 writes them: a protobuf writer of a few lines.

The schema is `TrafficCaptureStream.proto`; the order of the fields is that of the proxy: connectionId (1), nodeId (5),
priorRequestsReceived (6), lastObservationWasUnterminatedRead (7), subStream (2), and number (3) or numberOfThisLastChunk (4).
"""

READ, READ_SEGMENT, WRITE, WRITE_SEGMENT, CLOSE, EXCEPTION, SEGMENT_END, END = 4, 5, 8, 9, 11, 12, 14, 15


def varint(value):
    value &= (1 << 64) - 1
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def number(field, value):
    return varint(field << 3) + varint(value)


def data(field, value):
    return varint(field << 3 | 2) + varint(len(value)) + value


def timestamp(nanos):
    seconds, rest = divmod(nanos, 1_000_000_000)
    return data(1, number(1, seconds) + (number(2, rest) if rest else b""))


def observation(nanos, kind, message=b""):
    """A field 2 of a TrafficStream."""
    return data(2, timestamp(nanos) + data(kind, message))


def head(connection, node, prior, reading):
    fields = data(1, connection.encode()) + data(5, node.encode())
    if prior:
        fields += number(6, prior)
    return fields + (number(7, 1) if reading else b"")


def tail(index, is_last):
    return number(4 if is_last else 3, index)
