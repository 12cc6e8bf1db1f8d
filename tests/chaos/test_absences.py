"""Absent at start: every process starts, says so, and goes on by itself once it is there."""

import pytest

from local.free_ports import FreePorts
from tests.chaos.pipeline import Pipeline, simulator
from tests.chaos.servers import eventually

SAYS = {
    "kafka": {"producer": "kafka.unavailable", "consumer": "kafka.unavailable"},
    "influxdb": {"consumer": "influxdb.unavailable"},
    "postgres": {},
    "exchange": {"producer": "exchange.unavailable"},
}


@pytest.mark.fault(5)
@pytest.mark.slow
@pytest.mark.parametrize("absent", ["kafka", "influxdb", "postgres"])
def test_a_server_absent_at_start(absent, pipeline, struck, story):
    struck.stop(absent)
    pipeline.start("consumer")
    pipeline.start("producer")
    said = complaints(pipeline, SAYS[absent])
    if absent in ("kafka", "postgres"):
        said["drain"] = refused_drain(pipeline)
    struck.start(absent)
    verdict = pipeline.settle()

    story.injected(f"{absent} absent at start")
    story.found(f"{said}; once there: {verdict}")
    assert verdict.is_clean, verdict


@pytest.mark.fault(5)
@pytest.mark.slow
@pytest.mark.parametrize("servers_too", [False, True], ids=["the exchange", "all"])
def test_the_exchange_absent_at_start(
    servers_too, settings, pipeline_environment, influx_reader_token_file, struck, tmp_path, seed,
    story,
):  # fmt: skip
    ports = FreePorts()
    port = ports.take()
    pipeline = Pipeline(
        settings, pipeline_environment, tmp_path,
        influx_reader_token_file.read_text().strip(), f"http://127.0.0.1:{port}", ports,
    )  # fmt: skip
    absent = ["exchange", *(["kafka", "postgres", "influxdb"] if servers_too else [])]
    try:
        struck.stop(*absent[1:])
        pipeline.start("consumer")
        pipeline.start("producer")
        wanted = {name: event for server in absent[::-1] for name, event in SAYS[server].items()}
        wanted |= SAYS["exchange"]  # Kafka, and before it the exchange, are asked first
        said = complaints(pipeline, wanted)
        struck.start(*absent[1:])
        with simulator(port, tmp_path, "--seed", str(seed)):
            verdict = pipeline.settle()
    finally:
        pipeline.close()
        ports.close()

    story.injected(f"absent at start: {', '.join(absent)}")
    story.found(f"{said}; once there: {verdict}")
    assert verdict.is_clean, verdict


def complaints(pipeline, events) -> dict[str, str]:
    """Return what each service last said once it has complained twice: it asked again."""
    said = {}
    for name, event in events.items():
        eventually(lambda n=name, e=event: pipeline.said(n).count(e) > 1, f"{name} to say {event}")
        said[name] = next(
            line[:160] for line in reversed(pipeline.said(name).splitlines()) if event in line
        )
        assert "Traceback" not in pipeline.said(name)
        pipeline.running(name)
    return said


def refused_drain(pipeline) -> str:
    run = pipeline.drain()
    assert run.returncode == 3, run.stderr
    assert run.stderr.count("\n") == 1
    return run.stderr.strip()[:160]
