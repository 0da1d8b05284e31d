"""What must hold of the files that put the pipeline on a server; nothing is started here."""

from __future__ import annotations

import ast
import re
import shutil
import subprocess
from pathlib import Path

import pytest
import yaml

from include.adapters import OWN_FOLDER
from include.study import presets

ROOT = Path(__file__).resolve().parents[2]
COMPOSE = ROOT / "docker-compose.yaml"
DOCKERFILE = (ROOT / "Dockerfile").read_text()
SERVICES = yaml.safe_load(COMPOSE.read_text())["services"]
ONCE = {"first-start", "migrate"}
LASTING = sorted(set(SERVICES) - ONCE)
OURS = sorted(set(SERVICES) - {"postgres", "object-store"})
VARIABLE = re.compile(r"\$\{([A-Z_]+):?-?([^}]*)\}")


def env_file(path):
    lines = (line for line in (ROOT / path).read_text().splitlines() if line)
    return dict(line.split("=", 1) for line in lines if not line.startswith("#"))


def test_the_services_are_those_that_are_used():
    assert set(SERVICES) == ONCE | {
        "postgres",
        "api-server",
        "scheduler",
        "dag-processor",
        "housekeeping",
        "object-store",
    }


def test_nothing_defers_as_there_is_no_triggerer():
    wiring = [*(ROOT / "dags").glob("*.py"), *(ROOT / "plugins").glob("*.py")]
    text = "\n".join(path.read_text() for path in wiring)
    assert not re.search(r"\bself\.defer\(|deferrable=True|AsyncCallback|BaseTrigger", text)


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_no_service_is_root_or_can_become_it(name):
    service = SERVICES[name]
    user = VARIABLE.sub(r"\2", service["user"])
    assert all(int(number) > 0 for number in user.split(":"))
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert not service.get("privileged")
    assert not any("docker.sock" in str(mount) for mount in service["volumes"])


@pytest.mark.parametrize("name", LASTING)
def test_a_lasting_service_has_a_health_check_and_comes_back(name):
    service = SERVICES[name]
    assert service["restart"] == "unless-stopped"
    check = service["healthcheck"]
    assert set(check) == {"test", "interval", "timeout", "retries", "start_period"}


@pytest.mark.parametrize("name", sorted(ONCE))
def test_a_service_that_runs_once_is_not_started_again(name):
    assert SERVICES[name]["restart"] == "no"


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_logs_of_containers_have_an_end(name):
    assert set(SERVICES[name]["logging"]["options"]) == {"max-size", "max-file"}


def test_services_start_in_an_order_that_works():
    needs = {
        name: {other: how["condition"] for other, how in dict(service["depends_on"]).items()}
        for name, service in SERVICES.items()
    }
    done = "service_completed_successfully"
    assert needs["first-start"] == {}
    assert needs["postgres"] == needs["object-store"] == {"first-start": done}
    assert needs["migrate"] == {"postgres": "service_healthy"}
    for name in ("api-server", "dag-processor", "housekeeping"):
        assert needs[name] == {"migrate": done}
    # An hourly DAG has a task due at once, which asks the API server.
    assert needs["scheduler"] == {"migrate": done, "api-server": "service_healthy"}


def test_ports_are_published_on_this_machine_alone():
    published = {name: service.get("ports", []) for name, service in SERVICES.items()}
    assert published.pop("api-server") == ["${UI_ADDRESS:-127.0.0.1}:${UI_PORT:-8180}:8180"]
    assert not any(published.values())


def test_no_secret_has_a_value_or_a_default():
    secret = re.compile(r"PASSWORD|SECRET|KEY|TOKEN|CREDENTIAL|CONN")
    for service in SERVICES.values():
        names = [name for name in service.get("environment", {}) if secret.search(name)]
        assert all(name.endswith(("_CMD", "_FILE")) for name in names)
    text = "\n".join([COMPOSE.read_text(), DOCKERFILE, (ROOT / ".env.example").read_text()])
    assert not re.search(r"://[^\s/]*:[^\s/]*@", text)
    assert {name for name, _ in VARIABLE.findall(text) if secret.search(name)} == {"CREDENTIALS"}
    assert not [
        line
        for line in DOCKERFILE.splitlines()
        if re.match(r"ARG|ENV", line) and secret.search(line)
    ]


def test_airflows_secrets_come_from_files():
    environment = SERVICES["scheduler"]["environment"]
    for setting in (
        "DATABASE__SQL_ALCHEMY_CONN",
        "CORE__FERNET_KEY",
        "API__SECRET_KEY",
        "API_AUTH__JWT_SECRET",
    ):
        assert f"AIRFLOW__{setting}" not in environment
        assert environment[f"AIRFLOW__{setting}_CMD"].startswith("cat /run/operator-benchmark/")


def test_only_who_checks_passwords_can_read_them_and_secrets_are_not_written():
    mounts = {name: service["volumes"] for name, service in SERVICES.items()}
    with_passwords = {
        n for n, found in mounts.items() if any(m.startswith("users:") for m in found)
    }
    assert with_passwords == {"first-start", "api-server"}
    for name in set(SERVICES) - {"first-start"}:
        secrets = [m for m in mounts[name] if "-secrets:" in m]
        assert secrets
        assert all(m.endswith(":ro") for m in secrets)


def test_results_and_logs_are_shared_by_who_writes_and_who_shows_them():
    for name in ("scheduler", "api-server"):
        targets = {m.split(":")[1] for m in SERVICES[name]["volumes"] if not m.startswith("$")}
        assert {"/opt/airflow/logs", "/var/lib/operator-benchmark/results"} <= targets


def test_volumes_have_names():
    named = set(yaml.safe_load(COMPOSE.read_text())["volumes"])
    used = {m.split(":")[0] for service in SERVICES.values() for m in service["volumes"]}
    assert {mount for mount in used if not mount.startswith("$")} == named


def test_the_tuned_settings_are_used_and_none_is_undone():
    tuned = env_file("config/airflow.env")
    assert tuned["AIRFLOW__SCHEDULER__SCHEDULER_IDLE_SLEEP_TIME"] == "0.1"
    for name in set(OURS) - {"first-start"}:
        assert SERVICES[name]["env_file"] == ["config/airflow.env"]
        changed = set(SERVICES[name]["environment"]) & set(tuned)
        assert changed == {
            "AIRFLOW__API__HOST",
            "AIRFLOW__API__PORT",
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL",
        }


def test_the_form_starts_with_a_study_that_can_run_in_a_container():
    for name in set(OURS) - ONCE:  # the form is made by one, and its values read by another
        given = SERVICES[name]["environment"][presets.START_VARIABLE]
        assert presets.load(VARIABLE.sub(r"\2", given))["cluster"] == "simulated"


def test_every_setting_has_its_line_in_the_example():
    used = {match[1]: match[2] for match in VARIABLE.finditer(COMPOSE.read_text())}
    lines = (ROOT / ".env.example").read_text().splitlines()
    shown = dict(
        line.removeprefix("#").split("=", 1) for line in lines if re.match("#?[A-Z_]+=", line)
    )
    assert {k: v for k, v in shown.items() if k != "COMPOSE_PROJECT_NAME"} == used
    assert not [line for line in lines if line and not line.startswith("#")]  # defaults are used


def test_the_image_is_not_root_and_holds_what_runs():
    stages = re.findall(r"^FROM (\S+)(?: AS (\S+))?", DOCKERFILE, re.MULTILINE)
    assert stages[0] == ("${BASE_IMAGE}", "python")
    last = DOCKERFILE.rpartition("\nFROM ")[2]
    assert re.search(r"^USER 50000:50000$", last, re.MULTILINE)
    for folder in ("config", "dags", "include", "plugins", "tools"):
        assert f"COPY {folder} /opt/operator-benchmark/{folder}\n" in last
    assert "--require-hashes" in DOCKERFILE
    assert "--constraints /src/requirements.lock" in DOCKERFILE


def test_the_image_is_made_of_listed_files_alone():
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    rules = [line for line in lines if not line.startswith("#")]
    assert rules[0] == "*"
    copied = {
        word
        for line in re.findall(r"^COPY (?!--from)(.*(?:\\\n.*)*)", DOCKERFILE, re.MULTILINE)
        for word in line.replace("\\\n", " ").split()[:-1]
    }
    allowed = {rule.removeprefix("!") for rule in rules if rule.startswith("!")}
    assert {path.split("/")[0] for path in copied} == allowed


def test_the_stage_that_builds_kubernetes_has_every_module_it_imports():
    stage = DOCKERFILE.partition("AS programs-from-source")[2].partition("\nFROM ")[0]
    needed, found = ["include/embedded/binaries.py"], set()
    while needed:
        path = needed.pop()
        if path in found or not (ROOT / path).exists():
            continue
        found |= {path, f"{Path(path).parent}/__init__.py"}
        for node in ast.walk(ast.parse((ROOT / path).read_text())):
            if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("include"):
                base = node.module.replace(".", "/")
                needed += [f"{base}.py", *(f"{base}/{alias.name}.py" for alias in node.names)]
    copied = set(re.findall(r"include/\S+\.py", stage))
    assert copied == found


def test_docker_compose_takes_the_file():
    program = shutil.which("docker-compose")
    if program is None:
        pytest.skip("docker-compose is not installed; `make compose-test` installs it")
    done = subprocess.run(
        [program, "--file", COMPOSE, "--profile", "object-store", "config", "--quiet"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
        cwd=ROOT,
    )
    assert (done.returncode, done.stdout + done.stderr) == (0, "")


def test_credentials_are_mounted_only_where_tasks_run():
    mounted = {
        name
        for name, service in SERVICES.items()
        if any("/run/credentials" in str(mount) for mount in service["volumes"])
    }
    assert mounted == {"scheduler"}


@pytest.mark.parametrize("name", LASTING)
def test_a_lasting_service_has_limits_of_memory_processes_and_cpu(name):
    service = SERVICES[name]
    assert service["mem_limit"].startswith("${")
    assert isinstance(service["pids_limit"], int)  # docker-compose 1.29 fails at a variable
    # Simulated clusters are processes of the scheduler, and slowed down they would measure that.
    assert ("cpus" in service) is (name != "scheduler")


@pytest.mark.parametrize("name", sorted(SERVICES))
def test_what_a_service_writes_goes_to_volumes_or_is_lost_with_its_container(name):
    service = SERVICES[name]
    assert service["read_only"] is True
    volumes = {m.split(":")[1] for m in service["volumes"] if not m.endswith(":ro")}
    places = volumes | {mount.split(":")[0] for mount in service["tmpfs"]}
    assert "/tmp" in places  # noqa: S108  of the container
    if name in OURS:
        assert {"/home/benchmark", "/opt/airflow"} <= places


def test_a_simulated_cluster_outlives_a_restart_of_its_container():
    (state,) = re.findall(r"OPERATOR_BENCHMARK_STATE=(\S+)", DOCKERFILE)
    mounted = {m.split(":")[1] for m in SERVICES["scheduler"]["volumes"] if m.count(":") == 1}
    assert str(Path(state).parent) in mounted  # it and its sibling are made and removed in there
    assert state not in mounted


def test_what_is_written_below_the_image_is_what_code_writes_there():
    """A manifest of upstream that a study downloads is kept in the cache."""
    (cache,) = re.findall(r"OPERATOR_BENCHMARK_CACHE=(/opt/\S+)", DOCKERFILE)
    places = {mount.split(":")[0] for mount in SERVICES["scheduler"]["tmpfs"]}
    assert f"{cache}/manifests" in places


def test_results_are_where_they_are_written_or_shown_alone():
    with_results = {
        name
        for name, service in SERVICES.items()
        if any(str(mount).startswith("results:") for mount in service["volumes"])
    }
    assert with_results == {"api-server", "scheduler"}


@pytest.mark.parametrize("name", ["api-server", "scheduler", "dag-processor"])
def test_adapters_of_ones_own_are_there_wherever_studies_are_read(name):
    service = SERVICES[name]
    folder = service["environment"][OWN_FOLDER]
    mounts = [mount for mount in service["volumes"] if f":{folder}" in mount]
    assert mounts == [f"${{ADAPTERS:-./adapters}}:{folder}:ro"]
    assert (ROOT / "adapters" / "README.md").exists()


DOCKER = """\
#!/bin/sh
case "$1" in
  pull) echo "$3" ;;
  image) echo "${5%:*}@sha256:$(printf %s "$5" | sha256sum | cut -d" " -f1)" ;;
esac
"""


def test_every_image_that_is_pulled_can_be_pinned_by_its_digest(tmp_path):
    (tmp_path / "docker").write_text(DOCKER)
    (tmp_path / "docker").chmod(0o755)
    path = f"{tmp_path}:/usr/bin:/bin"
    done = subprocess.run(
        [ROOT / "bin" / "pin-images"],
        capture_output=True,
        text=True,
        check=True,
        env={"PATH": path},
    )
    pinned = dict(line.split("=", 1) for line in done.stdout.splitlines())
    pulled = {
        name: image
        for name, image in VARIABLE.findall(COMPOSE.read_text())
        if name.endswith("_IMAGE") and ":" in image
    }
    assert set(pinned) == set(pulled)
    for name, image in pulled.items():
        assert re.fullmatch(rf"{re.escape(image)}@sha256:[0-9a-f]{{64}}", pinned[name])


def test_what_installs_the_packages_is_pinned_too():
    lock = (ROOT / "tools" / "uv.lock").read_text()
    assert re.match(r"uv==[0-9.]+ \\\n    --hash=sha256:", lock)
    for text in (DOCKERFILE, (ROOT / "bin" / "install").read_text()):
        assert re.search(r"--require-hashes --requirement \S*uv\.lock", text)
