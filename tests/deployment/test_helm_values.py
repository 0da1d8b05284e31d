"""The example for Airflow's Helm chart says the same as what is tested in containers."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import yaml
from airflow.configuration import conf

from include.adapters import OWN_FOLDER
from include.clusters import available

ROOT = Path(__file__).resolve().parents[2]
TEXT = (ROOT / "deploy" / "helm-values.yaml").read_text()
VALUES = yaml.safe_load(TEXT)
OF_ONE_MACHINE = {"EXECUTOR", "HOST", "PORT", "WORKERS", "EXECUTION_API_SERVER_URL"}


def tuned():
    """Settings of config/airflow.env by section and name, less those of one machine."""
    lines = (ROOT / "config" / "airflow.env").read_text().splitlines()
    for line in lines:
        if line.startswith("AIRFLOW__"):
            name, _, value = line.partition("=")
            _, section, option = name.split("__")
            if option not in OF_ONE_MACHINE:
                yield section.lower(), option.lower(), value


def test_every_tuned_setting_is_there_with_its_value():
    settings = {(section, option): value for section, option, value in tuned()}
    assert len(settings) >= 7
    for (section, option), value in settings.items():
        assert str(VALUES["config"][section][option]) == value, option


def test_every_setting_is_one_of_airflows():
    known = conf.configuration_description  # has those without a default, too
    for section, options in VALUES["config"].items():
        assert set(options) <= set(known[section]["options"])


def test_no_secret_is_given_and_none_of_the_charts_is_used():
    assert VALUES["postgresql"] == {"enabled": False}
    for name in ("fernetKeySecretName", "apiSecretKeySecretName", "jwtSecretName"):
        assert VALUES[name]
        assert name.removesuffix("SecretName") not in VALUES
    assert VALUES["data"] == {"metadataSecretName": "airflow-database"}
    assert not re.search(r"://[^\s/]*:[^\s/]*@", TEXT)


def test_connections_to_the_database_are_as_few_as_in_containers():
    compose = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())
    environment = compose["services"]["scheduler"]["environment"]
    for name, value in VALUES["config"]["database"].items():
        assert environment[f"AIRFLOW__DATABASE__{name.upper()}"] == str(value)
    # with a secret of one's own the chart's PgBouncer would be there and reach no database
    assert VALUES["pgbouncer"] == {"enabled": False}


def test_pods_are_of_the_images_user_and_not_root():
    dockerfile = (ROOT / "Dockerfile").read_text()
    pod = VALUES["securityContexts"]["pod"]
    assert f"USER {pod['runAsUser']}:{pod['runAsGroup']}" in dockerfile
    assert (VALUES["uid"], VALUES["gid"]) == (pod["runAsUser"], pod["runAsGroup"])
    assert pod["runAsNonRoot"]
    container = VALUES["securityContexts"]["containers"]
    assert container["capabilities"] == {"drop": ["ALL"]}
    assert container["allowPrivilegeEscalation"] is False


def test_results_and_logs_outlive_their_pod():
    names = {entry["name"]: entry["value"] for entry in VALUES["env"]}
    connection = names["OPERATOR_BENCHMARK_RESULTS"].removeprefix("s3://").partition("@")[0]
    assert f"AIRFLOW_CONN_{connection.upper()}" in {entry["envName"] for entry in VALUES["secret"]}
    assert VALUES["config"]["logging"]["remote_log_conn_id"] == connection
    assert {"existing", "eks"} <= set(available())


def test_the_version_is_the_locked_one():
    assert f"apache-airflow=={VALUES['airflowVersion']}" in (ROOT / "requirements.lock").read_text()


PARTS = ("scheduler", "apiServer", "dagProcessor", "workers", "migrateDatabaseJob")
JOB = yaml.safe_load((ROOT / "deploy" / "housekeeping.yaml").read_text())
(HOUSEKEEPING,) = JOB["spec"]["jobTemplate"]["spec"]["template"]["spec"]["containers"]


@pytest.mark.parametrize("part", PARTS)
def test_every_part_asks_for_what_it_needs_and_has_a_limit_of_memory(part):
    resources = VALUES[part]["resources"]
    assert set(resources["requests"]) == {"cpu", "memory"}
    assert set(resources["limits"]) == {"memory"}


def test_root_file_systems_are_read_only_and_what_is_written_has_its_place():
    assert VALUES["securityContexts"]["containers"]["readOnlyRootFilesystem"]
    writable = [mount for mount in VALUES["volumeMounts"] if not mount.get("readOnly")]
    places = {mount["mountPath"] for mount in writable}
    compose = yaml.safe_load((ROOT / "docker-compose.yaml").read_text())
    written = {mount.split(":")[0] for mount in compose["services"]["scheduler"]["tmpfs"]}
    # Of Airflow's home the chart mounts configuration and logs, and nothing else is written.
    assert places == written - {"/opt/airflow"}
    locked = [VALUES["securityContexts"]["containers"], HOUSEKEEPING["securityContext"]]
    for part in PARTS:
        containers = VALUES[part].get("extraInitContainers", [])
        locked += [container["securityContext"] for container in containers]
    assert len(locked) == 4
    assert all(each == locked[0] for each in locked)


def test_nothing_is_called_that_only_airflows_public_image_has():
    """Its entrypoint checks the scheduler, and its script cleans logs, unless told otherwise."""
    probes = [
        VALUES["scheduler"]["livenessProbe"],
        VALUES["scheduler"]["startupProbe"],
        VALUES["dagProcessor"]["livenessProbe"],
    ]
    assert all("include.deployment.health" in " ".join(probe["command"]) for probe in probes)
    assert VALUES["config"]["scheduler"]["enable_health_check"] == "True"
    for part in ("scheduler", "dagProcessor"):
        assert VALUES[part]["logGroomerSidecar"] == {"enabled": False}


def test_one_image_runs_everything_and_none_by_a_tag_that_moves():
    image = VALUES["images"]["airflow"]
    reference = f"{image['repository']}:{image['tag']}"
    used = {HOUSEKEEPING["image"]}
    for part in PARTS:
        used |= {each["image"] for each in VALUES[part].get("extraInitContainers", [])}
    assert used == {reference}
    assert image["tag"] != "latest"


def test_passwords_are_known_to_the_api_server_alone_and_outlive_its_pod():
    place = VALUES["config"]["core"]["simple_auth_manager_passwords_file"]
    (copying,) = VALUES["apiServer"]["extraInitContainers"]
    assert copying["command"][-1] == place
    names = {volume["name"]: volume for volume in VALUES["apiServer"]["extraVolumes"]}
    assert names["given"]["secret"]["secretName"] == "airflow-users"
    assert [part for part in PARTS if "airflow-users" in str(VALUES[part])] == ["apiServer"]


def test_credentials_of_clusters_are_where_tasks_run_alone():
    assert [part for part in PARTS if "/run/credentials" in str(VALUES[part])] == ["workers"]
    assert VALUES["enableBuiltInSecretEnvVars"]["AIRFLOW_CONN_AIRFLOW_DB"] is False


def test_housekeeping_reaches_the_same_database():
    (database,) = HOUSEKEEPING["env"]
    reference = database["valueFrom"]["secretKeyRef"]
    assert reference["name"] == VALUES["data"]["metadataSecretName"]
    assert "--once" in HOUSEKEEPING["args"]


def test_the_scheduler_waits_for_the_api_server():
    (waiting,) = VALUES["scheduler"]["extraInitContainers"]
    assert "include.deployment.health" in waiting["args"][0]
    assert "-api-server:8080" in waiting["args"][0]


def test_adapters_of_ones_own_are_a_config_map_that_may_be_missing():
    variables = {each["name"]: each["value"] for each in VALUES["env"]}
    (mount,) = (each for each in VALUES["volumeMounts"] if each["name"] == "adapters")
    assert mount["mountPath"] == variables[OWN_FOLDER]
    assert mount["readOnly"]
    (volume,) = (each for each in VALUES["volumes"] if each["name"] == mount["name"])
    assert volume["configMap"]["optional"]
    rooms = {item["path"].partition("/")[0] for item in volume["configMap"]["items"]}
    assert rooms <= {"applications", "k8s_operators", "clusters", "presets"}
