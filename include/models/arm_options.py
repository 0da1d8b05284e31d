"""Options that every operator has besides its own, for which a study may list several values.

They are versions of what is measured: an image, an environment, a controller, and a queue before
it. Each value is a variant of the operator, like one of its own options, and runs on the same nodes
in mixed order (`adr/0013`).
"""

from __future__ import annotations

from typing import Annotated

from pydantic import StringConstraints

from include.base_model import Model
from include.models.choices import Queue

EnvironmentName = Annotated[str, StringConstraints(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class ArmOptions(Model):
    """Keys of `operator_options.<operator>` that belong to no single operator."""

    image: Annotated[str, StringConstraints(min_length=1)] | None = None  # None: the study's
    environment: dict[EnvironmentName, str] = {}  # added to the study's, which it overrides
    # A build of its controller: path, module version or manifest; None: the pinned one.
    controller: Annotated[str, StringConstraints(min_length=1)] | None = None
    queue: Queue = Queue.NONE  # by default the study's, which is a factor of every operator


ARM_OPTIONS = tuple(ArmOptions.model_fields)
