import { expect, it } from "vitest";

import { after, MOST, type Viewed } from "./recent";

const viewed = (path: string): Viewed => ({ kind: "stack", path, name: path, at: "2026-11-23T00:00:00Z" });

it("keeps what was looked at last, each once", () => {
  const before = [viewed("/a"), viewed("/b")];
  expect(after(before, viewed("/b")).map(({ path }) => path)).toEqual(["/b", "/a"]);
  const many = Array.from({ length: 20 }, (_, at) => viewed(`/${at}`)).reduce((all, one) => after(all, one), before);
  expect(many).toHaveLength(MOST);
  expect(many[0]?.path).toBe("/19");
});
