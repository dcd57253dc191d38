"""What clients do. Each has documents of its own on each connection, so that the end is the same however connections are interleaved.

Every request sets something, or fails the same way again: to do the tail of a client's work once more changes nothing in the end.
"""

import json
import time

from client import Connection, Request

INDICES = ("orders", "events-2026.01", "Größe".lower())


def encoded(text):
    return "".join(c if c.isascii() and (c.isalnum() or c in "-._~") else "".join(f"%{b:02X}" for b in c.encode()) for c in text)


class Script:
    """The requests of one connection, one after the other."""

    def __init__(self, random, name, counts_up):
        self.random, self.name = random, name
        self.counts_up = counts_up  # Requests that must not be done twice are allowed.
        self.live, self.next = [], 0  # (index, id)
        self.kinds = [
            (24, self.put), (10, self.post), (6, self.create), (14, self.update), (7, self.delete), (12, self.get),
            (10, self.search), (4, self.count), (5, self.head), (6, self.bulk), (2, self.msearch), (2, self.mget),
            (0.5, self.alias), (1, self.refresh), (0.7, self.by_query), (0.3, self.own_index), (0.3, self.scroll), (1, self.missing),
        ]

    def text(self, length=None):
        words = ("harbour", "tide", "ferry", "lantern", "déjà vu", "東京", "knot", "\"quoted\\", "mooring")
        length = length or self.random.choice([1, 3, 8, 20, 120])
        return " ".join(self.random.choice(words) for _ in range(length))

    def document(self, length=None):
        r = self.random
        return {
            "owner": self.name, "tag": r.choice("abcdefgh"), "n": r.randrange(1 << 31), "price": r.randrange(10**6) / 100,
            "text": self.text(length), "nested": {"at": "2026-01-31T10:00:00Z", "flags": [r.random() < 0.5, None]},
        }

    def id(self):
        self.next += 1
        return f"{self.name}-{self.next}" + self.random.choice(["", "", "/ü b", "+%"])

    def json(self, method, path, value, **more):
        r = self.random
        body = json.dumps(value, ensure_ascii=r.random() < 0.5).encode()
        shape = r.random()
        if shape < 0.06:
            more["coding"] = "gzip"
        elif shape < 0.12:
            more["chunks"] = r.choice([7, 100, 5000])
        elif shape < 0.14:
            more["expect"] = True
        elif shape < 0.15:
            more.update(coding="gzip", chunks=50)
        return Request(method, path, body, **more)

    def index(self):
        return self.random.choice(INDICES)

    def known(self):
        return self.random.choice(self.live) if self.live else None

    def path(self, index, kind, id):
        return f"/{encoded(index)}/{kind}/{encoded(id)}"

    # Single documents.

    def put(self):
        if self.live and self.random.random() < 0.3:
            index, id = self.known()
        else:
            index, id = self.index(), self.id()
            self.live.append((index, id))
        return self.json(self.random.choice(["PUT", "POST"]), self.path(index, "_doc", id), self.document())

    def create(self):
        index, id = self.known() if self.live and self.random.random() < 0.2 else (self.index(), self.id())
        if (index, id) not in self.live:
            self.live.append((index, id))
        return self.json("PUT", self.path(index, "_create", id), self.document())

    def post(self):
        return self.json("POST", f"/{encoded(self.index())}/_doc", self.document())

    def update(self):
        if not self.live:
            return self.put()
        index, id = self.known()
        if self.counts_up and self.random.random() < 0.4:
            change = {"script": {"source": "ctx._source.n += params.by", "params": {"by": 3}}}
        else:
            change = {"doc": {"n": self.random.randrange(1000), "changed": self.text(2)}}
        return self.json("POST", self.path(index, "_update", id), change)

    def delete(self):
        if not self.live:
            return self.put()
        index, id = self.live.pop(self.random.randrange(len(self.live)))
        return Request("DELETE", self.path(index, "_doc", id))

    # Many.

    def bulk(self, size=None):
        r, lines = self.random, []
        index = self.index()
        chosen = set()
        while sum(map(len, lines)) < (size or r.choice([500, 3000, 30_000])):
            action = r.choice(["index", "index", "create", "update", "delete", "auto", "auto"])
            if action in ("update", "delete"):
                one = self.known()
                if not one or one in chosen:
                    continue
                chosen.add(one)
                lines.append(json.dumps({action: {"_index": one[0], "_id": one[1]}}))
                if action == "update":
                    lines.append(json.dumps({"doc": {"n": r.randrange(1000), "bulk": True}}))
                else:
                    self.live.remove(one)
                continue
            action, meta = ("index", {}) if action == "auto" else (action, {"_id": self.id()})
            if "_id" in meta:
                self.live.append((index, meta["_id"]))
                chosen.add((index, meta["_id"]))
            if r.random() < 0.5:
                meta["_index"] = index
            lines.append(json.dumps({action: meta}))
            lines.append(json.dumps(self.document(2000 if size else None)))
        body = ("\n".join(lines) + "\n").encode()
        coding = "gzip" if r.random() < 0.2 else None
        return Request("POST", f"/{encoded(index)}/_bulk", body, kind="application/x-ndjson", coding=coding)

    def large_bulk(self):
        return self.bulk(5 << 20)

    def by_query(self):
        """After a refresh of the same connection, so that it finds the same."""
        query = {"query": {"bool": {"filter": [{"term": {"owner.keyword": self.name}}, {"term": {"tag.keyword": self.random.choice("abcdefgh")}}]}}}
        index = self.index()
        # What it deletes must not be changed afterwards: whoever does that again would find it missing.
        self.live = [one for one in self.live if one[0] != index]
        path = f"/{encoded(index)}"
        return [Request("POST", f"{path}/_refresh"), self.json("POST", f"{path}/_delete_by_query?refresh=true", query)]

    def own_index(self):
        name = f"own-{self.name}"
        settings = {"settings": {"number_of_replicas": 0, "number_of_shards": 1}, "mappings": {"properties": {"n": {"type": "long"}}}}
        requests = [
            self.json("PUT", f"/{name}", settings), self.json("PUT", f"/{name}/_doc/1?refresh=true", self.document()),
            Request("GET", f"/{name}/_mapping"), Request("DELETE", f"/{name}"), Request("GET", f"/{name}/_doc/1"),
        ]
        return requests

    def alias(self):
        change = {"actions": [{self.random.choice(["add", "add", "remove"]): {"index": self.index(), "alias": f"alias-{self.name}"}}]}
        return [self.json("POST", "/_aliases", change), Request("GET", f"/_alias/alias-{self.name}")]

    def refresh(self):
        return Request("POST", f"/{encoded(self.index())}/_refresh")

    # Reads.

    def get(self):
        if not self.live:
            return self.missing()
        index, id = self.known()
        return Request("GET", self.path(index, "_doc", id))

    def missing(self):
        return Request("GET", f"/{encoded(self.index())}/_doc/{self.name}-never")

    def head(self):
        if not self.live or self.random.random() < 0.3:
            return Request("HEAD", self.random.choice(["/", "/orders", f"/no-{self.name}"]))
        index, id = self.known()
        return Request("HEAD", self.path(index, "_doc", id))

    def query(self):
        return {"query": {"match": {"text": self.text(1)}}, "size": 3, "sort": [{"n": "asc"}]}

    def search(self):
        if self.random.random() < 0.3:
            return Request("GET", f"/{encoded(self.index())}/_search?q=text:ferry&size=2&pretty")
        return self.json(self.random.choice(["GET", "POST"]), f"/{encoded(self.index())}/_search", self.query())

    def count(self):
        return Request("GET", f"/{encoded(self.index())}/_count")

    def msearch(self):
        lines = []
        for _ in range(self.random.randrange(1, 4)):
            lines += [json.dumps({"index": self.index()}), json.dumps(self.query())]
        return Request("POST", "/_msearch", ("\n".join(lines) + "\n").encode(), kind="application/x-ndjson")

    def mget(self):
        docs = [{"_index": index, "_id": id} for index, id in [self.known() or ("orders", "1") for _ in range(3)]]
        return self.json("POST", "/_mget", {"docs": docs})

    def scroll(self):
        return self.json("POST", f"/{encoded(self.index())}/_search?scroll=1m", self.query())

    def some(self):
        """The next requests, to be sent one after the other."""
        weights, kinds = zip(*self.kinds)
        chosen = self.random.choices(kinds, weights)[0]()
        return chosen if isinstance(chosen, list) else [chosen]

    def pipeline(self):
        """Requests that may be sent at once: the server works on them at once, so none may concern what another one does."""
        requests = []
        for _ in range(self.random.randrange(2, 6)):
            index, id = self.index(), self.id()
            if self.random.random() < 0.5:
                requests.append(Request("GET", f"/{encoded(index)}/_doc/{self.name}-never"))
            else:
                self.live.append((index, id))
                body = json.dumps(self.document()).encode()
                requests.append(Request("PUT", self.path(index, "_doc", id), body))
        return requests


def talk(random, port, name, requests, large, counts_up, pauses):
    """One connection, with about so many requests; it is closed at the end."""
    script = Script(random, name, counts_up)
    connection = Connection(port)
    at_large = {random.randrange(requests) for _ in range(large)}
    while len(connection.requests) < requests:
        if any(len(connection.requests) >= at for at in at_large):
            at_large = {at for at in at_large if at > len(connection.requests)}
            connection.send(script.large_bulk())
        if random.random() < 0.03:
            connection.send(*script.pipeline())
            continue
        for request in script.some():
            size = len(request.bytes)
            cuts = [random.randrange(1, size) for _ in range(random.choice([1, 2]))] if random.random() < 0.1 else ()
            connection.send(request, cuts=cuts)
        if random.random() < 0.002:
            time.sleep(pauses)
    connection.close()
    return connection
