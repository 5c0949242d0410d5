import { expect, it } from "vitest";

import { suggest } from "./suggest";

const chosen = (name: string, path: string, metrics: Record<string, unknown> = {}) => ({
  ref: `u/c:${name}`,
  name,
  files: [{ media: "", path, size: 1 }],
  metrics,
});

it("lays out what was chosen so that every row is full", () => {
  const cards = suggest([
    chosen("sales/plot", "a.png", { total: 3, unit: "k" }),
    chosen("sales/other", "b.html"),
    chosen("sales/weekly", "w.parquet", { rows: 10 }),
    chosen("notes", "README.md"),
    chosen("last", "c.png"),
  ]);
  expect(cards.map(({ kind, title, span, height }) => [kind, title, span, height])).toEqual([
    ["metric", "total", 6, "s"],
    ["metric", "rows", 6, "s"],
    ["stack", "plot", 6, "m"],
    ["stack", "other", 6, "m"],
    ["stack", "weekly", 12, "l"],
    ["stack", "notes", 12, "auto"],
    ["stack", "last", 12, "m"],
  ]);
});
