import { describe, expect, it } from "vitest";

import type { SearchHit } from "./api/schema";
import { isQuery, keyOf, pick, question, readWanted, wantedPath } from "./found";
import { typeOf } from "./types";
import type { Listing } from "./stacks";

const NOW = new Date("2026-11-22T12:00:00Z");

function listing(name: string, more: Record<string, unknown> = {}, head: Record<string, unknown> = {}): Listing {
  return {
    stack: {
      id: name, name, context: "c1", user: "u1", tags: {}, removed: false,
      head: { time: "2026-11-22T10:00:00Z", message: "", bytes: 1, ...head }, ...more,
    },
    context: { id: "c1", label: "main" },
  } as unknown as Listing;
}

function names(listed: Listing[], query: Record<string, string>, hits?: Map<string, SearchHit>): string[] {
  const beside = { hits, names: new Map([["u1", "me"], ["u2", "bob"]]), now: NOW };
  return pick(listed, readWanted(query), beside).map(({ stack }) => stack.name);
}

describe("what is looked for", () => {
  const listed = [
    listing("sales/weekly", { tags: { v1: "f" } }, { message: "Week 46", time: "2026-11-20T10:00:00Z", bytes: 9 }),
    listing("plots/wave", { user: "u2" }, { cover: { path: "a.png", media: "image/png", size: 1, here: true } }),
    listing("raw", {}, { time: "2025-01-01T10:00:00Z" }),
  ];

  it("is read from the address and written to it", () => {
    const wanted = readWanted({ q: "a b", type: "table", sort: "size", since: "7d" });
    expect(wantedPath(wanted)).toBe("/stacks?q=a+b&type=table&since=7d&sort=size");
    expect(wantedPath(readWanted({ sort: "nonsense" }))).toBe("/stacks");
  });

  it("fits where all words are found, and where all filters hold", () => {
    expect(names(listed, { q: "week 46" })).toEqual(["sales/weekly"]);
    expect(names(listed, { q: "bob wave" })).toEqual(["plots/wave"]);
    expect(names(listed, { q: "week 47" })).toEqual([]);
    expect(names(listed, { tag: "v1" })).toEqual(["sales/weekly"]);
    expect(names(listed, { peer: "bob" })).toEqual(["plots/wave"]);
    expect(names(listed, { type: "picture" })).toEqual(["plots/wave"]);
    expect(names(listed, { context: "other" })).toEqual([]);
    expect(names(listed, { since: "7d" })).toEqual(["plots/wave", "sales/weekly"]);
    expect(names(listed, { since: "2026-11-21" })).toEqual(["plots/wave"]);
    expect(names(listed, { until: "2025-06-01" })).toEqual(["raw"]);
  });

  it("is what the daemon found, where only it knows", () => {
    const hit = { message: "older" } as SearchHit;
    const hits = new Map([[keyOf(listed[2]!.stack), hit]]);
    expect(names(listed, { q: "metric:auc>0.9" }, hits)).toEqual(["raw"]);
    expect(names(listed, { metric: "auc > 0.9" }, hits)).toEqual(["raw"]);
    expect(names(listed, { q: "week" }, hits)).toEqual(["sales/weekly", "raw"]);
    expect(names(listed, { metric: "auc>0.9" })).toEqual([]);
    expect(question({ q: " week ", metric: "auc > 0.9" })).toBe("week metric:auc>0.9");
    expect(isQuery("param:region=EU")).toBe(true);
    expect(isQuery("http://example.org")).toBe(false);
  });

  it("stands in the order that is wanted", () => {
    expect(names(listed, {})).toEqual(["plots/wave", "sales/weekly", "raw"]);
    expect(names(listed, { sort: "oldest" })).toEqual(["raw", "sales/weekly", "plots/wave"]);
    expect(names(listed, { sort: "name" })).toEqual(["plots/wave", "raw", "sales/weekly"]);
    expect(names(listed, { sort: "size" })[0]).toBe("sales/weekly");
  });

  it("knows what a stack is by the file that stands for it", () => {
    expect(typeOf({ path: "a.csv", media: "text/csv" })).toBe("table");
    expect(typeOf({ path: "a.ipynb", media: "application/json" })).toBe("notebook");
    expect(typeOf({ path: "a", media: "application/vnd.plotly.v1+json" })).toBe("figure");
    expect(typeOf({ path: "a.json", media: "application/json", app: "plotly" })).toBe("figure");
    expect(typeOf({ path: "a.json", media: "application/json", app: "pandas" })).toBe("text");
    expect(typeOf({ path: "w.safetensors", media: "application/octet-stream" })).toBe("model");
    expect(typeOf({ path: "a.bin2", media: "application/octet-stream" })).toBe("other");
    expect(typeOf(undefined)).toBe("other");
  });
});
