"""The metrics of one process: what is counted, as Prometheus' text and as samples."""

import threading
from collections.abc import Callable, Iterable, Iterator
from typing import NamedTuple

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)
from prometheus_client.core import Metric as Family
from prometheus_client.registry import Collector

from include.streaming.health.definitions import METRICS, PREFIX, Kind, Metric
from include.streaming.health.quantiles import Window

disable_created_metrics()  # type: ignore[no-untyped-call]


class Sample(NamedTuple):
    """One number; `name` without PREFIX, a quantile in it (`write_seconds_p95`)."""

    name: str
    labels: tuple[tuple[str, str], ...]
    value: float
    is_counter: bool


class Metrics:
    """
    The metrics of a service, all of its definitions; any thread may count.

    Attributes:
        refreshing: Called before the numbers are read: for gauges that are a matter of the moment.
    """

    def __init__(self, service: str) -> None:
        self.refreshing: Callable[[], None] = lambda: None
        self._reading = threading.Lock()
        self._registry = CollectorRegistry()
        self._counters: dict[Metric, Counter] = {}
        self._gauges: dict[Metric, Gauge] = {}
        self._windows: dict[Metric, Window] = {}
        for metric in METRICS:
            if service in metric.services:
                self._register(metric)
        ProcessCollector(registry=self._registry)

    def add(self, metric: Metric, *labels: str, by: float = 1.0) -> None:
        """Count."""
        counter = self._counters[metric]
        (counter.labels(*labels) if labels else counter).inc(by)

    def set(self, metric: Metric, value: float, *labels: str) -> None:
        """Set a gauge."""
        gauge = self._gauges[metric]
        (gauge.labels(*labels) if labels else gauge).set(value)

    def clear(self, metric: Metric) -> None:
        """Forget a gauge's values of all labels."""
        self._gauges[metric].clear()

    def observe(self, metric: Metric, durations_s: Iterable[float]) -> None:
        """Take durations into a summary."""
        self._windows[metric].add(durations_s)

    def text(self) -> bytes:
        """Return all of it in Prometheus' text format."""
        with self._reading:
            self.refreshing()
            return generate_latest(self._registry)

    def samples(self) -> list[Sample]:
        """Return all of it as numbers."""
        with self._reading:
            self.refreshing()
            return [
                _sample(family.type, sample.name, sample.labels, sample.value)
                for family in self._registry.collect()
                for sample in family.samples
            ]

    def _register(self, metric: Metric) -> None:
        name, labels = PREFIX + metric.name, metric.labels
        text = metric.help
        if metric.kind is Kind.COUNTER:
            self._counters[metric] = Counter(name, text, labels, registry=self._registry)
        elif metric.kind is Kind.GAUGE:
            self._gauges[metric] = Gauge(name, text, labels, registry=self._registry)
        else:
            self._windows[metric] = window = Window()
            self._registry.register(_Summary(name, text, window))


class _Summary(Collector):
    """A Window as Prometheus' summary: the library's own has no quantiles."""

    def __init__(self, name: str, text: str, window: Window) -> None:
        self._name, self._text, self._window = name, text, window

    def collect(self) -> Iterator[Family]:
        family = Family(self._name, self._text, "summary")
        for quantile, value in self._window.quantiles().items():
            family.add_sample(self._name, {"quantile": f"{quantile:g}"}, value)
        family.add_sample(f"{self._name}_count", {}, self._window.count)
        family.add_sample(f"{self._name}_sum", {}, self._window.total_s)
        yield family


def _sample(kind: str, name: str, labels: dict[str, str], value: float) -> Sample:
    name = name.removeprefix(PREFIX)
    labels = dict(labels)
    quantile = labels.pop("quantile", None)
    if quantile is not None:
        name = f"{name}_p{float(quantile) * 100:g}"
    is_counter = kind == "counter" or name.endswith(("_count", "_sum"))
    return Sample(name, tuple(sorted(labels.items())), value, is_counter)
