"""Draws the pictures in data/ from data/penguins.csv: bills by species, and bills and masses of each.

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


def measured(species, *columns):
    """Returns the columns of the birds of a species that have all of them, a list each."""
    with open(DATA / "penguins.csv", newline="", encoding="utf-8") as table:
        rows = [row for row in csv.DictReader(table) if row["Species"].startswith(species)]
    rows = [row for row in rows if all(row[column] != "NA" for column in columns)]
    return [[float(row[column]) for row in rows] for column in columns]


BILLS = ("Culmen Length (mm)", "Culmen Depth (mm)")
MASSES = ("Flipper Length (mm)", "Body Mass (g)")


def plot(name, title, labels, columns, kinds, bounds=None):
    """Writes a plot of two columns of some species."""
    figure, axes = plt.subplots(figsize=(6.4, 4.4), layout="constrained")
    for species in kinds:
        colour, marker = STYLES[species]
        across, up = measured(species, *columns)
        axes.scatter(across, up, s=22, c=colour, marker=marker, alpha=0.75, lw=0, label=species)
    axes.set_xlabel(labels[0])
    axes.set_ylabel(labels[1])
    axes.set_title(title, loc="left")
    axes.spines[["top", "right"]].set_visible(False)
    if bounds is None:
        axes.legend(frameon=False)
    else:
        # The same for all species, so that one sees what moves.
        axes.set(xlim=bounds[0], ylim=bounds[1])
    unmarked = dict.fromkeys(["Creator", "Date", "Format", "Type"])
    figure.savefig(DATA / name, metadata=unmarked)
    plt.close(figure)


def main():
    """Writes the plots."""
    bills = ("Bill length (mm)", "Bill depth (mm)")
    masses = ("Flipper length (mm)", "Body mass (g)")
    plot("penguins.svg", "Palmer penguins: bills by species", bills, BILLS, STYLES)
    (DATA / "species").mkdir(exist_ok=True)
    for kind in STYLES:
        bounds = ((30, 62), (12.5, 22))
        plot(f"species/bills-{kind}.svg", f"{kind}: bills", bills, BILLS, [kind], bounds)
        bounds = ((168, 234), (2500, 6500))
        plot(f"species/mass-{kind}.svg", f"{kind}: body mass", masses, MASSES, [kind], bounds)


if __name__ == "__main__":
    main()
