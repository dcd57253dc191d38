#!/usr/bin/env python3
"""Lay the files of a snapshot's shards out as Lucene directories.

  lay_out.py REPOSITORY SNAPSHOT OUT [--index NAME]...

Writes OUT/INDEX/SHARD/ with the files by their physical names: links to blobs of one part, joined copies of the
others, and the files that stand in the shard's metadata. Prints a line for each shard: directory, major version of
the newest Lucene that wrote in it, index, shard. Reads repositories of Elasticsearch 1 to 9 and OpenSearch 1 to 3.
"""
import argparse
import base64
import glob
import json
import os
import re
import struct
import zlib


# ------------------------------------------------------------------------------------------------------------- SMILE

class Smile:
    """Decodes one SMILE document. Spec: https://github.com/FasterXML/smile-format-specification"""

    def __init__(self, data):
        if data[:3] != b":)\n":
            raise ValueError("no SMILE header")
        self.data, self.at = data, 4
        self.names = [] if data[3] & 1 else None
        self.texts = [] if data[3] & 2 else None

    def take(self, length):
        self.at += length
        return self.data[self.at - length:self.at]

    def byte(self):
        return self.take(1)[0]

    def vint(self):
        value = 0
        while True:
            byte = self.byte()
            if byte & 0x80:
                return value << 6 | byte & 0x3F
            value = value << 7 | byte

    def zigzag(self):
        value = self.vint()
        return value >> 1 ^ -(value & 1)

    def until_end(self):
        end = self.data.index(b"\xfc", self.at)
        text = self.take(end - self.at)
        self.at += 1
        return text.decode()

    def seven_bit(self, length):
        """`length` bytes that were written as groups of seven bits, the last group right-aligned."""
        value = 0
        groups, rest = divmod(length * 8, 7)
        for _ in range(groups):
            value = value << 7 | self.byte()
        if rest:
            value = value << rest | self.byte()
        return value.to_bytes(length, "big")

    @staticmethod
    def share(table, text):
        if table is not None and len(text.encode()) <= 64:
            if len(table) == 1024:
                table.clear()
            table.append(text)
        return text

    def name(self):
        """A key of an object, or None at its end."""
        token = self.byte()
        if token == 0xFB:
            return None
        if token == 0x20:
            return ""
        if 0x30 <= token <= 0x33:
            return self.names[(token & 3) << 8 | self.byte()]
        if token == 0x34:
            return self.until_end()
        if 0x40 <= token <= 0x7F:
            return self.names[token & 0x3F]
        length = (token & 0x3F) + 1 if token < 0xC0 else (token & 0x3F) + 2
        return self.share(self.names, self.take(length).decode())

    def value(self):
        token = self.byte()
        if token <= 0x1F:
            return self.texts[token - 1]
        if token in (0x20, 0x21, 0x22, 0x23):
            return {0x20: "", 0x21: None, 0x22: False, 0x23: True}[token]
        if token in (0x24, 0x25):
            return self.zigzag()
        if token == 0x28:
            return struct.unpack(">f", self.seven_bit(4))[0]
        if token == 0x29:
            return struct.unpack(">d", self.seven_bit(8))[0]
        if 0x40 <= token <= 0xBF:
            base = {0x40: 1, 0x60: 33, 0x80: 2, 0xA0: 34}[token & 0xE0]
            return self.share(self.texts, self.take((token & 0x1F) + base).decode())
        if 0xC0 <= token <= 0xDF:
            return (token & 0x1F) >> 1 ^ -(token & 1)
        if token in (0xE0, 0xE4):
            return self.until_end()
        if token == 0xE8:
            return self.seven_bit(self.vint())
        if 0xEC <= token <= 0xEF:
            return self.texts[(token & 3) << 8 | self.byte()]
        if token == 0xF8:
            return self.array()
        if token == 0xFA:
            return self.object()
        if token == 0xFD:
            return self.take(self.vint())
        raise ValueError(f"SMILE token {token:#x} at {self.at - 1}")

    def array(self):
        values = []
        while self.data[self.at] != 0xF9:
            values.append(self.value())
        self.at += 1
        return values

    def object(self):
        values = {}
        while (name := self.name()) is not None:
            values[name] = self.value()
        return values


# -------------------------------------------------------------------------------------------------------- repository

def blob(path):
    """The value of a metadata blob: JSON, or a codec header, then SMILE or JSON, deflated or not, then a footer."""
    with open(path, "rb") as f:
        data = f.read()
    if data[:4] == b"\x3f\xd7\x6c\x17":
        data = data[4 + 1 + data[4] + 4:-16]
    if data[:4] == b"DFL\0":
        data = zlib.decompressobj(-15).decompress(data[4:])
    return Smile(data).value() if data[:3] == b":)\n" else json.loads(data)


def shard_snapshots(repository, snapshot):
    """(index, shard, path of the shard's metadata of that snapshot) for each shard, in order."""
    roots = glob.glob(os.path.join(glob.escape(repository), "index-*"))
    if not roots:
        paths = glob.glob(os.path.join(glob.escape(repository), "indices", "*", "*", f"*{glob.escape(snapshot)}*"))
        names = {f"snapshot-{snapshot}", f"snap-{snapshot}.dat"}
        found = [(*path.split(os.sep)[-3:-1], path) for path in paths if os.path.basename(path) in names]
        yield from sorted((index, int(shard), path) for index, shard, path in found)
        return
    newest = max(roots, key=lambda path: int(path.rpartition("-")[2]))
    data = blob(newest)
    [uuid] = [entry["uuid"] for entry in data["snapshots"] if entry["name"] == snapshot]
    by_id = {value["id"]: name for name, value in data["indices"].items()}
    found = []
    for folder, _, files in os.walk(repository):  # OpenSearch 3 puts hashes into the paths
        shard, index = os.path.basename(folder), os.path.basename(os.path.dirname(folder))
        if index in by_id and f"snap-{uuid}.dat" in files:
            found.append((by_id[index], int(shard), os.path.join(folder, f"snap-{uuid}.dat")))
    yield from sorted(found)


def in_metadata(file):
    content = file["meta_hash"]
    return content if isinstance(content, bytes) else base64.b64decode(content)


def lay_out_file(file, folder, directory):
    target = os.path.join(directory, file["physical_name"])
    if file["name"].startswith("v__"):
        with open(target, "wb") as f:
            f.write(in_metadata(file))
        return
    path = os.path.join(folder, file["name"])
    if os.path.exists(path):
        os.symlink(os.path.abspath(path), target)
        return
    parts = -(-file["length"] // file["part_size"])
    with open(target, "wb") as joined:
        for part in range(parts):
            with open(f"{path}.part{part}", "rb") as f:
                joined.write(f.read())
    if os.path.getsize(target) != file["length"]:
        raise ValueError(f"{target}: {os.path.getsize(target)} bytes, not {file['length']}")


def lay_out(repository, snapshot, out, wanted=()):
    """Yields (directory, major version of Lucene, index, shard)."""
    for index, shard, path in shard_snapshots(repository, snapshot):
        if wanted and index not in wanted:
            continue
        metadata = blob(path)
        files = metadata.get("files") or metadata.get("snapshot", {}).get("files", [])
        directory = os.path.join(out, index, str(shard))
        os.makedirs(directory)
        for file in files:
            lay_out_file(file, os.path.dirname(path), directory)
        versions = [int(re.match(r"\d+", file["written_by"])[0]) for file in files if file.get("written_by")]
        yield directory, max(versions, default=4), index, shard


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("repository")
    parser.add_argument("snapshot")
    parser.add_argument("out")
    parser.add_argument("--index", action="append", default=[])
    options = parser.parse_args()
    for row in lay_out(options.repository, options.snapshot, options.out, options.index):
        print(*row, sep="\t")


if __name__ == "__main__":
    main()
