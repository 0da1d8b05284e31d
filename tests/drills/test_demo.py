"""`bin/demo` ended from outside: what is noted of it, with a program in its place."""

import signal

import pytest

from include.drills import demo
from include.drills.demo import DemoCase

pytestmark = pytest.mark.timeout(60)
AT_WORK = "while a job runs"
STAND_IN = """\
#!/bin/bash
trap 'echo "stopped; removing the cluster"; exit 130' INT TERM HUP
mkdir -p "$OPERATOR_BENCHMARK_RESULTS/study/points/p"
touch "$OPERATOR_BENCHMARK_RESULTS/study/points/p/manifest.yaml"
{more}
while true; do sleep 0.1; done
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    monkeypatch.setattr(demo, "ROOT", tmp_path)
    monkeypatch.setattr(demo, "simulated_root", lambda: tmp_path / "no-cluster")
    (tmp_path / "bin").mkdir()

    def write(name, text):
        program = tmp_path / "bin" / name
        program.write_text(text)
        program.chmod(0o755)

    write("opbench", "#!/bin/sh\nsleep 0.5\n")  # by then the killed run's own `sleep` is over
    write("demo", STAND_IN.format(more=""))
    # Tests that run in the background of a shell ignore SIGINT, and so would their programs.
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield write
    signal.signal(signal.SIGINT, before)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_a_run_that_ends_as_told_and_leaves_nothing_keeps_the_promise(stand_in, number):
    case = DemoCase(step=AT_WORK, number=number)
    assert demo.play(case).breaches(case.promise) == []


def test_a_process_that_stays_is_told_and_ended(stand_in):
    stand_in("demo", STAND_IN.format(more="setsid sleep 30 &"))
    case = DemoCase(step=AT_WORK, number=signal.SIGINT)
    outcome = demo.play(case)
    assert [name for name in outcome.left if "sleep 30" in name]
    assert any("left behind" in breach for breach in outcome.breaches(case.promise))


def test_a_run_that_ends_before_the_step_is_told_with_its_output(stand_in):
    stand_in("demo", "#!/bin/sh\necho no such cluster\nexit 2\n")
    outcome = demo.play(DemoCase(step=AT_WORK, number=signal.SIGINT))
    assert "no such cluster" in outcome.broken[0]


def test_ctrl_c_is_played_at_each_step_and_a_kill_is_cleaned_up():
    names = [case.name for case in demo.cases()]
    assert "`make demo` gets SIGINT in destroy" in names
    assert "`make demo` gets SIGKILL while a job runs, then `make clean`" in names
