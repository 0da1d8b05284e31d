"""An image on a node, as a study's folder keeps it; without the client, which is slow to load."""

from __future__ import annotations

from pydantic import AwareDatetime

from include.models import Model


class NodeImage(Model):
    """One image on one node. Instants are the kubelet's events', whole seconds."""

    node: str
    image: str
    digest: str | None  # digest from the kubelet
    pulling_at: AwareDatetime | None = None  # None: it was there already, or the event is lost
    pulled_at: AwareDatetime | None = None
