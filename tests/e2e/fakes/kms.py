"""AWS's key management service for the real engine, with no AWS: it encrypts with a key of its own.

with answering() as env:
    stack.pulumi("stack", "change-secrets-provider", "awskms://alias/test?region=eu-central-1", env=env)
"""

from __future__ import annotations

import base64
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from cryptography.fernet import Fernet

KEY_ID = "arn:aws:kms:eu-central-1:123456789012:key/00000000-0000-0000-0000-000000000000"

_key = Fernet(Fernet.generate_key())


class _Handler(BaseHTTPRequestHandler):
    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        answer: dict[str, Any] = {"KeyId": KEY_ID, "EncryptionAlgorithm": "SYMMETRIC_DEFAULT"}
        if self.headers["X-Amz-Target"].endswith(".Encrypt"):
            answer["CiphertextBlob"] = base64.b64encode(_key.encrypt(base64.b64decode(asked["Plaintext"]))).decode()
        else:
            answer["Plaintext"] = base64.b64encode(_key.decrypt(base64.b64decode(asked["CiphertextBlob"]))).decode()
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def answering() -> Iterator[dict[str, str]]:
    """Serves it in this process; gives the variables that lead a client there."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,))
    thread.start()
    try:
        yield {
            "AWS_ENDPOINT_URL_KMS": f"http://127.0.0.1:{server.server_port}",
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
        }
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
