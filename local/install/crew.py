"""Several components set up at the same time, told to the user, ended together."""

import concurrent.futures as futures
from collections.abc import Callable, Sequence
from threading import Event

from local.console import Console
from local.install.component import Component, set_up
from local.install.failure import explain_os_error
from local.install.step import Step

REFRESH_S = 0.5


class Crew:
    """Runs set-ups in threads; the first failure, or Ctrl-C, ends the others."""

    def __init__(self, console: Console) -> None:
        self._console = console
        self._stop = Event()
        self._steps: dict[str, Step] = {}

    def set_up(self, components: Sequence[Component]) -> None:
        """
        Set all of them up.

        Raises:
            PipelineError: The first failure; the others were ended and will resume.
            KeyboardInterrupt: Ctrl-C; no tool is left running.
        """
        with futures.ThreadPoolExecutor(len(components)) as pool:
            under_way = {pool.submit(self._set_up_one, component) for component in components}
            try:
                self._watch(under_way)
            finally:
                self._end()

    def _watch(self, under_way: set[futures.Future[None]]) -> None:
        while under_way:
            done, under_way = futures.wait(under_way, REFRESH_S, futures.FIRST_COMPLETED)
            for future in done:
                future.result()
            self._console.progress([step.describe() for step in list(self._steps.values())])

    def _end(self) -> None:
        self._stop.set()
        for step in list(self._steps.values()):
            step.end()

    def _set_up_one(self, component: Component) -> None:
        title, name = component.title, component.name
        try:
            built = set_up(
                component,
                self._stop,
                lambda: self._console.say(f"{title}: waiting for another set-up of it to finish"),
                self._announce(component),
            )
        except OSError as error:
            raise explain_os_error(name, error, component.slot.root) from error
        finally:
            step = self._steps.pop(name, None)
        took = f"ready in {step.elapsed_s:.0f} s" if built and step else "set up meanwhile"
        self._console.say(f"{title}: {took}")

    def _announce(self, component: Component) -> Callable[[Step], None]:
        def announce(step: Step) -> None:
            self._steps[component.name] = step
            self._console.say(f"{component.title}: setting up (log: {step.log})")

        return announce
