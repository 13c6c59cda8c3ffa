"""Makes sdk_requests.json: requests signed by the public client library, as they go over the wire.

    python3 -m venv venv && venv/bin/pip install huaweicloudsdkcore==3.1.219
    venv/bin/python make.py > sdk_requests.json

The keys and the time are made up and fixed, so that a second run makes the same file.
"""

import base64
import json

from huaweicloudsdkcore.auth.credentials import BasicCredentials
from huaweicloudsdkcore.sdk_request import SdkRequest
from huaweicloudsdkcore.signer.signer import Signer

AK, SK, DATE = "BILLETGOLDENACCESSKEY", "golden+secret/key=not-a-real-one", "20261125T101112Z"
HOST, PROJECT = "controller.example:8443", "0123456789abcdef0123456789abcdef"


def request(name, method, path, query=(), body=b"", headers=None):
    given = {"Content-Type": "application/json", "User-Agent": "huaweicloud-usdk-python/3.0",
             "X-Project-Id": PROJECT, "X-Sdk-Date": DATE}
    given.update(headers or {})
    sdk = SdkRequest(method=method, schema="https", host=HOST, resource_path=path, query_params=list(query),
                     header_params=given, body=body)
    signed = Signer(BasicCredentials(AK, SK, PROJECT)).sign(sdk)
    return {"name": name, "method": method, "uri": signed.uri, "headers": signed.header_params,
            "body": base64.b64encode(body).decode()}


BASE = f"/v1/{PROJECT}"
CREATE = json.dumps({"name": "web-1", "password": "Golden-2026!", "description": "b\u00fcro"}).encode()
print(json.dumps({"access_key": AK, "secret_key": SK, "date": DATE, "requests": [
    request("a plain list", "GET", f"{BASE}/instances"),
    request("a query out of order, with commas and blanks", "GET", f"{BASE}/instances",
            [("marker", "b c"), ("limit", 10), ("instance_id", "a,b"), ("dry_run", True), ("empty", "")]),
    request("one key with several values", "GET", f"{BASE}/physicalservers",
            [("tag", ["z", "a~b", "a b"]), ("Zone", "1"), ("a+b", "c&d=e/f")]),
    request("a body", "POST", f"{BASE}/instances", body=CREATE),
    request("a client token and a header beyond ASCII", "POST", f"{BASE}/instances", body=CREATE,
            headers={"X-Client-Token": "  once-only  ", "X-Note": "b\u00fcro"}),
    request("a path that ends in a slash", "DELETE", f"{BASE}/instances/"),
    request("a path with escapes", "GET", f"{BASE}/instances/a%20b%C3%BC~"),
    request("a body of another type is not signed", "POST", f"{BASE}/images", [("name", "debian")], b"\x00\xff raw",
            headers={"Content-Type": "application/octet-stream"}),
    request("no body of another type", "POST", f"{BASE}/images", headers={"Content-Type": "text/plain"}),
]}, indent=1, ensure_ascii=True))
