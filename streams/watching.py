"""A whole group at work: what Kafka knows of it, and what its workers say of themselves."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from kafka.admin import KafkaAdminClient

from streams.cluster import admin
from streams.offsets import Lag, lag
from streams.pages import Page, by_partition, together
from streams.readings import Meter, NoPageError, page
from streams.security import client_options
from streams.topics import topic_named

if TYPE_CHECKING:
    from streams.pipeline import Pipeline
    from streams.settings import Settings

__all__ = ["Glance", "Partition", "Watch", "owners_of"]

_AT_ONCE = 16


@dataclass(slots=True)
class Partition:
    """One partition of a group.

    Attributes:
        number: of it.
        owner: slot or host of the worker that has it; None where nobody has.
        behind: records of all inputs that are not committed yet.
        meter: rates and latencies over the last readings.
        page: what its worker says; None where no page tells of it.
    """

    number: int
    owner: str | None = None
    behind: int = 0
    meter: Meter = field(default_factory=Meter)
    page: Page | None = None


@dataclass(frozen=True, slots=True)
class Glance:
    """A group at one moment.

    Attributes:
        group: its name.
        state: as Kafka calls it.
        members: how many.
        partitions: by number.
        meter: of all of them together.
        silent: metrics pages that nobody serves.
    """

    group: str
    state: str
    members: int
    partitions: Sequence[Partition]
    meter: Meter
    silent: Sequence[str] = ()

    @property
    def behind(self) -> int:
        """Records of all inputs that are not committed yet."""
        return sum(partition.behind for partition in self.partitions)


class Watch:
    """Looks at a group again and again; rates are between looks.

    Args:
        pipeline: that the group runs.
        settings: connect to the cluster, name the group, and the pages by `metrics_port`.
        places: ``host:port`` of each worker's metrics page. By default worker i of a host is asked
            at that host, `metrics_port` + i.
    """

    def __init__(
        self, pipeline: Pipeline, settings: Settings, places: Sequence[str] | None = None
    ) -> None:
        self._pipeline = pipeline
        self._settings = settings
        self._places = places
        self._group = settings.group or pipeline.name
        self._meter = Meter()
        self._partitions: dict[int, Partition] = {}

    def look(self) -> Glance:
        """The group as it is now.

        Raises:
            ClusterError: there is no Kafka, or it denies the request.
            TopicError: there is no events topic.
        """
        settings, security = self._settings, client_options(self._settings)
        behind = lag(settings.brokers, self._group, self._pipeline.input_topics, security)
        if not behind:
            topic_named(
                settings.brokers, self._pipeline.events.name, security
            )  # says what is there
        with admin(settings.brokers, security) as client:
            described = self._described(client)
        members = described["members"]
        pages, silent = self._pages(members)
        self._take(behind, owners_of(members, self._pipeline.events.name), pages)
        if pages:
            self._meter.add(together(pages.values(), time.monotonic()))
        partitions = [self._partitions[number] for number in sorted(self._partitions)]
        state = described["group_state"]
        return Glance(self._group, state, len(members), partitions, self._meter, silent)

    def _described(self, client: KafkaAdminClient) -> Mapping[str, Any]:
        described: Mapping[str, Any] = client.describe_groups([self._group])[self._group]
        return described

    def _pages(self, members: Sequence[Mapping[str, Any]]) -> tuple[dict[int, Page], list[str]]:
        places = self._places or _conventional(members, self._settings.metrics_port)
        with ThreadPoolExecutor(_AT_ONCE) as pool:
            texts = list(pool.map(page, [f"http://{place}/metrics" for place in places]))
        now, name = time.monotonic(), self._pipeline.name
        pages: dict[int, Page] = {}
        silent = []
        for place, text in zip(places, texts, strict=True):
            try:
                pages |= by_partition(text or "", now, name)
            except NoPageError:
                text = None
            if text is None:
                silent.append(place)
        return pages, silent

    def _take(
        self, behind: Sequence[Lag], owners: Mapping[int, str], pages: Mapping[int, Page]
    ) -> None:
        for number in {it.partition for it in behind}:
            one = self._partitions.setdefault(number, Partition(number))
            one.owner, one.page = owners.get(number), pages.get(number)
            one.behind = sum(it.behind for it in behind if it.partition == number)
            if one.page is None:
                one.meter = Meter()
                continue
            last = one.meter.last
            if last is not None and one.page.reading.events < last.events:
                one.meter = Meter()  # another worker counts from its own beginning
            one.meter.add(one.page.reading)


def owners_of(members: Sequence[Mapping[str, Any]], topic: str) -> dict[int, str]:
    """Who has which partition of a topic: its slot if it has one, else its host."""
    return {
        number: _called(member)
        for member in members
        for assigned in (member["member_assignment"] or {"assigned_partitions": []})[
            "assigned_partitions"
        ]
        if assigned["topic"] == topic
        for number in assigned["partitions"]
    }


def _called(member: Mapping[str, Any]) -> str:
    return member.get("group_instance_id") or _host(member)


def _host(member: Mapping[str, Any]) -> str:
    host: str = member["client_host"]
    return host.lstrip("/")


def _conventional(members: Sequence[Mapping[str, Any]], port: int) -> list[str]:
    """Worker i of a host serves its metrics at the first port + i."""
    hosts = [_host(member) for member in members]
    return [
        f"{host}:{port + number}"
        for host in dict.fromkeys(hosts)
        for number in range(hosts.count(host))
    ]
