"""An exchange: whether it can be reached, and agrees with this machine about the time."""

import asyncio
import time

from include.errors import Misconfigured, Unavailable
from include.exchange.registry import open_exchange
from include.settings import Settings

MOST_SKEW_S = 2.0  # beyond it a snapshot is from the future, says the check times_sane


def clock(settings: Settings, name: str) -> str:
    """
    Compare this machine's clock with the exchange's, to half the time its answer takes.

    Raises:
        Unavailable: It cannot be reached.
        Misconfigured: The clocks are more than MOST_SKEW_S apart, or there is no such exchange.
    """
    began_s = time.time()
    theirs_s = asyncio.run(_now_ms(settings, name)) / 1000
    ended_s = time.time()
    half_s = (ended_s - began_s) / 2
    skew_s = (began_s + ended_s) / 2 - theirs_s
    told = f"this machine's clock is {abs(skew_s):.1f} s {'ahead' if skew_s > 0 else 'behind'}"
    if abs(skew_s) - half_s > MOST_SKEW_S:
        raise Misconfigured(
            f"{name}: {told}; expected at most {MOST_SKEW_S:g} s: set it by NTP "
            "(`timedatectl set-ntp true`)"
        )
    return f"{settings.exchange_url or name}: {told} (+- {half_s:.1f} s)"


async def _now_ms(settings: Settings, name: str) -> int:
    exchange = open_exchange(name, settings)
    try:
        async with asyncio.timeout(settings.exchange_timeout_s):
            return await exchange.now_ms()
    except TimeoutError:
        raise Unavailable(f"{name}: no answer within {settings.exchange_timeout_s:g} s") from None
    finally:
        await exchange.close()
