#!/usr/bin/python3
"""Opens a dataset with h5py, pandas and xarray, none of which knows flowtwin, and compares what they
see with each other and with the rows of the CSV file that it was imported from.

    check-dataset.py DATASET CSV      the CSV has no header, and only rows of monitored hosts

Closes with the line "N passed, N failed". What a library is missing for is skipped by name.
"""
import ipaddress
import sys

COLUMNS = "te td sa da sp dp pr flg fwd stos pkt byt label".split()
HOST_COLUMNS = "host host_type host_first host_n_flows".split()
passed = failed = 0


def check(what, holds):
    global passed, failed
    if holds:
        passed += 1
    else:
        failed += 1
        print(f"FAIL: {what}")


def library(name):
    try:
        return __import__(name)
    except ImportError:
        print(f"skipped: check-dataset: no python3-{name}")
        return None


def meanings(array, values):
    """The words that CF's flag_values and flag_meanings give for values."""
    words = dict(zip(array.attrs["flag_values"].tolist(),
                     array.attrs["flag_meanings"].decode().split()))
    return [words.get(value, str(value)) for value in values.tolist()]


def flags_text(value):
    """As nfdump prints them."""
    if value >= 64:
        return f"0x{value:2x}"
    return "".join(letter if value & 32 >> i else "." for i, letter in enumerate("UAPRSF"))


def frame_of_dataset(file, pandas):
    """A data frame with the columns of the CSV, from the file alone."""
    frame = pandas.DataFrame({name: file[name][:] for name in COLUMNS})
    frame["te"] = pandas.to_datetime(frame["te"], unit="ms")
    frame["pr"] = meanings(file["pr"], file["pr"][:])
    frame["flg"] = [flags_text(value) for value in file["flg"][:].tolist()]
    frame["label"] = meanings(file["label"], file["label"][:])
    for side in "sa", "da":
        frame[side] = [str(ipaddress.ip_address(value)) for value in file[side][:].tolist()]
    return frame


def check_h5py(file):
    root = file.attrs
    check("format", root["format"] == b"flowtwin-dataset" and root["version"] == 1)
    check("names", set(file) == {"flow", "label_names", *COLUMNS, *HOST_COLUMNS})
    n_flows, n_hosts = len(file["te"]), len(file["host"])
    check("equal lengths", all(len(file[name]) == n_flows for name in COLUMNS) and
          all(len(file[name]) == n_hosts for name in HOST_COLUMNS))
    check("hosts are sorted", all(file["host"][:-1] < file["host"][1:]))
    check("hosts have all flows", file["host_n_flows"][:].sum() == n_flows)
    check("period", root["start"] <= file["te"][:].min() and file["te"][:].max() < root["end"])
    check("labels have names", file["label"][:].max() < len(file["label_names"]))
    check("names of dimensions", file["te"].dims[0].keys() == ["This is a netCDF dimension but not "
          f"a netCDF variable.{n_flows:10d}"] and file["host_type"].dims[0].keys() == ["host"])
    for h in range(n_hosts):
        first, n = file["host_first"][h], file["host_n_flows"][h]
        ends = file["te"][first:first + n]
        own = (file["sa"][first:first + n] == file["host"][h]) | \
              (file["da"][first:first + n] == file["host"][h])
        if not (own.all() and (ends[:-1] <= ends[1:]).all()):
            check(f"flows of host {h}", False)
            break
    else:
        check("flows of hosts", True)


def check_pandas(file, csv, pandas):
    frame = frame_of_dataset(file, pandas)
    rows = pandas.read_csv(csv, names=COLUMNS, parse_dates=["te"], keep_default_na=False)
    rows["td"] = (rows["td"] * 1000).round().astype("uint32")
    for name in "pr", "label":
        rows[name] = rows[name].astype(str)
    frame = frame.sort_values(COLUMNS).reset_index(drop=True)
    rows = rows.sort_values(COLUMNS).reset_index(drop=True)
    check("as many rows as the CSV", len(frame) == len(rows))
    for name in COLUMNS:
        check(f"{name} as in the CSV", len(frame) == len(rows) and (frame[name] == rows[name]).all())


def check_xarray(path, file, xarray):
    with xarray.open_dataset(path, engine="h5netcdf") as data:
        check("dimensions", set(data.dims) == {"flow", "host", "label_names"} and
              all(data[name].dims == ("flow",) for name in COLUMNS))
        check("times are decoded", str(data["te"].dtype) == "datetime64[ns]" and
              (data["te"].values.astype("int64") == file["te"][:] * 1000000).all())
        check("durations are numbers", str(data["td"].dtype) == "uint32")
        check("values", all((data[name].values == file[name][:]).all() for name in COLUMNS[1:]))
        host = int(data["host"][0])
        check("hosts are coordinates", int(data["host_n_flows"].sel(host=host)) ==
              file["host_n_flows"][0])


def main():
    path, csv = sys.argv[1:3]
    h5py = library("h5py")
    if h5py is None:
        return 0
    with h5py.File(path, "r") as file:
        check_h5py(file)
        pandas = library("pandas")
        if pandas is not None:
            check_pandas(file, csv, pandas)
        xarray = library("xarray")
        if xarray is not None and library("h5netcdf") is not None:
            check_xarray(path, file, xarray)
    print(f"{passed} passed, {failed} failed")
    return failed > 0


sys.exit(main())
