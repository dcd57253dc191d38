#!/usr/bin/env python3
"""Make snapshot fixtures with real servers.

  make_snapshots.py [--out DIR] [--pack DIR] [VERSION... | OLD_to_NEW...]

Without names, makes all that `searchlab versions` lists, and all UPGRADES.
--pack also writes each as DIR/VERSION.tar.gz, the form of tests/fixtures/snapshots.
For each version: start the server, index a small but varied data set, take
snapshots in file system repositories, and record what the server itself says
the data is. For one version the result is

  VERSION/repo/               repository, compress=true: snapshots snap1 and snap2
  VERSION/repo_chunked/       repository, compress=false and chunk_size=10kb: snapshot chunked
  VERSION/truth/INDEX.ndjson.gz       the documents at snap1, one a line, sorted
  VERSION/truth-snap2/INDEX.ndjson.gz the documents at snap2, for the indices that differ
  VERSION/manifest.json       version, snapshots, indices (settings, mappings, counts), what was skipped

OLD_to_NEW (es-5.6.16_to_es-6.8.23) takes the indices of OLD/repo, has NEW
restore and change some, and snapshots them again: segments and mappings of
both versions in one index. It has repo/, truth/ and manifest.json.

A line of truth is {"_id", "_type" (versions before 7), "_routing", "_parent"
(where set), "_source"}. Numbers in _source keep the text the server gave. For
indices without _source, it is null, "_sent" is the document as it was sent
and "fields" what the server reads from stored fields and doc values.
truth/odd_json.sent.ndjson.gz has the exact text of each source ("_source_text").
"""
import argparse
import base64
import gzip
import json
import os
import random
import shutil
import subprocess
import sys
import tarfile
import tempfile
import urllib.error
import urllib.parse
import urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
SEARCHLAB = os.path.join(HERE, "searchlab", "searchlab")


# ------------------------------------------------------- JSON, numbers as text

class Number(str):
    """A JSON number, kept as the text it had."""


def loads(text):
    return json.loads(text, parse_int=Number, parse_float=Number, parse_constant=Number)


def dumps(v):
    if isinstance(v, Number):
        return str(v)
    if isinstance(v, dict):
        return "{" + ",".join(json.dumps(k) + ":" + dumps(x) for k, x in v.items()) + "}"
    if isinstance(v, (list, tuple)):
        return "[" + ",".join(map(dumps, v)) + "]"
    return json.dumps(v)


# ------------------------------------------------------------------- a server

class Failure(Exception):
    pass


class Server:
    def __init__(self, name, url):
        self.name, self.url = name, url
        self.product, number = name.split("-")
        self.v = tuple(int(n) for n in number.split("."))
        self.es = self.product == "es"
        self.typed = self.es and self.v[0] <= 6
        self.old_strings = self.es and self.v[0] <= 2
        self.created = {}        # index -> type names
        self.skipped = {}
        self.sent = {}           # index -> {id: document}, where truth needs it
        self.exact = {}          # index -> {id: text}
        self.old_ips = False     # whether indices have addresses from before 5, without doc values to show

    def call(self, method, path, body=None, content="application/json", compress=False):
        if isinstance(body, (dict, list)):
            body = dumps(body)
        if isinstance(body, str):
            body = body.encode()
        headers = {"Content-Type": content} if body is not None else {}
        if compress:
            body = gzip.compress(body)
            headers["Content-Encoding"] = "gzip"
        req = urllib.request.Request(self.url + path, data=body, method=method, headers=headers)
        try:
            with urllib.request.urlopen(req, timeout=120) as r:
                text = r.read().decode() if content.endswith("json") else ""
        except urllib.error.HTTPError as e:
            raise Failure(f"{method} {path}: {e.code} {e.read().decode(errors='replace')[:600]}") from None
        return loads(text) if text else None

    # The differences between versions, in one place.

    def text(self, **more):
        return {"type": "string", **more} if self.old_strings else {"type": "text", **more}

    def keyword(self, **more):
        if self.old_strings:
            return {"type": "string", "index": "not_analyzed", "doc_values": True, **more}
        return {"type": "keyword", **more}

    def has_soft_deletes(self):
        return not self.es or self.v >= (6, 5)

    def type_name(self, index):
        return self.created[index][0]

    def create(self, index, shards=1, settings=None, mapping=None, types=None):
        """mapping is one mapping, or with several types one for each."""
        types = types or ["doc"]
        body = {"settings": {"index": {"number_of_shards": Number(shards), "number_of_replicas": Number(0),
                                       **(settings or {})}}}
        if self.typed:
            mapping = mapping or {}
            body["mappings"] = mapping if set(mapping) >= set(types) else {types[0]: mapping}
        elif mapping:
            body["mappings"] = mapping
        self.call("PUT", "/" + quote(index), body)
        self.created[index] = types

    def action(self, op, index, id=None, routing=None, type=None, parent=None):
        meta = {"_index": index}
        if self.typed:
            meta["_type"] = type or self.type_name(index)
        if id is not None:
            meta["_id"] = id
        if routing is not None:
            meta["_routing" if self.typed else "routing"] = routing
        if parent is not None:
            meta["_parent"] = parent
        return {op: meta}

    def bulk(self, lines, may_fail=()):
        """lines: objects, or text to be sent as it is."""
        body = "".join((l if isinstance(l, str) else dumps_plain(l)) + "\n" for l in lines)
        answer = self.call("POST", "/_bulk", body, content="application/x-ndjson"
                           if not self.old_strings else "application/json",
                           compress=not self.old_strings)
        for item in answer["items"]:
            for r in item.values():
                status = int(r["status"])
                if status >= 300 and status not in may_fail:
                    raise Failure(f"bulk: {dumps(r)[:500]}")

    def index_docs(self, index, docs, flush=True, type=None, op="index"):
        """docs: (id or None, document or text[, routing])"""
        lines = []
        for d in docs:
            lines += [self.action(op, index, d[0], d[2] if len(d) > 2 else None, type), d[1]]
        self.bulk(lines)
        if flush:
            self.flush(index)

    def delete_docs(self, index, ids, flush=True):
        self.bulk([self.action("delete", index, i) for i in ids], may_fail=(404,))
        if flush:
            self.flush(index)

    def flush(self, index):
        self.call("POST", f"/{quote(index)}/_refresh")
        force = "?force=true" if self.v[0] > 1 or not self.es else ""
        self.call("POST", f"/{quote(index)}/_flush{force}")

    def merge(self, index):
        verb = "_optimize" if self.es and self.v[0] == 1 else "_forcemerge"
        self.call("POST", f"/{quote(index)}/{verb}?max_num_segments=1")
        self.flush(index)

    def refresh_all(self):
        self.call("POST", "/_refresh")

    def scroll(self, index, body=None):
        self.call("POST", f"/{quote(index)}/_search?size=0", {"query": {"match_all": {}}})
        body = dict(body or {}, size=Number(500), query={"match_all": {}})
        page = self.call("POST", f"/{quote(index)}/_search?scroll=2m", body)
        while True:
            hits = page["hits"]["hits"]
            if not hits:
                return
            yield from hits
            scroll_id = page["_scroll_id"]
            if self.es and self.v[0] == 1:
                page = self.call("POST", "/_search/scroll?scroll=2m", scroll_id)
            else:
                page = self.call("POST", "/_search/scroll", {"scroll": "2m", "scroll_id": scroll_id})

    def count(self, index):
        return int(self.call("GET", f"/{quote(index)}/_count")["count"])

    def attempt(self, what, step):
        try:
            step()
        except Failure as e:
            self.skipped[what] = str(e)
            self.created.pop(what, None)
            try:
                self.call("DELETE", "/" + quote(what))
            except Failure:
                pass

    # Truth

    def truth(self, index):
        body = {}
        if self.old_strings:
            body["fields"] = ["_source", "_routing", "_parent"]
        if index in self.sent:
            fields = ["s", "n", "x", "d", "b", "many"] + ([] if self.old_ips else ["ip"])
            if self.old_strings:
                body["fields"] = fields + ["_routing"]
                body["fielddata_fields"] = ["s", "n", "x", "b", "many"]
            else:
                body["stored_fields"] = ["stored_text", "stored_binary"]
                date = {"field": "d", "format": "epoch_millis"}
                body["docvalue_fields"] = [f if f != "d" else date for f in fields]
                if self.es and self.v < (6, 4):
                    body["docvalue_fields"] = fields
        lines = []
        for hit in self.scroll(index, body):
            doc = {"_id": hit["_id"]}
            if self.typed:
                doc["_type"] = hit["_type"]
            for key in ("_routing", "_parent"):
                value = hit.get(key, hit.get("fields", {}).get(key))
                if value is not None:
                    doc[key] = value
            doc["_source"] = hit.get("_source")
            if index in self.sent:
                doc["_sent"] = self.sent[index][hit["_id"]]
                doc["fields"] = {k: hit["fields"][k] for k in sorted(hit.get("fields", {})) if k[0] != "_"}
            lines.append(doc)
        if len(lines) != self.count(index):
            raise Failure(f"{index}: {len(lines)} documents scrolled, {self.count(index)} counted")
        lines.sort(key=lambda d: (d["_id"], d.get("_type", ""), d.get("_routing", "")))
        return "".join((dumps_plain(d) if "_sent" in d else dumps(d)) + "\n" for d in lines)


def dumps_plain(v):
    """Like dumps, for documents with Python numbers in them."""
    if isinstance(v, Number):
        return str(v)
    if isinstance(v, dict):
        return "{" + ",".join(json.dumps(k) + ":" + dumps_plain(x) for k, x in v.items()) + "}"
    if isinstance(v, (list, tuple)):
        return "[" + ",".join(map(dumps_plain, v)) + "]"
    return json.dumps(v, ensure_ascii=False)


def quote(name):
    return urllib.parse.quote(name, safe="")


# ------------------------------------------------------------------- the data

WORDS = ("alpha beta gamma delta épsilon ζήτα 東京 данные emoji😀 naïve Straße quote\" back\\slash tab\t "
         "newline\n slash/ null zero-width\u200b rtl\u05d0 combining\u0065\u0301").split(" ")


def words(rng, n):
    return " ".join(rng.choice(WORDS) for _ in range(n))


def plain_doc(rng, i):
    doc = {
        "n": i, "title": words(rng, 4), "long": rng.choice([0, -1, 2**63 - 1, -2**63, rng.getrandbits(40)]),
        "double": rng.choice([0.5, -1.25e-7, 1.5e10, 3.0, 0.1]), "flag": rng.random() < .5,
        "date": f"2024-0{1 + i % 9}-1{i % 10}T12:34:56.{i:03d}Z", "tags": [words(rng, 1) for _ in range(i % 4)],
        "obj": {"a": {"b": {"c": i}}, "empty": {}}, "nothing": None, "list": [], "nulls": [None, i, None],
        "dotless key": "x", "Ünïcode-ключ": "v",
    }
    if i % 10 == 0:
        doc = {}
    if i % 10 == 1:
        doc = {"n": i, "only": None}
    if i == 42:
        doc["body"] = words(rng, 6000)                # well over 32 KiB
    if i == 43:
        doc["raw"] = {"deep": nest(40)}
    if i == 44:
        doc["body"] = "".join(chr(0x4e00 + rng.randrange(200)) for _ in range(12000))
    return doc


def nest(n):
    return {"k": nest(n - 1)} if n else "bottom"


def plain_mapping(s):
    return {"dynamic": True, "properties": {
        "title": s.text(), "body": s.text(index="no" if s.old_strings else False),
        "double": {"type": "double"}, "raw": {"type": "object", "enabled": False}}}


def make_plain(s):
    rng = random.Random(1)
    s.create("plain", shards=2, mapping=plain_mapping(s))
    for start in range(0, 300, 50):
        s.index_docs("plain", [(f"doc-{i}", plain_doc(rng, i)) for i in range(start, start + 50)])


def churn(s, index):
    """Documents that are indexed, updated, deleted and indexed again over many flushes."""
    rng = random.Random(2)
    s.index_docs(index, [(str(i), {"n": i, "round": 0, "t": words(rng, 3)}) for i in range(120)])
    s.bulk([l for i in range(0, 120, 3)
            for l in (s.action("update", index, str(i)), {"doc": {"round": 1, "extra": [i, None]}})])
    s.flush(index)
    s.delete_docs(index, [str(i) for i in range(0, 120, 7)] + ["never-existed", "nor-this"])
    s.index_docs(index, [(str(i), {"n": i, "round": 2, "again": True}) for i in range(0, 120, 14)], flush=False)
    s.index_docs(index, [(str(i), {"n": i, "round": 3}) for i in range(0, 120, 14)])      # twice in one segment
    s.bulk([l for i in range(5) for l in (s.action("update", index, "1"), {"doc": {"counter": i}})])
    s.bulk([l for i in (2, 4) for l in (s.action("update", index, str(i)), {"doc": {"n": i}})])      # no change
    s.index_docs(index, [(f"new-{i}", {"n": 1000 + i}) for i in range(10)])
    s.delete_docs(index, ["new-0", "new-9"])


def make_updates(s, index, soft):
    settings = {} if soft is None else {"soft_deletes": {"enabled": soft}}
    s.create(index, settings=settings, mapping={"properties": {"t": s.text()}})
    churn(s, index)


def make_alldeleted(s):
    s.create("alldeleted")
    s.index_docs("alldeleted", [(str(i), {"n": i}) for i in range(20)])
    s.delete_docs("alldeleted", [str(i) for i in range(20)])


def make_routed(s):
    s.create("routed", shards=3)
    docs = [(f"r{i}", {"n": i, "tenant": f"t{i % 5}"}, f"tenant-{i % 5}") for i in range(80)]
    docs += [(f"u{i}", {"n": i}, f"ключ/{i} {i}") for i in range(10)]
    docs += [("same", {"routed": r}, r) for r in "abcdefgh"]      # one id, on several shards
    docs += [(f"plain{i}", {"n": i}) for i in range(10)]
    s.index_docs("routed", docs)


def make_nested(s):
    mapping = {"properties": {
        "name": s.keyword(),
        "comments": {"type": "nested", "properties": {
            "author": s.keyword(), "text": s.text(),
            "replies": {"type": "nested", "properties": {"text": s.text(), "stars": {"type": "integer"}}}}}}}
    s.create("nested", shards=2, mapping=mapping)
    rng = random.Random(3)

    def doc(i):
        return {"name": f"post {i}", "comments": [
            {"author": f"a{j}", "text": words(rng, 3),
             "replies": [{"text": words(rng, 2), "stars": k} for k in range(j)]} for j in range(i % 5)]}
    s.index_docs("nested", [(f"p{i}", doc(i)) for i in range(40)])
    s.index_docs("nested", [(f"p{i}", doc(i + 3)) for i in range(0, 40, 5)])
    s.delete_docs("nested", [f"p{i}" for i in range(3, 40, 9)])


def compressible(s, index, settings, big):
    """Documents that compress well, and one of `big` bytes: several chunks of stored fields, one very long."""
    s.create(index, settings=settings, mapping={"properties": {"body": s.text(index="no" if s.old_strings else False)}})
    rng = random.Random(4)
    line = words(rng, 60)
    s.index_docs(index, [(str(i), {"n": i, "body": line + words(rng, 20)}) for i in range(250)])
    s.index_docs(index, [("big", {"body": (line * (big // len(line)))})]
                 + [(f"after{i}", {"n": i, "body": line}) for i in range(20)])
    s.delete_docs(index, ["3", "5"])


def make_nosource(s):
    props = {"s": s.keyword(), "n": {"type": "long"}, "x": {"type": "double"}, "d": {"type": "date"},
             "b": {"type": "boolean"}, "ip": {"type": "ip"}, "many": {"type": "integer"},
             "stored_text": s.text(store=True), "stored_binary": {"type": "binary", "store": True},
             "gone": s.text()}
    if s.old_strings:
        for f in ("n", "x", "d", "b", "ip", "many"):
            props[f].update(doc_values=True)
        for f in ("d", "ip"):
            props[f].update(store=True)
    s.create("nosource", mapping={"_source": {"enabled": False}, "properties": props})
    docs = []
    for i in range(30):
        doc = {"s": f"key-{i} ü", "n": i * 10**9 - 5, "x": i / 8, "d": f"2020-02-{1 + i % 28:02d}T01:02:03Z",
               "b": i % 2 == 0, "ip": f"10.0.{i}.1", "many": [i, i + 1, 1, 1], "stored_text": f"Some Text {i} é",
               "stored_binary": base64.b64encode(bytes(range(i))).decode(), "gone": f"lost {i}"}
        if i % 6 == 5:
            doc = {"n": i}
        docs.append((f"ns{i}", doc))
    s.index_docs("nosource", docs[:15])
    s.index_docs("nosource", docs[15:])
    s.delete_docs("nosource", ["ns3"])
    s.sent["nosource"] = dict(docs)


def make_source_excludes(s):
    s.create("source_excludes", mapping={
        "_source": {"excludes": ["secret*"]}, "properties": {"secret": s.keyword(), "n": {"type": "long"}}})
    s.index_docs("source_excludes", [(str(i), {"n": i, "secret": "x", "secrets": {"a": 1}, "keep": [i]})
                                     for i in range(10)])


def make_empty(s):
    s.create("empty", shards=2, mapping={"properties": {"t": s.text()}})


def make_merged(s):
    s.create("merged", mapping={"properties": {"t": s.text()}})
    churn(s, "merged")
    s.merge("merged")


def make_ids(s):
    s.create("ids", shards=2)
    ids = ["0", "7", "007", "-1", "12345678", "123456789", "18446744073709551616", "1.0", "1e3",
           "a", "ab", "abc", "abcd", "AbCdEfGhIjKlMnOpQrSt", "abcdefghijklmnopqrstuv==", "_-_-", "--", "A1",
           "ünïcode-é", "東京", "😀", "идентификатор", "with space", "slash/es", "quo\"te", "back\\slash", "a#b",
           "percent%20", "?q=1&x", "+plus", "\u00ff\u0100", "x" * 511, "9" * 300, "é" * 256, "*", ".", "..", "null",
           "true", "{}", "e\u0301", "\u00e9", "tab\there", "ff", "fe", "\u007f"]
    s.index_docs("ids", [(i, {"id": i}) for i in ids])
    s.index_docs("ids", [(None, {"auto": n}) for n in range(30)])


def make_odd_json(s):
    """Source text that a parse and a print would change."""
    s.create("odd_json", mapping={"properties": {"raw": {"type": "object", "enabled": False}}})
    docs = {
        "spaces": '{ "raw" : {  "a" :1 , "b":[ 1,2 , 3 ]\t} }',
        "escapes": '{"raw":{"s":"\\u00e9\\/\\u0041\\ud83d\\ude00","\\u006bey":"v"}}',
        "numbers": '{"raw":{"a":1.0,"b":1e5,"c":1E+05,"d":-0,"e":-0.0,"f":0.10,"g":12345678901234567890123,'
                   '"h":3.141592653589793238462643383279,"i":1e400,"j":4.9e-324}}',
        "order": '{"raw":{"z":1,"a":2,"m":3,"10":4,"9":5}}',
        "emptykey": '{"raw":{"":1," ":2}}',
        "control": '{"raw":{"s":"\\u0000\\u0001\\u001f\\u2028"}}',
    }
    if s.es and s.v[0] < 6:
        docs["duplicate"] = '{"raw":{"k":1,"k":2}}'
    s.index_docs("odd_json", [(k, v) for k, v in docs.items()])
    multi = '{\n  "raw": {\r\n    "pretty": true\n  }\n}\n'
    path = f"/odd_json/{'doc' if s.typed else '_doc'}/"
    s.call("PUT", path + "newlines", multi)
    s.call("PUT", path + "surrogate", '{"raw":{"lone":"\\ud800"}}')
    s.flush("odd_json")
    docs.update(newlines=multi, surrogate='{"raw":{"lone":"\\ud800"}}')
    s.exact["odd_json"] = docs


def cbor(v):
    """Indefinite-length maps, as the servers' own encoder makes them."""
    if isinstance(v, dict):
        return b"\xbf" + b"".join(cbor(k) + cbor(x) for k, x in v.items()) + b"\xff"
    if isinstance(v, bool):
        return b"\xf5" if v else b"\xf4"
    if v is None:
        return b"\xf6"
    if isinstance(v, int):
        return (b"\x1a" if v >= 0 else b"\x3a") + (v if v >= 0 else -1 - v).to_bytes(4, "big")
    if isinstance(v, list):
        return b"\x9f" + b"".join(map(cbor, v)) + b"\xff"
    b = v.encode()
    return b"\x79" + len(b).to_bytes(2, "big") + b


SMILE_DOC = bytes.fromhex("3a290a01" "fa" "806e" "c4" "8073" "42616263" "8062" "23" "fb")      # {"n":2,"s":"abc","b":true}


def make_binary_source(s):
    """Documents sent, and so stored, as CBOR, YAML and SMILE."""
    s.create("binary_source")
    path = f"/binary_source/{'doc' if s.typed else '_doc'}/"
    for i in range(5):
        doc = {"n": i, "neg": -5, "text": "é" * i, "list": [1, None, 2], "o": {"k": "v"}}
        s.call("PUT", path + f"cbor{i}", cbor(doc), content="application/cbor")
    s.call("PUT", path + "yaml", "---\nn: 1\ntext: \"yaml é\"\nlist:\n- 1\n- 2\n", content="application/yaml")
    s.call("PUT", path + "smile", SMILE_DOC, content="application/smile")
    s.call("PUT", path + "json", '{"n":1}')
    s.flush("binary_source")


def make_types(s):
    """Two types in one index, with ids in common (before 6); a type of its own name (6)."""
    if s.v[0] == 6:
        s.create("types", types=["record"])
        s.index_docs("types", [(str(i), {"n": i}) for i in range(20)])
        return
    s.create("types", shards=2, types=["user", "order"],
             mapping={"user": {"properties": {"name": s.text()}}, "order": {"properties": {"total": {"type": "double"}}}})
    s.index_docs("types", [(str(i), {"name": f"user {i}"}) for i in range(20)], type="user")
    s.index_docs("types", [(str(i), {"total": i / 4}) for i in range(30)], type="order")
    s.bulk([s.action("delete", "types", "5", type="user"), s.action("delete", "types", "6", type="order")])
    s.flush("types")


def make_parent_child(s):
    s.create("parent_child", shards=3, types=["blog", "comment"],
             mapping={"blog": {}, "comment": {"_parent": {"type": "blog"}}})
    s.index_docs("parent_child", [(f"b{i}", {"blog": i}) for i in range(6)], type="blog")
    lines = []
    for i in range(24):
        lines += [s.action("index", "parent_child", f"c{i}", type="comment", parent=f"b{i % 6}"), {"comment": i}]
    s.bulk(lines)
    s.flush("parent_child")


def make_join(s):
    s.create("join", shards=2, mapping={"properties": {"rel": {"type": "join", "relations": {"q": ["a", "c"]}}}})
    docs = [(f"q{i}", {"q": i, "rel": "q"}) for i in range(5)]
    docs += [(f"a{i}", {"a": i, "rel": {"name": "a", "parent": f"q{i % 5}"}}, f"q{i % 5}") for i in range(15)]
    s.index_docs("join", docs)


def make_sorted(s):
    s.create("sorted", settings={"sort.field": ["n"], "sort.order": ["desc"]},
             mapping={"properties": {"n": {"type": "long"}}})
    for start in (0, 40):
        s.index_docs("sorted", [(str(i), {"n": i * 37 % 101}) for i in range(start, start + 40)])
    s.delete_docs("sorted", ["1", "41"])


def make_split(s):
    s.create("split_source", settings={"number_of_routing_shards": Number(4)})
    s.index_docs("split_source", [(f"k{i}", {"n": i}) for i in range(60)])
    s.call("PUT", "/split_source/_settings", {"index.blocks.write": True})
    s.call("POST", "/split_source/_split/split", {"settings": {"index.number_of_shards": Number(4),
                                                              "index.number_of_replicas": Number(0),
                                                              "index.blocks.write": None}})
    s.created["split"] = s.created["split_source"]
    s.call("GET", "/_cluster/health/split?wait_for_status=green&timeout=30s")
    s.delete_docs("split", ["k1", "k2", "k3"])


def make_unicode_name(s):
    name = "ünï-名前"
    s.create(name)
    s.index_docs(name, [(str(i), {"n": i}) for i in range(3)])


def make_compressed_source(s):
    s.create("compressed_source", mapping={"_source": {"compress": True}})
    s.index_docs("compressed_source", [(str(i), {"n": i, "t": "very repetitive " * 20}) for i in range(20)])


def make_data_stream(s):
    s.call("PUT", "/_index_template/logs", {
        "index_patterns": ["logs-*"], "data_stream": {},
        "template": {"settings": {"number_of_shards": 1, "number_of_replicas": 0}}})
    docs = [(None, {"@timestamp": f"2024-05-0{1 + i}T00:00:00Z", "n": i}) for i in range(5)]
    for _ in range(2):
        s.bulk([l for d in docs for l in ({"create": {"_index": "logs-app"}}, d[1])])
        s.call("POST", "/logs-app/_flush")
        s.call("POST", "/logs-app/_rollover")
    for name in s.call("GET", "/_data_stream/logs-app")["data_streams"][0]["indices"]:
        s.created[name["index_name"]] = ["_doc"]


def make_extras(s):
    """Aliases and a template, for the cluster state in the snapshot."""
    s.call("POST", "/_aliases", {"actions": [
        {"add": {"index": "plain", "alias": "plain-alias"}},
        {"add": {"index": "routed", "alias": "routed-alias", "filter": {"term": {"tenant": "t1"}},
                 "routing": "tenant-1"}}]})
    if s.es and s.v[0] <= 5:
        body = {"template": "tmpl-*"}
    else:
        body = {"index_patterns": ["tmpl-*"]}
    mapping = {"properties": {"t": s.text()}}
    s.call("PUT", "/_template/tmpl", dict(
        body, order=Number(1), settings={"index": {"number_of_shards": "1"}}, aliases={"tmpl": {}},
        mappings={"doc": mapping} if s.typed else mapping))
    if not s.es or s.v >= (7, 8):
        s.call("PUT", "/_component_template/part", {"template": {"settings": {"index": {"number_of_replicas": 0}}}})
        s.call("PUT", "/_index_template/composed", {"index_patterns": ["composed-*"], "composed_of": ["part"]})


def make_data(s):
    steps = [
        ("plain", lambda: make_plain(s)),
        ("routed", lambda: make_routed(s)), ("nested", lambda: make_nested(s)),
        ("nosource", lambda: make_nosource(s)), ("source_excludes", lambda: make_source_excludes(s)),
        ("empty", lambda: make_empty(s)), ("alldeleted", lambda: make_alldeleted(s)),
        ("merged", lambda: make_merged(s)), ("ids", lambda: make_ids(s)),
        ("odd_json", lambda: make_odd_json(s)), ("binary_source", lambda: make_binary_source(s)),
        ("ünï-名前", lambda: make_unicode_name(s)),
        ("lz4", lambda: compressible(s, "lz4", {}, 250_000)),
    ]
    if s.has_soft_deletes():
        steps += [("updates", lambda: make_updates(s, "updates", True)),
                  ("updates_hard", lambda: make_updates(s, "updates_hard", False))]
    else:
        steps += [("updates", lambda: make_updates(s, "updates", None))]
    if not (s.es and s.v[0] == 1):
        steps.append(("best_comp", lambda: compressible(s, "best_comp", {"codec": "best_compression"}, 1_100_000)))
    if s.typed:
        steps.append(("types", lambda: make_types(s)))
        if s.v[0] <= 5:
            steps.append(("parent_child", lambda: make_parent_child(s)))
    if not s.es or s.v >= (6, 0):
        steps += [("join", lambda: make_join(s)), ("sorted", lambda: make_sorted(s))]
    if not s.es or s.v >= (6, 1):
        steps.append(("split", lambda: make_split(s)))
    if s.es and s.v[0] == 1:
        steps.append(("compressed_source", lambda: make_compressed_source(s)))
    if not s.es:
        steps.append(("data_stream", lambda: make_data_stream(s)))
    if not s.es and (2, 9) <= s.v < (2, 10):
        for codec in ("zstd", "zstd_no_dict"):
            steps.append((codec, lambda c=codec: compressible(s, c, {"codec": c}, 250_000)))
    for name, step in steps:
        s.attempt(name, step)
    s.attempt("extras", lambda: make_extras(s))
    s.create("doomed")
    s.index_docs("doomed", [("1", {"n": 1})])


def change_data(s):
    """What happens between snap1 and snap2. Returns the indices that differ."""
    rng = random.Random(9)
    s.index_docs("plain", [(f"doc-{i}", plain_doc(rng, i)) for i in range(290, 320)])
    s.delete_docs("plain", [f"doc-{i}" for i in range(0, 300, 25)])
    s.bulk([l for i in range(50, 60) for l in (s.action("update", "updates", str(i)), {"doc": {"snap": 2}})])
    s.flush("updates")
    s.call("DELETE", "/doomed")
    s.created.pop("doomed")
    s.create("late")
    s.index_docs("late", [(str(i), {"late": i}) for i in range(5)])
    return ["plain", "updates", "late"]


# -------------------------------------------------------------------- making

def snapshot(s, repo, name, indices=None):
    body = {"include_global_state": indices is None}
    if indices:
        body["indices"] = ",".join(indices)
    r = s.call("PUT", f"/_snapshot/{repo}/{name}?wait_for_completion=true", body)["snapshot"]
    if r["state"] != "SUCCESS":
        raise Failure(f"snapshot {name}: {dumps(r)}")
    return {"repository": repo, "uuid": r.get("uuid"), "indices": sorted(r["indices"])}


def write_gz(path, text):
    with open(path, "wb") as f, gzip.GzipFile("", "wb", 9, f, mtime=0) as z:
        z.write(text.encode())


def write_truth(s, directory, indices):
    os.makedirs(directory, exist_ok=True)
    counts = {}
    for index in indices:
        text = s.truth(index)
        write_gz(os.path.join(directory, index + ".ndjson.gz"), text)
        counts[index] = text.count("\n")
    return counts


class Lab:
    """A running server with its directories, which all go when it stops."""

    def __init__(self, version, repos):
        self.version, self.repos = version, repos

    def __enter__(self):
        self.data = tempfile.mkdtemp(prefix="searchlab-")
        cmd = [SEARCHLAB, "start", self.version, "--data", self.data, *PORT]
        for repo in self.repos:
            cmd += ["--repo", self.path(repo)]
        try:
            url = subprocess.run(cmd, check=True, stdout=subprocess.PIPE, text=True).stdout.strip()
        except subprocess.CalledProcessError:
            self.__exit__()
            raise
        return Server(self.version, url)

    def path(self, name):
        return os.path.join(self.data, "repos", name)

    def register(self, server, name, **settings):
        server.call("PUT", f"/_snapshot/{name}", {"type": "fs", "settings": dict(location=self.path(name), **settings)})

    def __exit__(self, *error):
        subprocess.run([SEARCHLAB, "stop", "--data", self.data])
        shutil.rmtree(self.data, ignore_errors=True)


def write_manifest(s, target, **more):
    with open(os.path.join(target, "manifest.json"), "w") as f:
        f.write(json.dumps({
            "version": s.name, "lucene": s.call("GET", "/")["version"]["lucene_version"], "skipped": s.skipped,
            **more}, indent=1, ensure_ascii=False, sort_keys=True) + "\n")


def make(version, out):
    target = os.path.join(out, version)
    shutil.rmtree(target, ignore_errors=True)
    lab = Lab(version, ["repo", "repo_chunked"])
    with lab as s:
        lab.register(s, "repo", compress=True)
        lab.register(s, "repo_chunked", compress=False, chunk_size="10kb")
        make_data(s)
        s.refresh_all()
        first = sorted(s.created)
        snapshots = {"snap1": snapshot(s, "repo", "snap1")}
        counts = write_truth(s, os.path.join(target, "truth"), first)
        for index, docs in s.exact.items():
            text = "".join(json.dumps({"_id": k, "_source_text": docs[k]}) + "\n" for k in sorted(docs))
            write_gz(os.path.join(target, "truth", index + ".sent.ndjson.gz"), text)
        described = {i: s.call("GET", "/" + quote(i))[i] for i in first}
        snapshots["chunked"] = snapshot(s, "repo_chunked", "chunked", ["plain", "nested"])
        snapshot(s, "repo", "removed", ["ids"])
        changed = change_data(s)
        s.refresh_all()
        snapshots["snap2"] = snapshot(s, "repo", "snap2")
        later = write_truth(s, os.path.join(target, "truth-snap2"), changed)
        s.call("DELETE", "/_snapshot/repo/removed")
        write_manifest(s, target, snapshots=snapshots, counts={"snap1": counts, "snap2": later}, indices=described)
        for name in lab.repos:
            shutil.copytree(lab.path(name), os.path.join(target, name))
        report(s, version, counts)


UPGRADED = ["updates", "updates_hard", "nested", "ids", "types", "parent_child", "routed", "nosource",
            "odd_json", "binary_source", "merged"]


def upgrade(old, new, out):
    """Indices of an old version, restored and changed by a new one, and snapshotted again."""
    source, name = os.path.join(out, old), f"{old}_to_{new}"
    target = os.path.join(out, name)
    shutil.rmtree(target, ignore_errors=True)
    with open(os.path.join(source, "manifest.json")) as f:
        before = json.load(f)
    wanted = [i for i in before["snapshots"]["snap2"]["indices"] if i in UPGRADED]
    lab = Lab(new, ["old", "repo"])
    with lab as s:
        shutil.copytree(os.path.join(source, "repo"), lab.path("old"), dirs_exist_ok=True)
        s.old_ips = before["indices"]["nosource"]["settings"]["index"]["version"]["created"][0] in "12" and s.v[0] >= 5
        lab.register(s, "old")
        lab.register(s, "repo", compress=True)
        s.call("POST", "/_snapshot/old/snap2/_restore?wait_for_completion=true", {
            "indices": ",".join(wanted), "include_global_state": False, "include_aliases": False})
        s.call("GET", "/_cluster/health?wait_for_status=yellow&timeout=60s")
        for index in wanted:
            mappings = before["indices"][index]["mappings"]
            s.created[index] = [t for t in mappings if t in ("doc", "user", "order", "blog", "comment", "record")]
        with gzip.open(os.path.join(source, "truth", "nosource.ndjson.gz"), "rt") as f:
            s.sent["nosource"] = {d["_id"]: d["_sent"] for d in map(loads, f)}
        for index in ("updates", "updates_hard"):
            if index in wanted:
                s.bulk([l for i in range(60, 90, 2)
                        for l in (s.action("update", index, str(i)), {"doc": {"upgraded": True}})], may_fail=(404,))
                s.delete_docs(index, ["61", "new-3"], flush=False)
                s.index_docs(index, [(f"later-{i}", {"n": i}) for i in range(10)])
        s.index_docs("nested", [("p1", {"name": "new", "comments": [{"author": "x", "replies": [{"stars": 1}]}]})])
        s.index_docs("ids", [(i, {"again": i}) for i in ("7", "abcd", "later", "東京")])
        s.refresh_all()
        snapshots = {"snap1": snapshot(s, "repo", "snap1", wanted)}
        counts = write_truth(s, os.path.join(target, "truth"), wanted)
        described = {i: s.call("GET", "/" + quote(i))[i] for i in wanted}
        write_manifest(s, target, snapshots=snapshots, counts={"snap1": counts}, indices=described)
        shutil.copytree(lab.path("repo"), os.path.join(target, "repo"))
        report(s, name, counts)


def report(s, name, counts):
    for what, why in s.skipped.items():
        print(f"  {name}: no {what}: {why[:300]}")
    print(f"{name}: {len(counts)} indices, {sum(counts.values())} documents", flush=True)


def pack(name, out, directory):
    os.makedirs(directory, exist_ok=True)
    with tarfile.open(os.path.join(directory, name + ".tar.gz"), "w:gz") as archive:
        archive.add(os.path.join(out, name), name)


UPGRADES = [
    "es-1.7.6_to_es-2.4.6", "es-2.4.6_to_es-5.6.16", "es-5.6.16_to_es-6.8.23", "es-6.8.23_to_es-7.10.2",
    "es-7.10.2_to_es-8.17.4", "es-6.8.23_to_os-1.3.13", "es-7.10.2_to_os-2.19.1", "os-2.19.1_to_os-3.5.0",
]
PORT = []


def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument("versions", nargs="*", metavar="VERSION")
    p.add_argument("--out", default=os.path.join(HERE, "../../.cache/snapshots"))
    p.add_argument("--pack", metavar="DIR", help="also pack each result as DIR/NAME.tar.gz")
    p.add_argument("--port", type=int, help="HTTP port; a free one by default")
    opts = p.parse_args()
    if opts.port:
        PORT[:] = ["--port", str(opts.port)]
    names = opts.versions or subprocess.run(
        [SEARCHLAB, "versions"], check=True, stdout=subprocess.PIPE, text=True).stdout.split() + UPGRADES
    failed = []
    for name in names:
        old, upgraded, new = name.partition("_to_")
        try:
            if upgraded:
                upgrade(old, new, os.path.abspath(opts.out))
            else:
                make(name, os.path.abspath(opts.out))
            if opts.pack:
                pack(name, os.path.abspath(opts.out), opts.pack)
        except (Failure, subprocess.CalledProcessError) as e:
            print(f"{name}: {e}", flush=True)
            failed.append(name)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
