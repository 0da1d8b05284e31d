"""Reads a kubeconfig, and says in one sentence why it cannot be used."""

from __future__ import annotations

import shutil
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import yaml
from kubernetes import client
from kubernetes.config.config_exception import ConfigException
from kubernetes.config.exec_provider import ExecProvider
from kubernetes.config.kube_config import KubeConfigLoader

from include.errors import ClusterError

LONGEST_COMPLAINT = 200
LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


def settings_of(path: Path | str, *, context: str | None) -> client.Configuration:
    """The cluster's address and credentials; ClusterError for an absent or unusable file."""
    try:
        loaded = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
        loader = _Loader(loaded, active_context=context, config_base_path=str(Path(path).parent))
        settings = client.Configuration()
        loader.require_user()
        loader.load_and_set(settings)
    except OSError as err:
        msg = f"kubeconfig {path} cannot be read: {err.strerror}; name a file that exists"
        raise ClusterError(msg) from err
    except (ConfigException, ValueError, yaml.YAMLError, TypeError, AttributeError) as err:
        msg = f"kubeconfig {path} cannot be used: {err}"
        raise ClusterError(msg) from err
    if proxy := loader.proxy:
        settings.proxy = proxy
    return settings


class _Loader(KubeConfigLoader):  # type: ignore[misc]  # the client has no types
    """The client's own loader, which would go on as nobody where a credential cannot be had."""

    def require_user(self) -> None:
        """ClusterError when the context names a user that the file lacks."""
        name = self._current_context["context"].safe_get("user")
        if name and self._user is None:
            raise ConfigException(f"its context names the user {name}, which it does not have")

    @property
    def proxy(self) -> str | None:
        """The proxy through which the cluster is reached, None without one."""
        url: str | None = self._cluster.safe_get("proxy-url")
        return url

    def _load_user_token(self) -> Any:
        """As the client does; a token's file is read at each request, as it may be renewed."""
        token = super()._load_user_token()
        if token and "tokenFile" in self._user:
            self.expiry = LONG_AGO
        return token

    def _load_from_exec_plugin(self) -> Any:
        """As the client does, after one run whose failure is told: the client swallows it."""
        if "exec" not in self._user:
            return None
        _require_program(self._user["exec"], folder=self._config_base_path)
        credential = super()._load_from_exec_plugin()
        if not {"token", "cert_file"} & self.__dict__.keys():
            self._tell_failure()
        return credential

    def _tell_failure(self) -> None:
        program = self._user["exec"]
        name = program["command"]
        try:
            ExecProvider(program, self._config_base_path or None, self._cluster).run()
        except (ConfigException, OSError, ValueError, TypeError) as err:
            complaint = " ".join(str(err).split())[:LONGEST_COMPLAINT]
            msg = f"the kubeconfig's program {name} gave no credential: {complaint}"
            raise ClusterError(msg) from err
        raise ClusterError(f"the kubeconfig's program {name} gave neither token nor certificate")


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
