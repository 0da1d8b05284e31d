"""The file of the nightly studies."""

from __future__ import annotations

import pytest

from include.errors import StudyError
from include.regression.settings import dag_id_of, read_nightly, series_of
from include.study.plan import read_study


def write(tmp_path, text):
    path = tmp_path / "nightly.yaml"
    path.write_text(text)
    return path


def test_the_studies_of_the_project_can_be_planned():
    for settings in read_nightly().values():
        read_study(settings.study.to_json())


def test_the_first_study_has_the_plain_dag_and_others_their_name(tmp_path):
    entry = "{schedule: '0 2 * * *', timezone: UTC}"
    path = write(tmp_path, f"small: {entry}\nlarge: {entry}\n")
    assert dag_id_of("small", path) == "nightly_regression"
    assert dag_id_of("large", path) == "nightly_regression_large"
    assert series_of("nightly_regression_large", path) == "large"
    assert series_of("operator_benchmark", path) is None


def test_a_study_without_a_name_goes_by_the_name_of_its_entry(tmp_path):
    entry = "{schedule: '0 2 * * *', timezone: UTC}"
    found = read_nightly(write(tmp_path, f"small: {entry}\nvery_large: {entry}\n"))
    assert [each.study.name for each in found.values()] == ["small", "very-large"]


def test_two_studies_of_one_name_are_refused_as_their_runs_would_share_folder_and_cluster(tmp_path):
    entry = "{schedule: '0 2 * * *', timezone: UTC, study: {name: nightly}}"
    with pytest.raises(StudyError, match="study.name: 'nightly' is that of small and large"):
        read_nightly(write(tmp_path, f"small: {entry}\nlarge: {entry}\n"))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "nightly.yaml: "),
        ("{}", "at least 1 item"),
        ("a: [", "cannot be read"),
        ("a: {schedule: x}", "a.timezone: Field required"),
        ("a: {schedule: x, timezone: Mars/Base}", "there is no time zone 'Mars/Base'"),
        ("a: {schedule: x, timezone: UTC, colour: red}", "a.colour: Extra inputs"),
        ("a: {schedule: x, timezone: UTC, study: {node: [1]}}", "a.study.node: Extra inputs"),
        ("a: {schedule: x, timezone: UTC, confirmation_blocks: 3}", "greater than or equal to 7"),
        ("a: {schedule: x, timezone: UTC, notify: [{channel: smtp, connection: m}]}", "`to` is"),
        ("a: {schedule: x, timezone: UTC, study: [1]}", "a.study: Input should be"),
        ("[a]", "should be a valid dictionary"),
        ("a: [1]", "a: Input should be"),
        (f"{'a' * 30}: {{schedule: x, timezone: UTC}}", "study.name: String should match"),
        ("Ab c: {schedule: x, timezone: UTC}", "should match pattern"),
    ],
)
def test_what_is_wrong_is_named(tmp_path, text, said):
    with pytest.raises(StudyError, match=said):
        read_nightly(write(tmp_path, text))


def test_a_file_that_is_not_there_is_named(tmp_path):
    with pytest.raises(StudyError, match="none.yaml cannot be read"):
        read_nightly(tmp_path / "none.yaml")


def test_a_night_may_not_end_its_repeats_by_a_difference(tmp_path):
    study = "study: {repeats: 12, repeats_min: 6, precision_percent: 2"
    entry = "a: {schedule: '0 2 * * *', timezone: UTC, %s%s}}"
    with pytest.raises(StudyError, match="stop_by: a night is compared with other nights"):
        read_nightly(write(tmp_path, entry % (study, "")))
    (settings,) = read_nightly(write(tmp_path, entry % (study, ", stop_by: spread"))).values()
    assert settings.study.repeats_min == 6
