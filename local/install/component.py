"""What is to be installed: a component, its definition, and how it gets into the cache."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from threading import Event

from local.cache import Slot, cache_root, definition_key
from local.install.step import Step

Build = Callable[[Path, Path, Step], None]


@dataclass(frozen=True)
class Component:
    """
    Something to install.

    Attributes:
        title: What the user reads.
        definition: Whatever changes the result; another definition is another folder.
        disk_mb: Most that setting it up takes, caches of the tools included (measured).
        build: Called with the product's folder (absent or empty), a folder for work that a resumed
            set-up finds again, and the step.
        is_intact: Whether a complete product still works.
        movable: False if the product knows its own path and must be built in place.
    """

    name: str
    title: str
    version: str
    definition: tuple[bytes, ...]
    disk_mb: int
    build: Build
    is_intact: Callable[[Path], bool]
    movable: bool = True

    @property
    def slot(self) -> Slot:
        return Slot(cache_root(), f"{self.name}-{self.version}-{definition_key(*self.definition)}")

    def is_ready(self) -> bool:
        return self.slot.is_complete() and self.is_intact(self.slot.path)


def set_up(
    component: Component,
    stop: Event,
    on_wait: Callable[[], None],
    on_start: Callable[[Step], None],
) -> bool:
    """
    Build the component into its slot; return False if another set-up did so while we waited.

    Raises:
        PipelineError: It failed; what was done so far is kept for the next attempt.
        KeyboardInterrupt: `stop` was set.
    """
    slot = component.slot
    with slot.locked(stop, on_wait) as lock:
        if component.is_ready():
            return False
        work = slot.prepare()
        product = slot.partial / "out" if component.movable else slot.path
        step = Step(component.name, slot.log, stop, lock)
        on_start(step)
        component.build(product, work, step)
        if stop.is_set():
            raise KeyboardInterrupt
        slot.publish(product)
    return True
