"""Pushes and pulls a table of 1,000,000 x 10 with the Python client, beside what it stands against.

Prints JSON: for each key a list of seconds. `python dataframe.py FOLDER REPETITIONS`
"""

import base64
import io
import json
import os
import pathlib
import sys
import time

import dsp
import numpy
import pandas

ROWS = 1_000_000


def table(seed: int) -> pandas.DataFrame:
    random = numpy.random.default_rng(seed)
    start = numpy.datetime64("2024-01-01")
    seconds = random.integers(0, 10**8, ROWS).astype("timedelta64[s]")
    columns = {f"float_{n}": random.normal(size=ROWS) for n in range(4)}
    columns |= {f"int_{n}": random.integers(0, 10**6, ROWS) for n in range(3)}
    columns["flag"] = random.random(ROWS) < 0.5
    columns["at"] = start + seconds
    columns["region"] = random.choice(["EU", "US", "UK", "APAC"], ROWS)
    return pandas.DataFrame(columns)


def timed(do):
    begun = time.perf_counter()
    result = do()
    return result, time.perf_counter() - begun


def flushed(path: pathlib.Path) -> None:
    with path.open("rb") as file:
        os.fsync(file.fileno())


def main() -> None:
    folder, repetitions = pathlib.Path(sys.argv[1]), int(sys.argv[2])
    names = ("push", "to_parquet", "old_push", "pull", "read_parquet", "old_pull")
    times = {name: [] for name in names}
    for n in range(repetitions):
        frame = table(n)
        parquet, old = folder / f"{n}.parquet", folder / f"{n}.json"

        def to_parquet(frame=frame, parquet=parquet):
            frame.to_parquet(parquet, compression="zstd")
            flushed(parquet)

        def old_push(frame=frame, old=old):
            text = base64.b64encode(frame.to_csv().encode()).decode()
            old.write_text(json.dumps({"attachments": [{"data": text}]}))
            flushed(old)

        def old_pull(old=old):
            data = json.loads(old.read_text())["attachments"][0]["data"]
            return pandas.read_csv(io.BytesIO(base64.b64decode(data)), index_col=0)

        _, took = timed(lambda frame=frame: dsp.push_frame("bench/table", frame, message="bench"))
        times["push"].append(took)
        times["to_parquet"].append(timed(to_parquet)[1])
        times["old_push"].append(timed(old_push)[1])
        # Whoever reads first would pay for the memory that the other then has already.
        pandas.read_parquet(parquet)
        back, took = timed(lambda: dsp.pull("bench/table"))
        pandas.testing.assert_frame_equal(back, frame)
        times["pull"].append(took)
        times["read_parquet"].append(timed(lambda p=parquet: pandas.read_parquet(p))[1])
        times["old_pull"].append(timed(old_pull)[1])
        parquet.unlink()
        old.unlink()
    print(json.dumps(times))


main()
