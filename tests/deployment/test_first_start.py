from __future__ import annotations

import json

import pytest

from include.deployment import first_start


@pytest.fixture
def folders(tmp_path):
    found = {name: tmp_path / name for name in ("folder", "passwords", "database", "store")}
    for folder in found.values():
        folder.mkdir()
    return found


@pytest.fixture
def start(folders, capsys):
    """A function that runs the program: its exit code, its output, its error output."""

    def run(*more):
        words = [f"--{name}={path}" for name, path in folders.items()]
        code = first_start.main([*words, *more])
        said = capsys.readouterr()
        return code, said.out, said.err

    return run


def contents(folders):
    files = (path for folder in folders.values() for path in folder.iterdir())
    return {path: path.read_text() for path in files}


def test_passwords_are_shown_at_the_first_start_only(start, folders):
    code, out, _ = start()
    passwords = json.loads((folders["passwords"] / "passwords.json").read_text())
    assert code == 0
    assert f"user admin, password {passwords['admin']}" in out
    code, out, _ = start()
    assert code == 0
    assert passwords["admin"] not in out
    assert "are kept" in out


def test_a_second_start_changes_nothing(start, folders):
    start()
    before = contents(folders)
    start()
    assert contents(folders) == before


def test_two_installations_share_no_secret(start, folders):
    start()
    first = contents(folders)
    for path in first:
        path.unlink()
    start()
    again = contents(folders)
    assert set(again) == set(first)
    assert all(again[path] != text for path, text in first.items())


def test_secrets_are_long_and_for_their_owner_alone(start, folders):
    start()
    for name in ("jwt_secret", "secret_key", "fernet_key"):
        path = folders["folder"] / name
        assert len(path.read_text()) >= 44
        assert path.stat().st_mode & 0o777 == 0o600
    for path in (*folders["folder"].iterdir(), *folders["passwords"].iterdir()):
        assert path.stat().st_mode & 0o077 == 0
    # another user's process reads these, in volumes that it alone gets
    assert (folders["database"] / "password").stat().st_mode & 0o777 == 0o444


def test_the_database_is_reached_with_the_password_it_gets(start, folders):
    start("--database-host=other:5433")
    password = (folders["database"] / "password").read_text()
    url = (folders["folder"] / "database_url").read_text()
    assert url == f"postgresql+psycopg2://airflow:{password}@other:5433/airflow"


def test_the_object_store_is_reached_with_the_keys_it_gets(start, folders):
    start("--store-endpoint=http://store:1")
    connection = json.loads((folders["folder"] / "connections.json").read_text())["results_store"]
    assert connection["login"] == (folders["store"] / "access_key").read_text()
    assert connection["password"] == (folders["store"] / "secret_key").read_text()
    assert json.loads(connection["extra"])["endpoint_url"] == "http://store:1"


def test_a_new_user_gets_a_password_and_the_others_keep_theirs(start, folders):
    start()
    path = folders["passwords"] / "passwords.json"
    admin = json.loads(path.read_text())["admin"]
    _, out, _ = start("--users=admin:admin, reader:viewer")
    passwords = json.loads(path.read_text())
    assert passwords["admin"] == admin
    assert passwords["reader"] in out
    assert admin not in out


@pytest.mark.parametrize("users", ["", "admin", "admin:root", ":admin", "a:admin,b:nobody"])
def test_users_that_airflow_would_not_take_are_refused_before_anything_is_made(
    start, folders, users
):
    code, _, error = start(f"--users={users}")
    assert code == 1
    assert "admin" in error  # what to write
    assert contents(folders) == {}


def test_what_a_killed_start_left_is_replaced(start, folders):
    (folders["folder"] / ".fernet_key.part").write_text("half")
    code, _, _ = start()
    assert code == 0
    assert (folders["folder"] / "fernet_key").read_text() != "half"
    assert not list(folders["folder"].glob(".*"))


def test_a_folder_that_is_not_there_is_named(start, folders):
    folders["store"].rmdir()
    code, _, error = start()
    assert code == 1
    assert str(folders["store"]) in error
