import pytest

from include.kube.log_text import joined, marked, of_container

ONE, TWO, THREE = (
    b"2026-01-01T00:00:00.5Z one\n",
    b"2026-01-01T00:00:00.51Z two\r2\n",
    b"2026-01-01T00:00:01Z three\n",
)
# The clock of a node in Berlin is set back by an hour between these two.
SUMMER, WINTER = b"2026-10-25T02:59:59.9+02:00 s\n", b"2026-10-25T02:00:00.1+01:00 w\n"


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
        (SUMMER, WINTER, SUMMER + WINTER),
        (WINTER, SUMMER, WINTER),
    ],
)
def test_readings_of_one_log_lose_nothing_together(before, after, together):
    assert joined(before, after).text == together


@pytest.mark.parametrize(
    ("before", "after", "is_marked"),
    [
        (ONE, TWO, True),
        (ONE + TWO[:-4], THREE, True),
        (ONE + TWO, TWO + THREE, False),
        (ONE + TWO[:-4], ONE + TWO, False),
        (ONE + TWO, ONE, False),
        (b"", TWO, False),
    ],
)
def test_where_lines_may_be_missing_the_log_is_marked(before, after, is_marked):
    union = joined(before, after)
    assert (union.gap is not None) is is_marked
    text = marked(union.text, [union.gap] if union.gap else [])
    assert (b"[the launcher's log may lack lines between" in text) is is_marked
    assert text.replace(f"[{union.gap}]\n".encode(), b"") == union.text


def test_a_gap_is_marked_between_the_lines_that_it_names():
    union = joined(ONE, TWO + THREE)
    assert str(union.gap).startswith(
        "the launcher's log may lack lines between 2026-01-01T00:00:00.5Z and "
        "2026-01-01T00:00:00.51Z, "
    )
    assert marked(union.text, [union.gap]) == ONE + f"[{union.gap}]\n".encode() + TWO + THREE


def test_lines_without_a_stamp_are_the_kubelets():
    text = ONE + b"unable to retrieve container logs for containerd://1\n" + TWO + b"rpc error"
    complaints = ("unable to retrieve container logs for containerd://1", "rpc error")
    assert of_container(text) == (ONE + TWO, complaints)
