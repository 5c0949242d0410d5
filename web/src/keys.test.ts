import { expect, it } from "vitest";

import { changedKeys } from "./keys";

const now = new Date("2026-11-23T12:00:00Z");
const told = (at: string, user = "ann", kind: "key" | "head" = "key") => ({ kind, at, user: { user, name: user } });
const log = [{ change: "begun" }, { change: "granted" }, { change: "recovered" }] as const;

it("tells of keys that changed after a frame was signed, however long ago", () => {
  const changed = changedKeys("ann", [told("2026-02-01T00:00:00Z")], log, "2026-01-01T00:00:00Z", now);
  expect(changed).toMatchObject({ at: "2026-02-01T00:00:00Z", since: true });
  expect(changed?.means).toContain("recovery words");
});

it("tells of keys that changed before it only for a while", () => {
  expect(changedKeys("ann", [told("2026-11-10T00:00:00Z")], log, "2026-11-20T00:00:00Z", now)?.since).toBe(false);
  expect(changedKeys("ann", [told("2026-09-10T00:00:00Z")], log, "2026-11-20T00:00:00Z", now)).toBeUndefined();
});

it("tells nothing of the keys of others, nor of what else is told of her", () => {
  const notes = [told("2026-11-22T00:00:00Z", "bob"), told("2026-11-22T00:00:00Z", "ann", "head")];
  expect(changedKeys("ann", notes, log, "2026-01-01T00:00:00Z", now)).toBeUndefined();
});
