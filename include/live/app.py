"""The market page as a web application: its files, and its data as JSON."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

from fastapi import Depends, FastAPI, Query, Request
from fastapi.responses import FileResponse, JSONResponse, Response

from include.errors import PipelineError, Unavailable
from include.kpis.records import MarketKey
from include.live.answers import Answers, Interval, Json, UnknownMarket
from include.live.evidence import Evidence
from include.settings import EXCHANGE_NAME, SYMBOL_NAME

PAGE = Path(__file__).parent / "page"
SCRIPT = "text/javascript"
FILES = {
    "market.js": SCRIPT,
    "drawing.js": SCRIPT,
    "figures.js": SCRIPT,
    "market.css": "text/css",
}
# Nothing of the page comes from elsewhere, and only Airflow may show it in a frame.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
        "connect-src 'self'; img-src 'self' data:; frame-ancestors 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}

Exchange = Annotated[str, Query(pattern=f"^(?:{EXCHANGE_NAME.pattern})$", max_length=40)]
Symbol = Annotated[str, Query(pattern=f"^(?:{SYMBOL_NAME.pattern})$", max_length=40)]


def create_app(
    answers: Answers,
    evidence: Evidence,
    charts_file: Path,
    login: Sequence[Callable[..., Any]],
) -> FastAPI:
    """
    Return the application; every request, for a file too, passes the dependencies of *login*.

    It answers 404 for a market without data, 503 while a store is unreachable; `detail` says why.
    """
    app = _guarded(login)

    @app.get("/")
    def page() -> Response:
        return FileResponse(PAGE / "index.html", media_type="text/html")

    @app.get("/files/{name}")
    def file(name: str) -> Response:
        if name == "charts.js" and charts_file.is_file():
            return FileResponse(charts_file, media_type="text/javascript")
        if name not in FILES:
            return JSONResponse({"detail": f"no such file: {name[:40]}"}, 404)
        return FileResponse(PAGE / name, media_type=FILES[name])

    @app.get("/api/markets")
    def markets() -> list[Json]:
        return answers.markets()

    @app.get("/api/candles")
    def candles(
        exchange: Exchange,
        symbol: Symbol,
        interval: Interval = "1m",
        since_s: Annotated[float | None, Query(ge=0, lt=4_102_444_800)] = None,
    ) -> Json:
        since = None if since_s is None else datetime.fromtimestamp(since_s, tz=UTC)
        return answers.candles(MarketKey(exchange, symbol), interval, since)

    @app.get("/api/newest")
    def newest(exchange: Exchange, symbol: Symbol) -> Json:
        return answers.newest(MarketKey(exchange, symbol))

    @app.get("/api/evidence")
    def proved(exchange: Exchange, symbol: Symbol) -> Json:
        return evidence.of(MarketKey(exchange, symbol))

    return app


def refusing(error: PipelineError, login: Sequence[Callable[..., Any]]) -> FastAPI:
    """Return an application that says *error*, whatever it is asked, to who is logged in."""
    app = _guarded(login)

    @app.get("/{anything:path}")
    def refuse(anything: str) -> Response:
        raise error

    return app


def _guarded(login: Sequence[Callable[..., Any]]) -> FastAPI:
    guards = [Depends(guard) for guard in login]
    app = FastAPI(dependencies=guards, openapi_url=None, docs_url=None, redoc_url=None)
    app.add_exception_handler(PipelineError, _refused)

    @app.middleware("http")
    async def secured(request: Request, call_next: Callable[[Request], Any]) -> Response:
        response: Response = await call_next(request)
        response.headers.update({**HEADERS, "Cache-Control": "no-store"})
        return response

    return app


def _refused(request: Request, error: Exception) -> JSONResponse:
    status = 404 if isinstance(error, UnknownMarket) else 500
    headers = {}
    if isinstance(error, Unavailable):
        status, headers = 503, {"Retry-After": str(round(error.retry_after_s or 2))}
    return JSONResponse({"detail": str(error)}, status, headers)
