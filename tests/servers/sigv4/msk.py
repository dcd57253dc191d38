#!/usr/bin/env python3
"""Makes tokens for Amazon MSK with AWS's own signer and prints them as JSON: what ferry's tokens are compared with.

    tests/servers/sigv4/msk.py > tests/fixtures/sigv4/msk.json

The signer is installed into a Python environment below .cache. Sends nothing; the keys are those of AWS's own examples.
"""

import datetime
import json
import os
import subprocess
import sys

SIGNER = ["aws-msk-iam-sasl-signer-python==1.0.2", "botocore==1.42.1"]
ROOT = os.path.abspath(os.path.join(os.path.dirname(__file__), "../../.."))
VENV = os.path.join(ROOT, ".cache/msk")

KEY = "AKIDEXAMPLE"
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
TOKEN = "IQoJb3JpZ2luX2VjEXAMPLE//token+with/special=characters=="
TIME = datetime.datetime(2015, 8, 30, 12, 36, 0)


def into_venv():
    """Starts this script again with a Python that has the signer."""
    marker = os.path.join(VENV, "installed")
    python = os.path.join(VENV, "bin/python3")
    if not os.path.exists(marker) or open(marker).read() != str(SIGNER):
        subprocess.check_call([sys.executable, "-m", "venv", "--clear", VENV], stdout=sys.stderr)
        subprocess.check_call([python, "-m", "pip", "--quiet", "install", *SIGNER], stdout=sys.stderr)
        with open(marker, "w") as file:
            file.write(str(SIGNER))
    os.execv(python, [python, os.path.abspath(__file__), "in-venv"])


def token(region, session):
    import botocore.auth
    import botocore.credentials
    from aws_msk_iam_sasl_signer import MSKAuthTokenProvider as provider

    class Provider(botocore.credentials.CredentialProvider):
        def load(self):
            return botocore.credentials.Credentials(KEY, SECRET, session)

    botocore.auth.get_current_datetime = lambda *_: TIME
    made, expires = provider.generate_auth_token_from_credentials_provider(region, Provider())
    return {"region": region, "session": session, "token": made, "expires_ms": expires}


def main():
    if sys.argv[1:] != ["in-venv"]:
        into_venv()
    made = [token("us-east-1", None), token("eu-central-1", TOKEN)]
    print("[\n" + ",\n".join(json.dumps(one, sort_keys=True) for one in made) + "\n]")


if __name__ == "__main__":
    main()
