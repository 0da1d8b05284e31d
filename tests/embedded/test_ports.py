from __future__ import annotations

import pytest

from include.embedded import network, ports
from include.errors import ClusterError

FREE = """\
tcp LISTEN 0 128 127.0.0.1:5432 0.0.0.0:* users:(("postgres",pid=9,fd=3))
udp UNCONN 0 0 127.0.0.53%lo:53 0.0.0.0:* users:(("resolver",pid=8,fd=3))
tcp LISTEN 0 128 127.0.0.1:53 0.0.0.0:*
tcp LISTEN 0 128 [::1]:12379 [::]:*
"""
TAKEN = """\
tcp LISTEN 0 128 0.0.0.0:16443 0.0.0.0:* users:(("other-api",pid=42,fd=3))
udp UNCONN 0 0 *:53 *:*
tcp LISTEN 0 128 127.0.0.1:12379 0.0.0.0:* users:(("etcd",pid=7,fd=3),("etcd",pid=7,fd=4))
"""


def test_ports_of_other_addresses_do_not_matter(monkeypatch, commands):
    commands.answers = {"ss": FREE}
    monkeypatch.setattr(ports, "run", commands)
    ports.require_free()


def test_a_taken_port_is_named_with_its_process(monkeypatch, commands):
    commands.answers = {"ss": TAKEN}
    monkeypatch.setattr(ports, "run", commands)
    with pytest.raises(ClusterError) as caught:
        ports.require_free()
    message = str(caught.value)
    assert (
        "port 16443 of 10.99.0.1, which the API server needs, is in use by other-api (pid 42)"
        in message
    )
    assert "port 53 of 10.99.0.1, which CoreDNS needs, is in use by another process" in message
    assert "which etcd needs, is in use by etcd (pid 7)" in message
    assert "make clean" in message


def test_an_address_range_that_is_in_use_is_refused(monkeypatch, commands):
    monkeypatch.setattr(network, "run", commands)
    own = '[{"ifname": "opb0", "addr_info": [{"local": "10.99.0.1"}]}]'
    commands.answers = {"ip -json": own}
    network.require_free_range()
    commands.answers = {"ip -json": own.replace("opb0", "eth0")}
    with pytest.raises(ClusterError, match=r"eth0 has the address 10\.99\.0\.1"):
        network.require_free_range()
