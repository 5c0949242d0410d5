import { describe, expect, it } from "vitest";

import { type Known, happenings, heads, isWanted, keyOf, type Line } from "./activity";
import type { LogEntry, StackInfo } from "./api/schema";
import type { Listing } from "./stacks";

function stack(id: string, time: string, user = "me"): Listing {
  const head = { frame: `${id}-head`, time, message: "" };
  return { stack: { id, user, context: "main", name: id, head, tags: {}, removed: false, reference: id } as unknown as StackInfo, context: undefined };
}

function line(whole: boolean, ...times: string[]): Line {
  const entries = times.map((time, at) => ({ id: `${time}`, time, head: at === 0, here: true, tags: [], metrics: {}, parents: [] }) as unknown as LogEntry);
  return { entries, whole };
}

const nothing = { boards: [], notices: [] };

function seen(known: Omit<Known, "boards" | "notices">): { times: string[]; more: boolean } {
  const { all, more } = happenings({ ...known, ...nothing });
  return { times: all.map(({ time }) => time), more };
}

describe("what happened", () => {
  const one = stack("one", "9");
  const two = stack("two", "6");

  it("is told of all stacks, the latest first", () => {
    const lines = new Map([[keyOf(one), line(true, "9", "5", "1")], [keyOf(two), line(true, "6", "2")]]);
    expect(seen({ listed: [one, two], lines })).toEqual({ times: ["9", "6", "5", "2", "1"], more: false });
  });

  it("ends where the line of a stack is not known yet", () => {
    const lines = new Map([[keyOf(one), line(true, "9", "7", "5", "1")]]);
    expect(seen({ listed: [one, two], lines })).toEqual({ times: ["9", "7"], more: true });
  });

  it("ends where only the newest frames of a stack are known", () => {
    const lines = new Map([[keyOf(one), line(false, "9", "8")], [keyOf(two), line(true, "6")]]);
    expect(seen({ listed: [one, two], lines })).toEqual({ times: ["9", "8"], more: true });
  });

  it("numbers frames where the whole line is known", () => {
    const { all } = happenings({ listed: [one], lines: new Map([[keyOf(one), line(true, "9", "5")]]), ...nothing });
    expect(all.map((happening) => happening.kind === "frame" && happening.frame.number)).toEqual([2, 1]);
  });
});

describe("a feed", () => {
  it("is narrowed to mine, to that of others, and to a kind", () => {
    const [mine, theirs] = heads([stack("mine", "2"), stack("theirs", "1", "bob")]);
    if (mine === undefined || theirs === undefined) throw new Error("two pushes make two lines");
    expect([mine, theirs].map((one) => isWanted(one, "mine", "", "me"))).toEqual([true, false]);
    expect([mine, theirs].map((one) => isWanted(one, "others", "", "me"))).toEqual([false, true]);
    expect(isWanted(mine, "all", "dashboard", "me")).toBe(false);
  });
});
