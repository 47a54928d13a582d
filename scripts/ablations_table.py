"""The table of scripts/ablations, from the scores in its folder, as Markdown.

A variant's differences are paired with the full model of the same seed, flow by flow. "+-" is the
standard error over hosts, as the mean over the seeds; "seeds" their number, and the deviation of the
difference between them.
"""
import glob
import json
import os
import re
import statistics
import sys

ATTRIBUTES_SHOWN = 3


def title(variant):
    if variant == "full":
        return "the full model"
    with open(f"configs/ablations/{variant}.ini") as file:
        return file.readline().lstrip("; ").strip()


def read_scores(folder):
    """The entries of each variant, one a seed, by variant in the order of scoring."""
    variants = {}
    for path in sorted(glob.glob(f"{folder}/scores-*.json")):
        with open(path) as file:
            report = json.load(file)
        for entry in report["models"]:
            variant = re.sub(r"-\d+\.h5$", "", os.path.basename(entry["file"]))
            variants.setdefault(variant, []).append(entry)
    return variants, report["data"] if variants else None


def mean(values):
    return statistics.fmean(values)


def deviation(values):
    return f"{statistics.stdev(values):.2f}" if len(values) > 1 else "-"


def largest_parts(differences):
    parts = {
        name: mean(d["by_attribute"][name] for d in differences) for name in differences[0]["by_attribute"]
    }
    largest = sorted(parts, key=lambda name: -abs(parts[name]))[:ATTRIBUTES_SHOWN]
    return ", ".join(f"{name} {parts[name]:+.2f}" for name in largest if abs(parts[name]) >= 0.005)


def main():
    variants, data = read_scores(sys.argv[1])
    if not variants:
        sys.exit("ablations: no variant was scored yet")
    print(f"{data['flows']} flows of {data['hosts']} unseen hosts, nats per flow:\n")
    print("| variant | NLL | difference +- error over hosts | seeds, deviation | most of it in |")
    print("| --- | --- | --- | --- | --- |")
    for variant, entries in variants.items():
        nll = mean(e["nll"]["nats_per_flow"] for e in entries)
        row = [title(variant), f"{nll:.2f}"]
        if variant == "full":
            spread = deviation([e["nll"]["nats_per_flow"] for e in entries])
            row += ["", f"{len(entries)}, {spread}", ""]
        else:
            differences = [e["difference"] for e in entries]
            totals = [d["nats_per_flow"] for d in differences]
            error = mean(d["stderr"] for d in differences)
            row += [f"{mean(totals):+.2f} +- {error:.2f}", f"{len(totals)}, {deviation(totals)}",
                    largest_parts(differences)]
        print("| " + " | ".join(row) + " |")


if __name__ == "__main__":
    main()
