// Calls that take long: the daemon answers in lines, of which the last one holds the result.

import type { Problem, Progress } from "./schema";
import { ProblemError, Unreachable } from "./client";

/** What a line may say. */
type Line =
  | ({ step: "progress" } & Progress)
  | { step: "note"; text: string }
  | { step: "done"; result: unknown }
  | { step: "failed"; problem: Problem };

/** Hears of what comes before the end. */
export interface Hears {
  progress?: (progress: Progress) => void;
  note?: (text: string) => void;
}

/**
 * Makes a call that takes long and returns its result.
 *
 * @throws {ProblemError} when the daemon refuses, or fails on the way
 * @throws {Unreachable} when it does not answer, or goes away meanwhile
 */
export async function steps<T>(path: string, body: unknown, hears: Hears = {}): Promise<T> {
  let response: Response;
  try {
    const headers = { "content-type": "application/json" };
    response = await fetch(path, { method: "POST", headers, body: JSON.stringify(body) });
  } catch (cause) {
    throw new Unreachable(cause);
  }
  if (!response.ok || response.body === null) throw new ProblemError((await response.json()) as Problem);
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    const lines = (rest + (value ?? "")).split("\n");
    rest = done ? "" : (lines.pop() ?? "");
    for (const text of lines.filter((one) => one.trim() !== "")) {
      const line = JSON.parse(text) as Line;
      if (line.step === "progress") hears.progress?.(line);
      else if (line.step === "note") hears.note?.(line.text);
      else if (line.step === "failed") throw new ProblemError(line.problem);
      else return line.result as T;
    }
    if (done) throw new Unreachable("the answer ended before its result");
  }
}
