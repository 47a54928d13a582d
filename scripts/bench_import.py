"""Speed and memory of `flowtwin import`, beside pandas.read_csv on the same file in the same run.

    scripts/bench_import.py [build/bench.json]

Times are of the whole command, from its start to its end, with the dataset written; those of pandas
are of read_csv alone. Both are run in turn, and the best of five counts. Memory is measured on the
file and on ten dates of it through a pipe, for all hosts and for few: it has to grow only with the
flows that are kept. Adds import.* to the file that is named, and prints the same.
"""
import gzip
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time

REPEATS = 5
PROGRAM = os.environ.get("FLOWTWIN", "build/flowtwin")
DAY = os.environ.get("FLOWTWIN_REAL_DATA") or "../shared/data/ugr16-day1.csv.gz"
HOSTS, FEW_HOSTS, DATE = "42.219.0.0/16", "42.219.156.0/24", b"2016-04-11"

PANDAS = """
import sys, time, pandas
started = time.perf_counter()
table = pandas.read_csv(sys.argv[1], header=None, engine="c")
print(time.perf_counter() - started, len(table))
"""


def import_file(path, output, hosts):
    """Seconds of the command, and its summary."""
    started = time.perf_counter()
    summary = subprocess.run([PROGRAM, "import", "--json", "--quiet", "--hosts", hosts, "-o",
                              output, path], check=True, stdout=subprocess.PIPE).stdout
    return time.perf_counter() - started, json.loads(summary)


def import_ten_days(text, output, hosts):
    """The summary of an import of the text over ten dates, which come through a pipe."""
    process = subprocess.Popen([PROGRAM, "import", "--json", "--quiet", "--hosts", hosts, "-o",
                                output, "-"], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    for day in range(11, 21):
        process.stdin.write(text.replace(DATE, b"2016-04-%d" % day))
    process.stdin.close()
    summary = process.stdout.read()
    if process.wait() != 0:
        sys.exit("the import of ten days failed")
    return json.loads(summary)


def read_with_pandas(path):
    """Seconds and rows of read_csv in an interpreter of its own; None where it is not installed."""
    result = subprocess.run(["/usr/bin/python3", "-c", PANDAS, path], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL)
    if result.returncode != 0:
        return None
    seconds, rows = result.stdout.split()
    return float(seconds), int(rows)


def measure_speed(figures, name, path, output):
    ours, theirs = [], []
    for _ in range(REPEATS):
        seconds, summary = import_file(path, output, HOSTS)
        ours.append(seconds)
        result = read_with_pandas(path)
        if result is not None:
            theirs.append(result[0])
            if result[1] != summary["rows"]["read"]:
                sys.exit("pandas read %d rows, not %d" % (result[1], summary["rows"]["read"]))
    rows = summary["rows"]["read"]
    figures[name + ".seconds"] = min(ours)
    figures[name + ".rows_per_second"] = rows / min(ours)
    if theirs:
        figures[name + ".pandas_seconds"] = min(theirs)
        figures[name + ".vs_pandas"] = min(theirs) / min(ours)
    else:
        print("skipped: import.%s.vs_pandas (no python3-pandas)" % name)


def measure_memory(figures, name, path, text, output, hosts):
    _, one = import_file(path, output, hosts)
    ten = import_ten_days(text, output, hosts)
    figures[name + ".flows"] = one["rows"]["kept"]
    figures[name + ".peak_mb"] = one["peak_bytes"] / 1e6
    figures[name + ".ten_days_flows"] = ten["rows"]["kept"]
    figures[name + ".ten_days_peak_mb"] = ten["peak_bytes"] / 1e6
    figures[name + ".bytes_per_flow_more"] = ((ten["peak_bytes"] - one["peak_bytes"]) /
                                              (ten["rows"]["kept"] - one["rows"]["kept"]))


def main():
    os.chdir(os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
    report = sys.argv[1] if len(sys.argv) > 1 else "build/bench-import.json"
    if not os.path.exists(DAY):
        print("skipped: bench_import.py (no real data)")
        return
    folder = tempfile.mkdtemp()
    try:
        plain, output = os.path.join(folder, "day.csv"), os.path.join(folder, "day.h5")
        with gzip.open(DAY) as packed, open(plain, "wb") as unpacked:
            shutil.copyfileobj(packed, unpacked)
        with open(plain, "rb") as unpacked:
            text = unpacked.read()
        figures = {}
        measure_speed(figures, "plain", plain, output)
        measure_speed(figures, "gzip", DAY, output)
        measure_memory(figures, "all_hosts", plain, text, output, HOSTS)
        measure_memory(figures, "few_hosts", plain, text, output, FEW_HOSTS)
    finally:
        shutil.rmtree(folder)
    for key, value in figures.items():
        print("import.%-32s %.4g" % (key, value))
    content = {}
    if os.path.exists(report):
        with open(report) as old:
            content = json.load(old)
    for key, value in figures.items():
        part, name = key.split(".")
        content.setdefault("import", {}).setdefault(part, {})[name] = value
    with open(report, "w") as new:
        json.dump(content, new, indent=2)
        new.write("\n")


main()
