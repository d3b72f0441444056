"""Ids of demo records: the same in every run, beside those that tokens carry (`identities`)."""

from uuid import uuid5

from maillage_local.demo.identities import DEMO


def demo_id(name: str) -> str:
    """The id of a demo thing by its name, such as `demo-service:target`."""
    return str(uuid5(DEMO, name))
