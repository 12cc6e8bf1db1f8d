"""What is missing, what is extra, what is wrong."""

import math
from collections import Counter
from collections.abc import Callable, Mapping

TOLERANCE = 1e-9
SHOWN = 5

Fields = Mapping[str, float | str | None]


class Verdict:
    """The findings of one verification, and how much was compared."""

    def __init__(self) -> None:
        self.compared: Counter[str] = Counter()
        self.missing: list[str] = []
        self.extra: list[str] = []
        self.wrong: list[str] = []

    @property
    def is_clean(self) -> bool:
        return not (self.missing or self.extra or self.wrong)

    def compare[Place](
        self,
        store: str,
        expected: Mapping[Place, Fields],
        found: Mapping[Place, Fields],
        *,
        is_due: Callable[[Place], bool] = lambda _: True,
        scale: float = 0.0,
    ) -> None:
        """
        Note what differs; places that are not due may be absent, but not be wrong.

        *store* is a symbol and what is stored of it, "BTC/USDT trades".
        *scale* is a magnitude whose rounding is in all fields: a difference of prices is exact
        only to the price's own last digits.
        """
        self.compared[store.rpartition(" ")[2]] += len(found)
        self.missing += [f"{store} {p}" for p in expected if p not in found and is_due(p)]
        self.extra += [f"{store} {p}" for p in found if p not in expected]
        for place in expected.keys() & found.keys():
            want, got = expected[place], found[place]
            for name in want.keys() | got.keys():
                if not equal(want.get(name), got.get(name), scale):
                    self.wrong.append(
                        f"{store} {place} {name}: expected {want.get(name)!r},"
                        f" found {got.get(name)!r}"
                    )

    def require(self, is_right: bool, text: str) -> None:
        if not is_right:
            self.wrong.append(text)

    def __repr__(self) -> str:
        counted = ", ".join(f"{n} {store}" for store, n in sorted(self.compared.items()))
        parts = [f"missing {len(self.missing)}, extra {len(self.extra)}, wrong {len(self.wrong)}"]
        for name in ("missing", "extra", "wrong"):
            parts += [f"{name}: {text}" for text in sorted(getattr(self, name))[:SHOWN]]
        return "; ".join([*parts, f"compared {counted}"])


def equal(expected: float | str | None, found: float | str | None, scale: float = 0.0) -> bool:
    if isinstance(expected, float | int) and isinstance(found, float | int):
        return math.isclose(expected, found, rel_tol=TOLERANCE, abs_tol=scale * 1e-12)
    return expected == found
