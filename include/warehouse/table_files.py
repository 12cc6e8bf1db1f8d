"""Rows as a file: CSV for whoever reads, Parquet for whoever computes."""

import csv
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import BinaryIO, NamedTuple, Protocol, TextIO

import pyarrow as pa
from pyarrow import parquet

from include.errors import PipelineError

Row = Sequence[object]

# Of PostgreSQL, as sql/migrations uses them.
ARROW_TYPES = {
    "bool": pa.bool_(),
    "int2": pa.int16(),
    "int4": pa.int32(),
    "int8": pa.int64(),
    "float8": pa.float64(),
    "text": pa.string(),
    "timestamptz": pa.timestamp("us", tz="UTC"),
}


class Column(NamedTuple):
    """A column and the name of its type in PostgreSQL."""

    name: str
    type: str


class TableFile(Protocol):
    """A file that rows are added to, many at a time."""

    def write(self, rows: Sequence[Row]) -> None: ...


class CsvFile:
    """Times are UTC, numbers have all their digits, what does not exist is empty."""

    def __init__(self, out: TextIO, columns: Sequence[Column]) -> None:
        self._writer = csv.writer(out, lineterminator="\n")
        self._writer.writerow(column.name for column in columns)

    def write(self, rows: Sequence[Row]) -> None:
        self._writer.writerows([_text(value) for value in row] for row in rows)


class ParquetFile:
    """Typed as PostgreSQL has it, times in UTC; each `write` becomes a row group."""

    def __init__(self, writer: parquet.ParquetWriter, schema: pa.Schema) -> None:
        self._writer = writer
        self._schema = schema

    def write(self, rows: Sequence[Row]) -> None:
        columns = [
            pa.array(values, t)
            for values, t in zip(zip(*rows, strict=True), self._schema.types, strict=True)
        ]
        self._writer.write_table(pa.Table.from_arrays(columns, schema=self._schema))


@contextmanager
def parquet_file(out: BinaryIO, columns: Sequence[Column]) -> Iterator[ParquetFile]:
    """
    Write Parquet to *out*; it can be read once this context has ended.

    Raises:
        PipelineError: A column has a type that was forgotten here.
    """
    unknown = [f"{c.name} ({c.type})" for c in columns if c.type not in ARROW_TYPES]
    if unknown:
        raise PipelineError(f"no Parquet type for {', '.join(unknown)}: add it to ARROW_TYPES")
    schema = pa.schema([pa.field(c.name, ARROW_TYPES[c.type]) for c in columns])
    with parquet.ParquetWriter(out, schema, compression="zstd") as writer:
        yield ParquetFile(writer, schema)


def _text(value: object) -> object:
    return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value
