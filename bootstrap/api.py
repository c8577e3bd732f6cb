"""Signed requests to the service's API, as curl would send them."""

from __future__ import annotations

import json
import urllib.error
import urllib.request

from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from local_cloud import CREDENTIALS, REGION


class Api:
    def __init__(self, url):
        self.url = url

    def get(self, path):
        return self._send("GET", path)

    def post(self, path, body, **headers):
        return self._send("POST", path, json.dumps(body), {"content-type": "application/json", **headers})

    def _send(self, method, path, body=None, headers=None):
        """Status and parsed body of the answer, whatever the status is."""
        signed = AWSRequest(method, self.url + path, headers or {}, body)
        SigV4Auth(Credentials(*CREDENTIALS.values()), "execute-api", REGION).add_auth(signed)
        request = urllib.request.Request(self.url + path, body and body.encode(), dict(signed.headers.items()), method=method)
        direct = urllib.request.build_opener(urllib.request.ProxyHandler({}))
        try:
            with direct.open(request, timeout=35) as answer:
                status, text = answer.status, answer.read()
        except urllib.error.HTTPError as refused:
            status, text = refused.code, refused.read()
        try:
            return status, json.loads(text)
        except ValueError:
            return status, {"detail": text.decode(errors="replace")}
