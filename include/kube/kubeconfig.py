"""Reads a kubeconfig, and explains in one sentence why it is unusable."""

from __future__ import annotations

import json
import shutil
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client
from kubernetes.config.config_exception import ConfigException
from kubernetes.config.dateutil import parse_rfc3339
from kubernetes.config.exec_provider import ExecProvider
from kubernetes.config.kube_config import FileOrData, KubeConfigLoader

from include.errors import ClusterError
from include.kube.answers import AccessRefused

LONGEST_COMPLAINT = 200
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)
PROGRAM_LIMIT_S = 30.0  # a program that prompts for a password would wait for ever
# Errors of the client's loader on unchecked problems, such as a provider's missing library.
_CLIENTS_OWN = (TypeError, AttributeError, ImportError, NameError)


def settings_of(path: Path | str, *, context: str | None) -> client.Configuration:
    """The cluster's address and credentials; ClusterError for an absent or unusable file."""
    try:
        loader = _Loader(
            _read(path), active_context=context, config_base_path=str(Path(path).parent)
        )
        settings = client.Configuration()
        loader.require_user()
        loader.load_and_set(settings)
    except OSError as err:
        msg = f"kubeconfig {path} cannot be read: {err.strerror}; name a file that exists"
        raise ClusterError(msg) from err
    except (ConfigException, ValueError, yaml.YAMLError, LookupError, *_CLIENTS_OWN) as err:
        msg = f"kubeconfig {path} cannot be used: {err}"
        raise ClusterError(msg) from err
    if proxy := loader.proxy:
        settings.proxy = proxy
    return settings


def _read(path: Path | str) -> dict[str, Any]:
    loaded = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    if not isinstance(loaded, dict):
        raise ConfigException("it holds no settings")
    return loaded


class _Loader(KubeConfigLoader):  # type: ignore[misc]  # the client has no types
    """The client's own loader, which would continue anonymously without a credential."""

    def require_user(self) -> None:
        """ConfigException when the context's user, or its cluster's address, is missing."""
        name = self._current_context["context"].safe_get("user")
        if name and self._user is None:
            raise ConfigException(f"its context names the user {name}, which it does not have")
        if not self._cluster.safe_get("server"):
            raise ConfigException("the cluster of its context has no `server`")

    @property
    def proxy(self) -> str | None:
        """The proxy through which the cluster is reached, None without one."""
        url: str | None = self._cluster.safe_get("proxy-url")
        return url

    def _load_auth_provider_token(self) -> Any:
        """Load it as the client does, which would continue anonymously without a token."""
        token = super()._load_auth_provider_token()
        if not token and (provider := self._user.safe_get("auth-provider")):
            name = provider.safe_get("name")
            raise ConfigException(
                f"its auth-provider {name} gives no token; use a program (`exec`)"
            )
        return token

    def _load_user_token(self) -> Any:
        """Load it as the client does, but read a token's file at each request: it may change."""
        try:
            token = super()._load_user_token()
        except OSError as err:
            raise AccessRefused(f"the token's file {err.filename}: {err.strerror}") from err
        if token and "tokenFile" in self._user:
            self.expiry = LONG_AGO
        return token

    def _load_from_exec_plugin(self) -> Any:
        """Load the credential of the user's program, if there is one; AccessRefused for none."""
        if "exec" not in self._user:
            return None
        program, folder = self._user["exec"], self._config_base_path
        _require_program(program, folder=folder)
        status = _Program(program, folder or None, self._cluster).run()
        if "token" in status:
            self.token = f"Bearer {status['token']}"
        elif {"clientCertificateData", "clientKeyData"} <= status.keys():
            self.cert_file = self._as_file(status, "clientCertificateData")
            self.key_file = self._as_file(status, "clientKeyData")
        else:
            name = program["command"]
            raise AccessRefused(
                f"the kubeconfig's program {name} gave neither token nor certificate"
            )
        if "expirationTimestamp" in status:
            self.expiry = parse_rfc3339(status["expirationTimestamp"])
        return True

    def _as_file(self, status: dict[str, str], key: str) -> Any:
        data = FileOrData(status, None, data_key_name=key, base64_file_content=False)
        return data.as_file()


class _Program(ExecProvider):  # type: ignore[misc]  # the client has no types
    """The program that makes the credential; the client's own would wait for it for ever."""

    def run(self) -> dict[str, str]:
        """Credential of the program; AccessRefused with its complaint, or on a timeout."""
        name = self.args[0]
        try:
            done = subprocess.run(  # noqa: S603  as the kubeconfig says
                self.args,
                env=self.env | {"KUBERNETES_EXEC_INFO": json.dumps(self._request())},
                cwd=self.cwd,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                text=True,
                timeout=PROGRAM_LIMIT_S,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as err:
            raise AccessRefused(
                f"the kubeconfig's program {name} gave no credential: {err}"
            ) from err
        if done.returncode:
            complaint = " ".join(f"exit code {done.returncode}. {done.stderr}".split())
        else:
            try:
                return dict(json.loads(done.stdout)["status"])
            except (ValueError, LookupError, TypeError):
                complaint = f"its answer is no ExecCredential: {' '.join(done.stdout.split())}"
        msg = f"the kubeconfig's program {name} gave no credential: {complaint[:LONGEST_COMPLAINT]}"
        raise AccessRefused(msg)

    def _request(self) -> dict[str, Any]:
        """The request as client-go makes it, without interaction."""
        asked: dict[str, Any] = {"interactive": False}
        if self.cluster:
            asked["cluster"] = self.cluster.value
        return {"apiVersion": self.api_version, "kind": "ExecCredential", "spec": asked}


def _require_program(program: Any, *, folder: str) -> None:
    """ClusterError when the program that makes the token is not on this machine."""
    name = str(program["command"])
    place = str(Path(folder) / name) if "/" in name and folder else name
    if shutil.which(place) is None:
        hint = program.safe_get("installHint")
        remedy = " ".join(str(hint).split()) if hint else "install it"
        msg = (
            f"the kubeconfig's program {name} cannot be run: it is not on this machine's PATH; "
            f"{remedy}, or name a kubeconfig with a token"
        )
        raise ClusterError(msg)
