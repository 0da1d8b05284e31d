"""Every typed record that crosses a file, an XCom or a parameter."""

from __future__ import annotations

from include.base_model import DnsLabel, Model, Positive
from include.models.choices import (
    Binding,
    Design,
    LeftOut,
    MpiImplementation,
    NodeChoice,
    NodeOrder,
    Queue,
    Section,
    StopBy,
)
from include.models.cluster import ClusterHandle, Placement, Reservation
from include.models.figures import Better, FigureOfMerit
from include.models.plan import Phase, Plan, Point, Variant
from include.models.record import STAND_IN, AppClock, Record, Status
from include.models.study import Study, StudyName, StudyOrigin
from include.models.timeline import Timeline

__all__ = [
    "STAND_IN",
    "AppClock",
    "Better",
    "Binding",
    "ClusterHandle",
    "Design",
    "DnsLabel",
    "FigureOfMerit",
    "LeftOut",
    "Model",
    "MpiImplementation",
    "NodeChoice",
    "NodeOrder",
    "Phase",
    "Placement",
    "Plan",
    "Point",
    "Positive",
    "Queue",
    "Record",
    "Reservation",
    "Section",
    "Status",
    "StopBy",
    "Study",
    "StudyName",
    "StudyOrigin",
    "Timeline",
    "Variant",
]
