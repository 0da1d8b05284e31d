"""An S3 store of its own on loopback, and the Airflow connection to it."""

from __future__ import annotations

import itertools
import json
import logging
import urllib.request
from contextlib import contextmanager

from moto.server import ThreadedMotoServer

KEY_ID, SECRET = "AKIAIOSFODNN7EXAMPLE", "only-for-tests/bPxRfiCYEXAMPLEKEY"
CONNECTION = "object_store"
_numbers = itertools.count()


class ObjectStore:
    """A running store; buckets are made one by one, as moto's other tests forget them."""

    def __init__(self, endpoint: str):
        self.endpoint = endpoint

    def new_bucket(self) -> str:
        name = f"bucket-{next(_numbers)}"
        request = urllib.request.Request(f"{self.endpoint}/{name}", method="PUT")  # noqa: S310
        urllib.request.urlopen(request, timeout=10).close()  # noqa: S310  loopback
        return name

    @property
    def connection(self) -> str:
        """Value of the variable that defines the connection."""
        extra = {"endpoint_url": self.endpoint, "region_name": "us-east-1"}
        given = {"conn_type": "aws", "login": KEY_ID, "password": SECRET, "extra": extra}
        return json.dumps(given)


@contextmanager
def serving():
    """A store until the end of the block."""
    logging.getLogger("werkzeug").setLevel(logging.WARNING)  # a line per request
    server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    try:
        yield ObjectStore(f"http://127.0.0.1:{server.get_host_and_port()[1]}")
    finally:
        server.stop()
