import pytest

from include.kube.log_text import joined, of_container

ONE, TWO, THREE = (
    b"2026-01-01T00:00:00.5Z one\n",
    b"2026-01-01T00:00:00.51Z two\r2\n",
    b"2026-01-01T00:00:01Z three\n",
)


@pytest.mark.parametrize(
    ("before", "after", "together"),
    [
        (b"", ONE, ONE),
        (ONE, ONE + TWO, ONE + TWO),
        (ONE + TWO, ONE, ONE + TWO),
        (ONE + TWO, b"", ONE + TWO),
        (ONE + TWO, TWO + THREE, ONE + TWO + THREE),  # the first part was moved away
        (ONE + TWO[:-4], TWO + THREE, ONE + TWO + THREE),  # and a line was cut off before
        (ONE, TWO, ONE + TWO),
        (ONE + TWO, THREE, ONE + TWO + THREE),
        (TWO + THREE, ONE, TWO + THREE),
    ],
)
def test_readings_of_one_log_lose_nothing_together(before, after, together):
    assert joined(before, after) == together


def test_lines_without_a_stamp_are_the_kubelets():
    text = ONE + b"unable to retrieve container logs for containerd://1\n" + TWO + b"rpc error"
    complaints = ("unable to retrieve container logs for containerd://1", "rpc error")
    assert of_container(text) == (ONE + TWO, complaints)
