import { expect, it } from "vitest";

import type { LogEntry } from "../api/schema";
import { frameAt, newerThan, timesOf } from "./frames";

const entry = (id: string, time: string | null): LogEntry => ({
  id, time, here: time !== null, head: false, metrics: {}, parents: [], tags: [], withdrawn: false,
}) as unknown as LogEntry;
const history = [entry("c", "2026-03-01T00:00:00Z"), entry("x", null), entry("a", "2026-01-01T00:00:00Z")];

it("counts what came after a frame", () => {
  expect(["c", "x", "a", "gone"].map((id) => newerThan(history, id))).toEqual([0, 1, 2, 0]);
});

it("finds what was there at a time", () => {
  expect(frameAt(history, Date.parse("2026-02-01T00:00:00Z"))).toBe("a");
  expect(frameAt(history, Date.parse("2026-03-01T00:00:00Z"))).toBe("c");
  expect(frameAt(history, 0)).toBeUndefined();
  expect(timesOf(new Map([["s", history], ["t", history]]))).toHaveLength(2);
});
