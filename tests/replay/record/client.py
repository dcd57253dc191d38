"""An HTTP/1.1 client that says exactly what it is told: pieces, pauses, chunks, pipelines, `Expect: 100-continue`."""

import gzip
import socket
import time


class Request:
    def __init__(self, method, path, body=None, kind="application/json", coding=None, chunks=None, expect=False):
        self.method, self.path, self.expect = method, path, expect
        headers = [("Host", "source.example:9200"), ("Accept", "application/json"), ("User-Agent", "recorder/1")]
        payload = body if body is not None else b""
        if coding == "gzip":
            payload = gzip.compress(payload, 1)
            headers.append(("Content-Encoding", "gzip"))
        if body is not None:
            headers.append(("Content-Type", kind))
        if expect:
            headers.append(("Expect", "100-continue"))
        if chunks:
            headers.append(("Transfer-Encoding", "chunked"))
            parts = [payload[at : at + chunks] for at in range(0, len(payload), chunks)]
            payload = b"".join(b"%x\r\n%b\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"
        elif body is not None:
            headers.append(("Content-Length", str(len(payload))))
        lines = [f"{method} {path} HTTP/1.1"] + [f"{name}: {value}" for name, value in headers]
        self.head = ("\r\n".join(lines) + "\r\n\r\n").encode()
        self.payload = payload

    @property
    def bytes(self):
        return self.head + self.payload


class Connection:
    """One connection; remembers its requests, and the status of the answer to each."""

    def __init__(self, port):
        self.socket = socket.create_connection(("127.0.0.1", port))
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.socket.settimeout(120)
        self.port = self.socket.getsockname()[1]
        self.buffer = b""
        self.requests, self.statuses = [], []

    def close(self):
        self.socket.close()

    def send(self, *requests, cuts=()):
        """Sends requests at once, with pauses at the cuts; the bodies of the answers."""
        self.requests += requests
        if requests[0].expect:
            assert len(requests) == 1
            self.socket.sendall(requests[0].head)
            status, _ = self._answer("POST")
            assert status == 100, status
            data = requests[0].payload
        else:
            data = b"".join(request.bytes for request in requests)
        at = 0
        for cut in sorted(cuts):
            if at < cut < len(data):
                self.socket.sendall(data[at:cut])
                at = cut
                time.sleep(0.002)
        self.socket.sendall(data[at:])
        bodies = []
        for request in requests:
            status, body = self._answer(request.method)
            assert status != 429 and status < 500, (status, request.head, body)
            self.statuses.append(status)
            bodies.append(body)
        return bodies

    def _until(self, mark):
        while mark not in self.buffer:
            data = self.socket.recv(1 << 18)
            assert data, f"the server closed: {self.requests[-1].head}, {self.buffer}"
            self.buffer += data
        found, self.buffer = self.buffer.split(mark, 1)
        return found

    def _exactly(self, length):
        parts, size = [self.buffer], len(self.buffer)
        while size < length:
            data = self.socket.recv(1 << 18)
            assert data, "the server closed within an answer"
            parts.append(data)
            size += len(data)
        whole = b"".join(parts)
        self.buffer = whole[length:]
        return whole[:length]

    def _answer(self, method):
        lines = self._until(b"\r\n\r\n").decode("latin-1").split("\r\n")
        status = int(lines[0].split(" ")[1])
        headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines[1:])}
        if method == "HEAD" or status < 200 or status in (204, 304):
            return status, b""
        if headers.get("transfer-encoding") == "chunked":
            body = b""
            while length := int(self._until(b"\r\n"), 16):
                body += self._exactly(length)
                self._exactly(2)
            self._until(b"\r\n")
            return status, body
        return status, self._exactly(int(headers.get("content-length", 0)))
