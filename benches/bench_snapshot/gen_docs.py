"""Seeded generator of realistic documents: 60 % access logs, 40 % products, words by Zipf's law.

The same seed and number give the same documents. 5 % have a routing; ids are base64-like (70 %), numbers (20 %) or
names (10 %). `churn` gives the rewrites and deletes that follow, so that segments have deleted documents.
"""
import base64
import itertools
import json
import random

ONSETS = "b c d f g h j k l m n p r s t v w z ch sh th st tr br cl gr pl qu".split()
NUCLEI = "a e i o u ai ea ee ou io".split()
CODAS = "n r s t l m d k ng st rt ck nd".split() + [""] * 4
COMMON = ("the of and to in for is on with as by at from error request failed connection user timeout server response "
          "data service null file not cache").split()
AGENTS = [
    "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/124.0.0.0 Safari/537.36",
    "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.4 Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:125.0) Gecko/20100101 Firefox/125.0",
    "curl/8.5.0", "python-requests/2.31.0", "Go-http-client/2.0", "okhttp/4.12.0",
]
LEVELS = ["INFO"] * 4 + ["DEBUG", "WARN", "ERROR"]
METHODS = ["GET"] * 3 + ["POST", "PUT", "DELETE", "HEAD"]
STATUSES = [200] * 4 + [201, 204, 301, 304, 400, 401, 403, 404, 500, 502, 503]
SERVICES = "checkout catalog auth payments search recommendation shipping inventory gateway notifications".split()
COLORS = ["black", "white", "red", "navy blue", "forest green", "silver", "rosé", "grün", "青", "anthracite"]
CATEGORIES = ["Electronics", "Home & Kitchen", "Garden", "Sports", "Toys & Games", "Books", "Automotive", "Health"]
REWRITTEN, DELETED = 150, 151


class Generator:
    def __init__(self, seed=42, words=30_000):
        self.seed = seed
        self.vocabulary = vocabulary(random.Random(seed), words)
        self.weights = list(itertools.accumulate((rank + 2.7) ** -1.08 for rank in range(words)))

    def action(self, i):
        """The `_id` of document `i`, and its routing where it has one."""
        rng = random.Random(f"{self.seed} id {i}")
        kind = i % 10
        if kind < 7:
            action = {"_id": base64.urlsafe_b64encode(rng.randbytes(15)).decode()}
        elif kind < 9:
            action = {"_id": str(1_000_000 + i)}
        else:
            action = {"_id": f"sku-{rng.getrandbits(24):06x}:{i}"}
        if i % 20 == 7:
            action["routing"] = f"tenant-{rng.randrange(500)}"
        return action

    def source(self, i, revision=0):
        rng = random.Random(f"{self.seed} {revision} {i}")
        document = self.log(rng, i, revision) if i % 5 < 3 else self.product(rng, i, revision)
        return json.dumps(document, ensure_ascii=False, separators=(",", ":")).encode()

    def churn(self, count):
        """(`i`, revision, or None for a delete) of all that happens after the first `count` documents."""
        yield from ((i, 1) for i in range(0, count, REWRITTEN))
        yield from ((i, None) for i in range(0, count, DELETED))

    def words(self, rng, count):
        return rng.choices(self.vocabulary, cum_weights=self.weights, k=count)

    def text(self, rng, count):
        words = self.words(rng, count)
        for at in range(7, count, 14):
            words[at] += rng.choice(",.")
        return " ".join(words).capitalize()

    def log(self, rng, i, revision):
        message = self.text(rng, rng.randrange(8, 38))
        if rng.randrange(12) == 0:
            message += '\n\tat com.example.%s("%s.java")' % tuple(self.words(rng, 2))
        return {
            "@timestamp": timestamp(i), "level": rng.choice(LEVELS), "service": rng.choice(SERVICES),
            "host": f"ip-10-{rng.randrange(4)}-{rng.randrange(16)}-{rng.randrange(256)}.ec2.internal",
            "pid": rng.randrange(100, 30_100), "rev": revision,
            "http": {
                "method": rng.choice(METHODS), "status": rng.choice(STATUSES),
                "path": "/api/v%d/%s/%s?id=%d" % (rng.randrange(1, 4), *self.words(rng, 2), rng.randrange(10**6)),
                "latency_ms": round(rng.expovariate(1 / 40), 3), "bytes": rng.randrange(90_000)},
            "client_ip": f"{rng.randrange(1, 221)}.{rng.randrange(256)}.{rng.randrange(256)}.{rng.randrange(1, 255)}",
            "user_agent": rng.choice(AGENTS), "trace_id": f"{rng.getrandbits(128):032x}", "message": message,
        }

    def product(self, rng, i, revision):
        return {
            "sku": f"{rng.getrandbits(40):010X}", "rev": revision, "name": self.text(rng, rng.randrange(3, 8)),
            "brand": self.vocabulary[rng.randrange(60, 860)], "category": rng.choices(CATEGORIES, k=2),
            "price": rng.randrange(100, 90_000) / 100, "currency": "EUR", "in_stock": rng.random() < 0.75,
            "stock": rng.randrange(2000), "rating": round(rng.uniform(1, 5), 1),
            "tags": self.words(rng, rng.randrange(1, 6)),
            "attributes": {"color": rng.choice(COLORS), "size": rng.choice("SML"),
                           "weight_g": rng.randrange(10, 9010), "warranty_months": None},
            "location": {"lat": round(rng.uniform(-90, 90), 5), "lon": round(rng.uniform(-180, 180), 5)},
            "created_at": timestamp(i), "description": self.text(rng, rng.randrange(30, 100)),
        }


def vocabulary(rng, size):
    words = dict.fromkeys(COMMON)
    while len(words) < size:
        syllables = (rng.choice(ONSETS) + rng.choice(NUCLEI) + rng.choice(CODAS) for _ in range(rng.randrange(2, 5)))
        words["".join(syllables)] = None
    return list(words)


def timestamp(i):
    seconds, millis = divmod(i * 700, 1000)
    minutes, second = divmod(seconds, 60)
    hours, minute = divmod(minutes, 60)
    day, hour = divmod(hours, 24)
    return f"2023-11-{14 + day:02d}T{hour:02d}:{minute:02d}:{second:02d}.{millis:03d}Z"
