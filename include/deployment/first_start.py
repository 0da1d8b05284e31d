"""Makes the secrets of an installation once: `python -m include.deployment.first_start`.

No key or password has a default. Each is drawn at the first start and kept in its own file that
only the services can read, never in a variable: every task sees variables, and so does anyone who
may inspect a container. Airflow reads the files through the `_CMD` variants of its settings, see
`docker-compose.yaml`.
"""

from __future__ import annotations

import argparse
import json
import secrets
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from cryptography.fernet import Fernet

from include.errors import BenchmarkError, StudyError
from include.files import PRIVATE, write_whole

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

ROLES = frozenset({"viewer", "user", "op", "admin"})  # roles of Airflow's simple auth manager
DATABASE_PASSWORD = "password"  # noqa: S105  name of a file
DATABASE_URL = "database_url"
PASSWORDS = "passwords.json"
CONNECTIONS = "connections.json"
STORE_CONNECTION = "results_store"
STORE_KEYS = ("access_key", "secret_key")
GENERATED: dict[str, Callable[[], str]] = {
    "jwt_secret": lambda: secrets.token_urlsafe(48),
    "secret_key": lambda: secrets.token_urlsafe(48),
    "fernet_key": lambda: Fernet.generate_key().decode(),
}


def make(folder: Path, name: str, value: Callable[[], str], *, mode: int = PRIVATE) -> str:
    """The content of a secret's file, made if missing; an existing one is never changed."""
    path = folder / name
    if not path.exists():
        write_whole(path, value(), mode=mode)
    return path.read_text()


def read_users(text: str) -> tuple[str, ...]:
    """Names in `name:role,name:role`; StudyError for an entry that Airflow would refuse."""
    names = []
    for entry in filter(None, (part.strip() for part in text.split(","))):
        name, _, role = entry.partition(":")
        if not name or role not in ROLES:
            roles = ", ".join(sorted(ROLES))
            raise StudyError(f"user `{entry}`: write name:role with one of the roles {roles}")
        names.append(name)
    if not names:
        raise StudyError("no user is named; write for example admin:admin")
    return tuple(names)


def add_passwords(path: Path, users: Sequence[str]) -> dict[str, str]:
    """Draw a password for each user that has none, and return the new ones by user."""
    known: dict[str, str] = json.loads(path.read_text()) if path.exists() else {}
    new = {user: secrets.token_urlsafe(12) for user in users if user not in known}
    if new:
        write_whole(path, json.dumps(known | new), mode=PRIVATE)
    return new


def store_connection(keys: Path, *, endpoint: str) -> str:
    """Airflow's connection to the object store beside it, as in its file of connections."""
    login, password = ((keys / name).read_text() for name in STORE_KEYS)
    extra = json.dumps({"endpoint_url": endpoint, "region_name": "us-east-1"})
    connection = {"conn_type": "aws", "login": login, "password": password, "extra": extra}
    return json.dumps({STORE_CONNECTION: connection})


def prepare(options: argparse.Namespace) -> dict[str, str]:
    """Make what is missing; returns the new users' passwords."""
    users = read_users(options.users)
    for name, value in GENERATED.items():
        make(options.folder, name, value)
    # The database's own user reads it, and shares only this volume with us.
    password = make(
        options.database, DATABASE_PASSWORD, lambda: secrets.token_urlsafe(32), mode=0o444
    )
    url = f"postgresql+psycopg2://airflow:{password}@{options.database_host}/airflow"
    write_whole(options.folder / DATABASE_URL, url, mode=PRIVATE)
    for name in STORE_KEYS:
        make(options.store, name, lambda: secrets.token_hex(20), mode=0o444)
    connection = store_connection(options.store, endpoint=options.store_endpoint)
    make(options.folder, CONNECTIONS, lambda: connection)
    return add_passwords(options.passwords / PASSWORDS, users)


def announce(new: dict[str, str], *, folder: Path) -> str:
    """Messages to the administrator at the first start."""
    if not new:
        return f"the secrets in {folder} are kept; passwords were shown when they were made\n"
    lines = [f"user {user}, password {password}" for user, password in new.items()]
    return "\n".join(["", "Airflow's new users; this is shown only once:", *lines, "", ""])


def main(arguments: Sequence[str] | None = None) -> int:
    """Command line: make the secrets; exit code 1 with the reason when that fails."""
    parser = argparse.ArgumentParser(
        prog="python -m include.deployment.first_start", description=__doc__.splitlines()[0]
    )
    parser.add_argument("--folder", type=Path, required=True, help="for what Airflow reads")
    parser.add_argument("--passwords", type=Path, required=True, help="for the users' passwords")
    parser.add_argument("--database", type=Path, required=True, help="for the database's password")
    parser.add_argument("--database-host", default="postgres", help="its name and port")
    parser.add_argument("--store", type=Path, required=True, help="for the object store's keys")
    parser.add_argument("--store-endpoint", default="http://object-store:7070", help="its address")
    parser.add_argument("--users", default="admin:admin", help="name:role,... of Airflow's users")
    options = parser.parse_args(arguments)
    try:
        new = prepare(options)
    except (BenchmarkError, OSError) as err:
        sys.stderr.write(f"error: {err}\n")
        return 1
    sys.stdout.write(announce(new, folder=options.folder))
    return 0


if __name__ == "__main__":
    sys.exit(main())
