"""The studies that run every night, as in `include/study/presets/nightly.yaml`."""

from __future__ import annotations

from collections import defaultdict
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any, Self
from zoneinfo import ZoneInfo

import yaml
from pydantic import (
    Field,
    StringConstraints,
    TypeAdapter,
    ValidationError,
    field_validator,
    model_validator,
)

from include import applications
from include.analysis.quantities import quantities_of
from include.errors import StudyError, problems
from include.models import Model, NodeOrder, StopBy, Study
from include.study import own_mpi, presets

if TYPE_CHECKING:
    from pathlib import Path

    from include.analysis.quantities import Quantity

DAG_ID = "nightly_regression"
FILE = presets.FOLDER / presets.NIGHTLY
LEAST_BLOCKS = 7  # fewest blocks that allow a p-value below the limit
Name = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9_]{0,39}$")]


class Version(StrEnum):
    """Properties that may differ between compared nights, and are shown if they do."""

    IMAGE = "image"
    IMAGE_DIGEST = "image_digest"
    OPERATOR_VERSION = "operator_version"
    KUBERNETES_VERSION = "kubernetes_version"
    CODE_VERSION = "code_version"


class ChannelKind(StrEnum):
    """Channels of notification."""

    WEBHOOK = "webhook"
    SLACK = "slack"
    SMTP = "smtp"


class Channel(Model):
    """Receiver of a notification; its address and secrets are in an Airflow connection."""

    channel: ChannelKind
    connection: str
    to: tuple[str, ...] = ()  # addresses of mail

    @model_validator(mode="after")
    def _mail_has_receivers(self) -> Self:
        if (self.channel is ChannelKind.SMTP) != bool(self.to):
            raise ValueError("`to` is for smtp, which needs it")
        return self


class NightlyStudy(Model):
    """One scheduled study, and the rules for judging its history."""

    schedule: str | None = None  # cron
    timezone: str
    asset: str | None = Field(default=None, min_length=1)  # its updates start the study
    study: Study = Study()
    any_of: tuple[Version, ...] = tuple(Version)  # versions that do not start a separate history
    quantity: str | None = None  # what is compared; None: the application's figure of merit
    confirmation_blocks: Annotated[int, Field(ge=LEAST_BLOCKS, le=50)] = 10
    keep_nights: Annotated[int, Field(ge=30, le=3650)] = 400
    notify: tuple[Channel, ...] = ()

    @field_validator("study", mode="before")
    @classmethod
    def _runs_with_its_applications_mpi(cls, fields: Any) -> Any:
        if not isinstance(fields, dict) or own_mpi.FIELD in fields:
            return fields
        return fields | own_mpi.own_mpi(fields)

    @field_validator("study")
    @classmethod
    def _keeps_its_nodes(cls, study: Study) -> Study:
        if study.node_order is NodeOrder.DESCENDING:
            raise ValueError(
                "node_order: descending gives nodes back, which a confirmation would need; "
                "use shuffled"
            )
        return study

    @field_validator("study")
    @classmethod
    def _ends_by_its_spread(cls, study: Study) -> Study:
        if study.repeats_min is not None and study.stop_by is not StopBy.SPREAD:
            raise ValueError(
                "stop_by: a night is compared with other nights, so its repeats may not end by a "
                "difference of that night; give spread, and precision_percent"
            )
        return study

    @model_validator(mode="after")
    def _begins_some_time(self) -> Self:
        if self.schedule is None and self.asset is None:
            raise ValueError("`schedule` or `asset` is needed: nothing would ever start the study")
        return self

    @model_validator(mode="after")
    def _measures_the_quantity(self) -> Self:
        self.compared()
        return self

    def compared(self) -> Quantity:
        """The figure compared from night to night; StudyError if the study does not measure it."""
        application, _ = applications.of_study(self.study)
        every = quantities_of(application.figures)
        known = {each.name: each for each in every if each.derived is None}
        if self.quantity is None:
            return next(each for each in known.values() if each.is_primary)
        if self.quantity not in known:
            raise ValueError(f"quantity: {self.quantity!r} is none of {', '.join(known)}")
        return known[self.quantity]

    @field_validator("timezone")
    @classmethod
    def _is_known(cls, name: str) -> str:
        try:
            ZoneInfo(name)
        except (KeyError, ValueError, OSError) as err:
            raise ValueError(f"there is no time zone {name!r}; such as Europe/Berlin") from err
        return name


_FILE: TypeAdapter[dict[Name, NightlyStudy]] = TypeAdapter(
    Annotated[dict[Name, NightlyStudy], Field(min_length=1)]
)


def read_nightly(path: Path | None = None) -> dict[str, NightlyStudy]:
    """The studies by name, in the file's order; StudyError with a line for each problem."""
    path = path or FILE
    try:
        given = yaml.safe_load(path.read_text(encoding="utf-8"))
        studies = _FILE.validate_python(_with_names(given))
    except (OSError, yaml.YAMLError) as err:
        raise StudyError(f"{path} cannot be read: {err}") from err
    except ValidationError as err:
        lines = (f"{problem.place}: {problem.message}" for problem in problems(err))
        raise StudyError(f"{path.name}: " + "\n".join(lines)) from err
    _refuse_same_names(studies, path)
    return studies


def _with_names(given: Any) -> Any:
    """Give a study without a name that of its entry."""
    if not isinstance(given, dict):
        return given
    return {
        series: {**entry, "study": {"name": str(series).replace("_", "-"), **study}}
        if isinstance(entry, dict) and isinstance(study := entry.get("study") or {}, dict)
        else entry
        for series, entry in given.items()
    }


def _refuse_same_names(studies: dict[str, NightlyStudy], path: Path) -> None:
    """Refuse equal names: runs due at one moment only differ by the name of their study."""
    named: dict[str, list[str]] = defaultdict(list)
    for series, settings in studies.items():
        named[settings.study.name].append(series)
    lines = (
        f"study.name: {name!r} is that of {' and '.join(several)}, so their runs would share "
        "folder and cluster; give each its own"
        for name, several in named.items()
        if len(several) > 1
    )
    if complaint := "\n".join(lines):
        raise StudyError(f"{path.name}: {complaint}")


def dag_id_of(series: str, path: Path | None = None) -> str:
    """The DAG that runs a study of the file: the first one has the plain name."""
    return DAG_ID if series == next(iter(read_nightly(path))) else f"{DAG_ID}_{series}"


def series_of(dag_id: str, path: Path | None = None) -> str | None:
    """The study that a DAG runs, None for a DAG that runs none of the file."""
    return next((name for name in read_nightly(path) if dag_id_of(name, path) == dag_id), None)
