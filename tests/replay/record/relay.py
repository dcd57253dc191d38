"""A relay between clients and a server that writes down who said what, and when."""

import socket
import threading
import time


class Conversation:
    def __init__(self):
        self.observed = []  # (nanoseconds, is read from the client, bytes)
        self.lock = threading.Lock()
        self.closed = None
        self.done = threading.Event()

    def note(self, is_read, data):
        with self.lock:
            self.observed.append((time.time_ns(), is_read, data))


class Relay:
    """Listens on loopback; what was said over a connection is found by the port of the client."""

    def __init__(self, host, port):
        self.server = (host, port)
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.conversations, self.lock = {}, threading.Condition()
        threading.Thread(target=self._accept, daemon=True).start()

    def take(self, client_port):
        """The conversation over a connection that the client has closed."""
        with self.lock:
            while client_port not in self.conversations:
                self.lock.wait(10)
            conversation = self.conversations.pop(client_port)
        assert conversation.done.wait(60), "the server does not close"
        return conversation

    def _accept(self):
        while True:
            client, (_, port) = self.listener.accept()
            conversation = Conversation()
            with self.lock:
                self.conversations[port] = conversation
                self.lock.notify_all()
            threading.Thread(target=self._relay, args=(client, conversation), daemon=True).start()

    def _relay(self, client, conversation):
        upstream = socket.create_connection(self.server)
        for connection in (client, upstream):
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        back = threading.Thread(target=self._pump, args=(upstream, client, conversation, False), daemon=True)
        back.start()
        self._pump(client, upstream, conversation, True)
        conversation.closed = time.time_ns()
        back.join()
        for connection in (client, upstream):
            connection.close()
        conversation.done.set()

    @staticmethod
    def _pump(source, sink, conversation, is_read):
        try:
            while data := source.recv(65536):
                conversation.note(is_read, data)
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # The other side is gone.
