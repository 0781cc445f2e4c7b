"""Files become records: which bytes, which keys, which times, and what is said of a bad file."""

from __future__ import annotations

import csv
import gzip
import io
import json
import sys
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from streams import jsonlines
from streams.chunks import Chunk
from streams.columns import Fields, SourceError, of_schema, types_of
from streams.reading import Source
from streams.schema import Event
from streams.sources import open_source

IN_FOLDER = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60)
NOON = 1_522_584_000_000


def whole(source: Source) -> Chunk:
    """All records of a source in one chunk."""
    parts = list(source)
    return Chunk(
        [value for part in parts for value in part.values],
        None if parts[0].keys is None else [key for part in parts for key in part.keys],
        None if parts[0].timestamps is None else [t for part in parts for t in part.timestamps],
    )


def written(path: Path, content: str | bytes) -> str:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return str(path)


def objects(chunk: Chunk) -> list[object]:
    return [json.loads(value) for value in chunk.values]


class Payment(Event, frozen=True):
    tx_id: str
    amount: float
    count: int
    fraud: bool
    at: datetime
    tags: list[str]


# --- JSON lines


@IN_FOLDER
@given(
    lines=st.lists(
        st.binary(min_size=1).filter(lambda line: not set(line) & {10, 13}), max_size=20
    ),
    rows=st.integers(1, 5),
    read=st.integers(1, 60),
)
def test_lines_are_passed_on_byte_for_byte(tmp_path, monkeypatch, lines, rows, read):
    monkeypatch.setattr(jsonlines, "_READ_BYTES", read)
    lines = [b"{" + line for line in lines]  # neither a byte order mark nor an array at the start
    source = open_source(written(tmp_path / "e.jsonl", b"\n".join(lines)), rows=rows)
    found = list(source)
    assert [value for chunk in found for value in chunk.values] == lines
    assert all(len(chunk) <= rows for chunk in found)
    assert source.malformed == 0


def test_line_ends_blank_lines_and_a_byte_order_mark_belong_to_no_record(tmp_path):
    path = written(tmp_path / "e.jsonl", b'\xef\xbb\xbf{"a":1}\r\n\r\n\n{"a":2}\r\n')
    assert whole(open_source(path)).values == [b'{"a":1}', b'{"a":2}']


def test_a_key_is_its_text_and_a_time_its_milliseconds(tmp_path):
    rows = [
        '{"at":"2018-04-01T12:00:00Z","id":"C1","amount":1.50}',
        '{"amount":2, "id":17, "at":1522584001}',
        '{"id":null,"at":"2018-04-01 12:00:02"}',
    ]
    path = written(tmp_path / "e.jsonl", "\n".join(rows))
    chunk = whole(open_source(path, Fields(key="id", time="at")))
    assert chunk.values == [row.encode() for row in rows]
    assert chunk.keys == [b"C1", b"17", None]
    assert chunk.timestamps == [NOON, NOON + 1000, NOON + 2000]


@pytest.mark.parametrize(
    "bad", ["{torn", '{"id":"x","at":1}{"id":"y","at":1}', "", '{"id":{},"at":1}', "7"]
)
def test_a_line_that_does_not_decode_is_passed_on_without_a_key_and_counted(tmp_path, bad):
    good = '{"id":"a","at":"2018-04-01T12:00:00Z"}'
    path = written(tmp_path / "e.jsonl", f"{good}\n{bad}\n{good}\n")
    source = open_source(path, Fields(key="id", time="at"))
    chunk = whole(source)
    expected = [line.encode() for line in (good, bad, good) if line]
    assert chunk.values == expected
    assert chunk.keys == [b"a", *([None] if bad else []), b"a"]
    assert chunk.timestamps == [NOON] * len(expected)
    assert source.malformed == (1 if bad else 0)


def test_objects_torn_over_lines_do_not_shift_the_keys_of_others(tmp_path):
    lines = ['{"id":"a"}{"id":"b"}', '{"id":"c"', "}", '{"id":"d"}']
    chunk = whole(open_source(written(tmp_path / "e.jsonl", "\n".join(lines)), Fields(key="id")))
    assert chunk.keys == [None, None, None, b"d"]


def test_rename_and_select_rebuild_an_object_and_keep_its_values_to_the_byte(tmp_path):
    path = written(
        tmp_path / "e.jsonl", '{"TX":"a","AMOUNT":1.50,"more":{"x": [1]},"no":0}\n{"TX":"b"}\nx\n'
    )
    fields = Fields(key="id", rename={"TX": "id", "AMOUNT": "amount"}, select=["amount", "more"])
    source = open_source(path, fields)
    chunk = whole(source)
    assert chunk.values == [b'{"amount":1.50,"more":{"x": [1]}}', b"{}", b"x"]
    assert chunk.keys == [b"a", b"b", None]
    assert source.malformed == 1


def test_gzip_is_understood_and_the_share_read_comes_to_one(tmp_path):
    path = written(tmp_path / "e.jsonl.gz", gzip.compress(b'{"a":1}\n' * 5000))
    source = open_source(path, rows=1000)
    assert source.share is None
    assert len(whole(source)) == 5000
    assert source.share == 1.0


def test_the_standard_input_is_read_as_it_comes(monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(b'{"a":1}\n{"a":2}')))
    source = open_source("-")
    assert whole(source).values == [b'{"a":1}', b'{"a":2}']
    assert source.share is None


# --- CSV


@IN_FOLDER
@given(
    st.lists(
        st.tuples(st.text(max_size=5), st.floats(allow_nan=False, allow_infinity=False)), max_size=9
    )
)
def test_what_csv_was_written_of_is_what_is_sent(tmp_path, rows):
    text = io.StringIO()
    csv.writer(text).writerows([("name", "n"), *rows])
    path = written(tmp_path / "e.csv", text.getvalue())
    source = open_source(path, Fields(types={"name": str, "n": float}), rows=2)
    found = [value for chunk in source for value in objects(chunk)]
    assert found == [{"name": name, "n": n} for name, n in rows]
    assert source.malformed == 0


def test_without_types_a_text_that_is_a_json_number_is_one_and_nothing_else_is(tmp_path):
    path = written(tmp_path / "e.csv", "a,b,c,d\n1.50,00123,,x\n-2e3,+1,5,NaN\n")
    assert whole(open_source(path)).values == [
        b'{"a":1.50,"b":"00123","d":"x"}',
        b'{"a":-2e3,"b":"+1","c":5,"d":"NaN"}',
    ]


def test_a_columns_numbers_do_not_depend_on_the_rows_beside_them(tmp_path):
    path = written(tmp_path / "e.csv", "a\n1.50\nx\n2\n")
    together = whole(open_source(path)).values
    assert (
        together
        == whole(open_source(path, rows=1)).values
        == [b'{"a":1.50}', b'{"a":"x"}', b'{"a":2}']
    )


def test_with_the_types_of_a_schema_the_records_decode_against_it(tmp_path):
    path = written(
        tmp_path / "e.csv",
        'ID,amount,count,fraud,at,tags\n007,.5,12.0,Yes,2018-04-01 12:00:00,"[""x""]"\n',
    )
    fields = Fields(key="tx_id", time="at", rename={"ID": "tx_id"}, types=types_of(Payment))
    source = open_source(path, fields)
    chunk = whole(source)
    assert msgspec.json.decode(chunk.values[0], type=Payment) == Payment(
        "007", 0.5, 12, True, datetime(2018, 4, 1, 12, tzinfo=UTC), ["x"]
    )
    assert (chunk.keys, chunk.timestamps, source.malformed) == ([b"007"], [NOON], 0)


def test_a_value_of_another_type_and_a_torn_row_are_sent_as_they_are_and_counted(tmp_path):
    path = written(
        tmp_path / "e.csv", "id,n,at\na,1,2018-04-01\nb,lots,2018-04-02\nc,3\nd,4,2018-04-03\n"
    )
    source = open_source(path, Fields(key="id", time="at", types={"n": float}))
    chunk = whole(source)
    assert chunk.values[1] == b'{"id":"b","n":"lots","at":"2018-04-02"}'
    assert chunk.values[2] == b"c,3"
    assert chunk.keys == [b"a", b"b", None, b"d"]
    assert chunk.timestamps[2] == chunk.timestamps[1] < chunk.timestamps[3]
    assert source.malformed == 2
    assert source.misfit == "n 'lots' is no float"


@pytest.mark.parametrize("sign", [";", "\t"])
def test_semicolons_or_tabs_separate_where_the_header_has_no_comma(tmp_path, sign):
    path = written(tmp_path / "e.csv", f'\ufeffa{sign}"b c"\n1{sign}"x{sign} y"\n')
    assert objects(whole(open_source(path))) == [{"a": 1, "b c": f"x{sign} y"}]


class Order(Event, frozen=True):
    order_no: str
    at: datetime
    amount: float | None
    discount: float | None = None


def test_a_missing_value_of_an_optional_field_decodes_as_none(tmp_path):
    path = written(tmp_path / "e.csv", "order_no,at,amount,discount\nA1,2026-03-01,,\n")
    chunk = whole(open_source(path, of_schema(Fields(key="order_no", time="at"), Order)))
    assert chunk.values == [b'{"order_no":"A1","at":"2026-03-01T00:00:00Z","amount":null}']
    assert msgspec.json.decode(chunk.values[0], type=Order).amount is None


def test_times_in_the_files_own_format_are_sent_as_rfc_3339(tmp_path):
    text = "order_no,at,amount\nA1,01.04.2018 12:00,1\nA2,soon,2\n"
    path = written(tmp_path / "e.csv", text)
    own = Fields(time="at", time_format="%d.%m.%Y %H:%M")
    for fields in (own, of_schema(own, Order)):  # with the types of a schema, and without
        source = open_source(path, fields)
        chunk = whole(source)
        assert json.loads(chunk.values[0])["at"] == "2018-04-01T12:00:00Z"
        assert chunk.timestamps == [NOON, NOON]
        assert (source.malformed, source.misfit) == (1, "at 'soon' is no datetime")


class Sold(Event, frozen=True):
    no: str
    price: float
    pieces: int
    note: str


def test_decimal_commas_are_read_in_columns_that_are_numbers_by_the_schema(tmp_path):
    rows = "A1;12,50;3;1,5 l\nA2;-0,5;3,0;2,0\nA3;7;4;x\nA4;1e3;5;x\n"
    path = written(tmp_path / "e.csv", f"no;price;pieces;note\n{rows}")
    source = open_source(path, of_schema(Fields(decimal=","), Sold))
    assert objects(whole(source)) == [
        {"no": "A1", "price": 12.5, "pieces": 3, "note": "1,5 l"},
        {"no": "A2", "price": -0.5, "pieces": 3, "note": "2,0"},
        {"no": "A3", "price": 7, "pieces": 4, "note": "x"},
        {"no": "A4", "price": 1e3, "pieces": 5, "note": "x"},
    ]
    assert source.malformed == 0


@pytest.mark.parametrize("price", ["1.234,50", "1.234", "1,234,5"])
def test_a_point_or_a_second_comma_where_decimals_have_a_comma_is_not_guessed_at(tmp_path, price):
    path = written(tmp_path / "e.csv", f"no;price;pieces;note\nA1;{price};3;x\n")
    source = open_source(path, of_schema(Fields(decimal=","), Sold))
    assert objects(whole(source)) == [{"no": "A1", "price": price, "pieces": 3, "note": "x"}]
    assert source.malformed == 1


@pytest.mark.parametrize(("decimal", "price", "other"), [(".", "12,5", ","), (",", "12.5", ".")])
def test_a_number_with_the_other_sign_for_decimals_is_told_with_the_option(
    tmp_path, decimal, price, other
):
    path = written(tmp_path / "e.csv", f"no;price;pieces;note\nA1;{price};3;x\n")
    source = open_source(path, of_schema(Fields(decimal=decimal), Sold))
    list(source)
    assert source.misfit == f"price '{price}' is no float; it would be one with --decimal {other}"


def test_decimal_commas_without_a_schema_or_in_json_are_refused_with_what_to_write(tmp_path):
    with pytest.raises(SourceError, match="for a schema to say") as caught:
        list(open_source(written(tmp_path / "e.csv", "a;b\n1,5;2\n"), Fields(decimal=",")))
    assert caught.value.write == "--decimal , --pipeline FILE"
    with pytest.raises(SourceError, match="for JSON lines"):
        open_source(written(tmp_path / "e.jsonl", "{}"), Fields(decimal=","))


def test_a_table_without_what_the_schema_asks_for_says_how_to_name_it(tmp_path):
    path = written(tmp_path / "e.csv", "Order No,when,amount\nA1,2026-03-01,1\n")
    with pytest.raises(SourceError) as caught:
        list(open_source(path, of_schema(Fields(key="order_no", time="at"), Order)))
    assert caught.value.given.endswith("e.csv without 'order_no', 'at'")
    assert "the columns are Order No, when, amount" in caught.value.why
    assert caught.value.write == (
        'order_no: str = msgspec.field(name="Order No") in the schema; '
        "or --rename 'Order No=order_no' for thalweg produce"
    )


def test_a_format_of_times_that_is_not_theirs_is_told_with_one_of_them(tmp_path):
    path = written(tmp_path / "e.csv", "at\n01.04.2018\n")
    for form in (None, "%d/%m/%Y"):
        with pytest.raises(SourceError, match=r"it holds '01\.04\.2018'") as caught:
            list(open_source(path, Fields(time="at", time_format=form)))
        assert "--time-format" in caught.value.write
    with pytest.raises(SourceError, match="for JSON lines"):
        open_source(written(tmp_path / "e.jsonl", "{}"), Fields(time_format="%d/%m/%Y"))


def test_tabs_separate_where_the_name_says_so(tmp_path):
    assert whole(open_source(written(tmp_path / "e.tsv", "a\tb\n1\tx, y\n"))).values == [
        b'{"a":1,"b":"x, y"}'
    ]


@pytest.mark.parametrize(
    ("content", "given", "why"),
    [
        (b"", "as CSV", "it is empty"),
        (b"a,b,a\n1,2,3\n", "as CSV", "two columns are called 'a'"),
        (b"a\n\xe9t\xe9\n", "after line", "it is not UTF-8"),
        (b'a\n"' + b"x" * 200_000 + b'"\n', "line 2", "field larger than field limit"),
    ],
)
def test_a_broken_csv_file_says_where_and_why(tmp_path, content, given, why):
    with pytest.raises(SourceError) as caught:
        list(open_source(written(tmp_path / "e.csv", content)))
    assert given in caught.value.given
    assert why in caught.value.why


# --- Parquet


def test_parquet_keeps_its_types_and_leaves_out_what_is_missing(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    path = str(tmp_path / "e.parquet")
    at = [datetime(2018, 4, 1, 12), None, datetime(2018, 4, 1, 12, 0, 0, 500_000)]
    table = {
        "id": ["007", "1", None],
        "n": pa.array([596, None, 2], pa.int16()),
        "x": [1.5, float("nan"), float("inf")],
        "d": [Decimal("1.10"), None, Decimal("2.00")],
        "at": pa.array(at, pa.timestamp("ns")),
        "zoned": pa.array(at, pa.timestamp("ms", tz="Europe/Paris")),
        "more": [[1], None, []],
    }
    pq.write_table(pa.table(table), path)
    source = open_source(path, Fields(key="n", time="at"), rows=2)
    chunk = whole(source)
    assert chunk.values[0] == (
        b'{"id":"007","n":596,"x":1.5,"d":1.10,"at":"2018-04-01T12:00:00Z",'
        b'"zoned":"2018-04-01T12:00:00Z","more":[1]}'
    )
    assert chunk.values[1] == b'{"id":"1"}'
    assert objects(chunk)[2]["at"] == "2018-04-01T12:00:00.500000Z"
    assert chunk.keys == [b"596", None, b"2"]
    assert chunk.timestamps == [NOON, NOON, NOON + 500]
    assert (source.malformed, source.share) == (1, 1.0)


def test_parquet_values_take_the_types_of_the_schema(tmp_path):
    pa = pytest.importorskip("pyarrow")
    pq = pytest.importorskip("pyarrow.parquet")
    path = str(tmp_path / "e.parquet")
    columns = {"id": [596], "n": [596.0], "fraud": [1], "at": ["2018-04-01 12:00:00"]}
    pq.write_table(pa.table(columns), path)
    types = {"id": str, "n": int, "fraud": bool, "at": datetime}
    assert objects(whole(open_source(path, Fields(types=types)))) == [
        {"id": "596", "n": 596, "fraud": True, "at": "2018-04-01T12:00:00Z"}
    ]


def test_without_pyarrow_the_error_says_what_to_install(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(SourceError, match=r"write: pip install 'thalweg\[parquet\]'"):
        open_source(written(tmp_path / "e.parquet", b""))


def test_what_is_no_parquet_is_refused(tmp_path):
    pytest.importorskip("pyarrow")
    with pytest.raises(SourceError, match=r"e.parquet as Parquet"):
        open_source(written(tmp_path / "e.parquet", b"PAR0 and so on"))
    with pytest.raises(SourceError, match="standard input"):
        open_source("-", format="parquet")


# --- errors that teach


@pytest.mark.parametrize(
    ("fields", "given", "write"),
    [
        (Fields(key="custmer_id"), "--key custmer_id", "--key customer_id"),
        (Fields(time="when"), "--time when", "--time customer_id, AMOUNT or at"),
        (Fields(select=["amount"]), "--select amount", "--select AMOUNT"),
        (Fields(rename={"AMONT": "sum"}), "--rename AMONT=sum", "--rename AMOUNT=sum"),
        (Fields(key="at", rename={"at": "when"}), "--key at", "--key customer_id, AMOUNT or when"),
    ],
)
@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("e.jsonl", '{"customer_id":"a","AMOUNT":1}\n{"at":"2018-04-01"}\n'),
        ("e.csv", "customer_id,AMOUNT,at\na,1,2018-04-01\n"),
    ],
)
def test_a_column_that_is_not_there_is_refused_with_the_nearest_one(
    tmp_path, name, content, fields, given, write
):
    with pytest.raises(SourceError, match="it has customer_id, AMOUNT, ") as caught:
        list(open_source(written(tmp_path / name, content), fields))
    assert (caught.value.given, caught.value.write) == (given, write)


def test_a_time_column_without_a_time_is_refused(tmp_path):
    path = written(tmp_path / "e.jsonl", '{"at":"C596"}\n')
    with pytest.raises(SourceError, match="it holds 'C596'"):
        list(open_source(path, Fields(time="at")))


def test_a_json_array_is_refused_with_the_line_that_makes_lines_of_it(tmp_path):
    path = written(tmp_path / "e.json", '\n [{"a":1}]')
    with pytest.raises(SourceError) as caught:
        list(open_source(path))
    assert caught.value.write == f"jq -c '.[]' {path} > e.jsonl"


def test_a_file_without_line_breaks_is_not_read_into_memory(tmp_path, monkeypatch):
    monkeypatch.setattr(jsonlines, "_READ_BYTES", 1000)
    monkeypatch.setattr(jsonlines, "_LINE_BYTES", 5000)
    with pytest.raises(SourceError, match="a line of it is longer than"):
        list(open_source(written(tmp_path / "e.jsonl", b"x" * 10_000)))


def test_a_file_that_is_not_there_or_of_no_known_format_is_refused(tmp_path):
    path = written(tmp_path / "events.jsonl", "")
    with pytest.raises(SourceError) as caught:
        open_source(str(tmp_path / "event.jsonl"))
    assert (caught.value.why, caught.value.write) == ("there is no such file", path)
    with pytest.raises(SourceError, match="that is a directory"):
        open_source(str(tmp_path))
    with pytest.raises(SourceError, match=r"formats are jsonl, csv, parquet"):
        open_source(written(tmp_path / "events.xlsx", ""))
    with pytest.raises(SourceError) as caught:
        open_source(path, format="json")
    assert caught.value.write == "--format jsonl"
