"""Draws data/penguins.svg from data/penguins.csv: bill length against depth, by species.

Run it after a change of the table: `pip install matplotlib && python demo/plot.py`. The output
is the same for the same matplotlib version: fixed ids, no date.
"""

import csv
from pathlib import Path

import matplotlib

matplotlib.use("svg")
matplotlib.rcParams["svg.hashsalt"] = "penguins"
matplotlib.rcParams["svg.fonttype"] = "none"
matplotlib.rcParams["font.family"] = "sans-serif"
import matplotlib.pyplot as plt

DATA = Path(__file__).parent / "data"
# Okabe and Ito's palette; the markers carry the species too.
STYLES = {"Adelie": ("#d55e00", "o"), "Chinstrap": ("#cc79a7", "s"), "Gentoo": ("#0072b2", "^")}


def bills(species):
    """Returns culmen lengths and depths in mm of the birds that have both."""
    with open(DATA / "penguins.csv", newline="", encoding="utf-8") as table:
        rows = [row for row in csv.DictReader(table) if row["Species"].startswith(species)]
    measured = [row for row in rows if row["Culmen Length (mm)"] != "NA"]
    lengths = [float(row["Culmen Length (mm)"]) for row in measured]
    depths = [float(row["Culmen Depth (mm)"]) for row in measured]
    return lengths, depths


def main():
    """Writes the plot."""
    figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    for species, (colour, marker) in STYLES.items():
        lengths, depths = bills(species)
        axes.scatter(
            lengths, depths, s=22, c=colour, marker=marker, alpha=0.75, lw=0, label=species
        )
    axes.set_xlabel("Bill length (mm)")
    axes.set_ylabel("Bill depth (mm)")
    axes.set_title("Palmer penguins: bills by species", loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    axes.legend(frameon=False)
    unmarked = dict.fromkeys(["Creator", "Date", "Format", "Type"])
    figure.savefig(DATA / "penguins.svg", metadata=unmarked)


if __name__ == "__main__":
    main()
