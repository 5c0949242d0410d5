import { afterEach, beforeEach, expect, it, vi } from "vitest";

import type { SearchHit } from "./api/schema";
import { type FoundSoFar, searchFrames } from "./frame-search";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

/** Asks a daemon that answers one after the other, the last one ever after. */
function told(...answers: { hits: string[]; note?: string }[]) {
  const found: FoundSoFar[] = [];
  let times = 0;
  const end = searchFrames("x", 10, (one) => void found.push(one), () => undefined, () => {
    const { hits, note } = answers[Math.min(times, answers.length - 1)] ?? { hits: [], note: undefined };
    times += 1;
    return Promise.resolve({ hits: hits.map((frame) => ({ frame }) as SearchHit), note });
  });
  return { found, end, times: () => times };
}

it("asks again while tables are looked at", async () => {
  const { found, times } = told({ hits: [], note: "2 tables" }, { hits: [], note: "a table" }, { hits: ["found"] });
  await vi.runAllTimersAsync();
  expect(found.map(({ hits, reads }) => [hits.length, reads])).toEqual([[0, true], [0, true], [1, false]]);
  expect(times()).toBe(3);
});

it("asks no more once it is over, nor for ever where the same is noted", async () => {
  const first = told({ hits: [], note: "2 tables" });
  await vi.advanceTimersByTimeAsync(0);
  first.end();
  await vi.runAllTimersAsync();
  expect(first.times()).toBe(1);
  const never = told({ hits: [], note: "more than are remembered" });
  await vi.runAllTimersAsync();
  expect(never.times()).toBeLessThan(30);
  expect(never.found.at(-1)?.reads).toBe(false);
});
