"""The example for Airflow's Helm chart says the same as what is tested in containers."""

from __future__ import annotations

from pathlib import Path

import yaml
from airflow.configuration import conf

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
    known = conf.as_dict(display_sensitive=False)
    for section, options in VALUES["config"].items():
        assert set(options) <= set(known[section])


def test_no_secret_is_given_and_none_of_the_charts_is_used():
    assert VALUES["postgresql"] == {"enabled": False}
    for name in ("fernetKeySecretName", "apiSecretKeySecretName", "jwtSecretName"):
        assert VALUES[name]
        assert name.removesuffix("SecretName") not in VALUES
    assert VALUES["data"] == {"metadataSecretName": "airflow-database"}
    assert "://" not in TEXT.replace("s3://", "").replace("http://{{", "")


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
    container = VALUES["securityContexts"]["container"]
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


def test_the_scheduler_waits_for_the_api_server():
    (waiting,) = VALUES["scheduler"]["extraInitContainers"]
    assert "include.deployment.health" in waiting["args"][0]
    assert "-api-server:8080" in waiting["args"][0]
