#!/usr/bin/env python3
"""Signs requests with botocore and prints them as JSON: what ferry's signatures are compared with.

    tests/servers/sigv4/vectors.py > tests/fixtures/sigv4/botocore.json

botocore is installed into a Python environment below .cache. Sends nothing; the keys are those of AWS's own examples.
"""

import datetime
import json
import os
import subprocess
import sys

BOTOCORE = "botocore==1.42.1"
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
VENV = os.path.join(ROOT, ".cache/sigv4")

KEY = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE//token+with/special=characters=="
TIME = datetime.datetime(2015, 8, 30, 12, 36, 0, tzinfo=datetime.timezone.utc)

HOST = {"es": "https://search-x.eu-central-1.es.amazonaws.com", "aoss": "https://x.us-east-1.aoss.amazonaws.com"}
REGION = {"es": "eu-central-1", "aoss": "us-east-1"}
JSON = {"content-type": "application/json"}
NDJSON = {"content-type": "application/x-ndjson"}
GZIP = {"content-type": "application/x-ndjson", "content-encoding": "gzip"}
BULK = '{"index":{"_id":"1"}}\n{"name":"Gr\u00f6\u00dfe"}\n'
# name, method, path and query, headers, body. botocore takes a query as it is; AWS, and so ferry, encodes what has to be encoded.
REQUESTS = [
    ("root", "GET", "/", {}, ""),
    ("bulk", "POST", "/logs-2024.01/_bulk", NDJSON, BULK),
    ("bulk, compressed", "POST", "/logs-2024.01/_bulk", GZIP, "\x1f\u008b\u0008 not really"),
    ("date math in the index", "POST", "/%3Clogs-%7Bnow%2Fd%7D%3E/_bulk", NDJSON, BULK),
    ("not ASCII in the index", "PUT", "/gr%C3%B6%C3%9Fe%20%2B%3D%26", JSON, "{}"),
    ("unreserved characters", "HEAD", "/a-b._~c/_doc/1", {}, ""),
    ("percent, star and comma", "GET", "/a*,b%25/_count", {}, ""),
    ("query", "GET", "/_cluster/settings?include_defaults=true&flat_settings=true", {}, ""),
    ("query, to be sorted and encoded", "GET", "/_search?z=1&a=2&filter_path=nodes.%2A.version&b=x%20y%2Fz&Z=", {}, ""),
    ("query without value", "GET", "/_nodes?pretty&human", {}, ""),
    ("a port of its own", "GET", ":9443/_cat/indices", {}, ""),
]


def into_venv():
    """Starts this script again with a Python that has botocore."""
    marker = os.path.join(VENV, "installed")
    python = os.path.join(VENV, "bin/python3")
    if not os.path.exists(marker) or open(marker).read() != BOTOCORE:
        subprocess.check_call([sys.executable, "-m", "venv", "--clear", VENV], stdout=sys.stderr)
        subprocess.check_call([python, "-m", "pip", "--quiet", "install", BOTOCORE], stdout=sys.stderr)
        with open(marker, "w") as file:
            file.write(BOTOCORE)
    os.execv(python, [python, os.path.abspath(__file__), "in-venv"])


def signed(service, token, name, method, path, headers, body):
    import hashlib

    import botocore.auth
    import botocore.awsrequest
    import botocore.credentials

    url = HOST[service] + path
    data = body.encode("latin-1") if headers.get("content-encoding") else body.encode()
    headers = dict(headers)
    request = botocore.awsrequest.AWSRequest(method=method, url=url, data=data, headers=headers)
    # As the services' own clients do: the signer adds this header for S3 only.
    request.headers["x-amz-content-sha256"] = hashlib.sha256(data).hexdigest()
    credentials = botocore.credentials.Credentials(KEY, SECRET, token)
    botocore.auth.get_current_datetime = lambda *_: TIME.replace(tzinfo=None)
    botocore.auth.SigV4Auth(credentials, service, REGION[service]).add_auth(request)
    assert request.headers["x-amz-date"] == "20150830T123600Z", "botocore takes its time from somewhere else"
    return {
        "name": f"{service}: {name}",
        "service": service,
        "region": REGION[service],
        "token": token,
        "method": method,
        "url": url,
        "headers": headers,
        "body": list(data),
        "content_sha256": request.headers["x-amz-content-sha256"],
        "authorization": request.headers["Authorization"],
    }


def main():
    if sys.argv[1:] != ["in-venv"]:
        into_venv()
    vectors = [signed(service, None, *request) for service in HOST for request in REQUESTS]
    vectors += [signed(service, TOKEN, *request) for service in HOST for request in REQUESTS[:2]]
    print("[")
    print(",\n".join(json.dumps(vector, sort_keys=True) for vector in vectors))
    print("]")


if __name__ == "__main__":
    main()
