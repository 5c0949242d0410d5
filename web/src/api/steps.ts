// Calls that take long: the daemon tells how far it is, line by line, and at last what came of it.

import { ProblemError, Unreachable } from "./client";
import type { Problem, Progress, Step } from "./schema";

/** Hears of what comes before the end. */
export interface Hears {
  progress?: (progress: Progress) => void;
  note?: (text: string) => void;
}

/**
 * Posts a call and returns its result.
 *
 * @throws {ProblemError} when the daemon refuses, at once or on the way
 * @throws {Unreachable} when it does not answer, or stops on the way
 */
export async function steps<T>(
  path: string,
  body: unknown,
  hears: Hears = {},
  signal?: AbortSignal,
): Promise<T> {
  const response = await reach(path, body, signal);
  if (!response.ok) throw new ProblemError((await response.json()) as Problem);
  const reader = response.body?.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const next = await reader?.read().catch((cause: unknown) => {
      throw new Unreachable(cause);
    });
    if (next === undefined || next.done) throw new Unreachable("the answer ended in the middle");
    const lines = (rest + next.value).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines.filter((line) => line !== "")) {
      const step = JSON.parse(line) as Step;
      if (step.step === "progress") hears.progress?.(step);
      else if (step.step === "note") hears.note?.(step.text);
      else if (step.step === "done") return step.result as T;
      else if (step.step === "failed") throw new ProblemError(step.problem);
    }
  }
}

async function reach(path: string, body: unknown, signal: AbortSignal | undefined): Promise<Response> {
  try {
    return await fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
      ...(signal ? { signal } : {}),
    });
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw new Unreachable(cause);
  }
}

/**
 * Uploads bytes and returns their hash.
 *
 * @param told hears how many bytes went
 */
export function upload(bytes: Blob, told: (sent: number) => void): Promise<string> {
  return new Promise((resolve, reject) => {
    // `fetch` does not tell how far an upload is.
    const request = new XMLHttpRequest();
    request.open("PUT", "/api/v1/blobs");
    request.setRequestHeader("content-type", "application/octet-stream");
    request.responseType = "json";
    request.upload.onprogress = ({ loaded }) => told(loaded);
    request.onerror = () => reject(new Unreachable("the upload broke off"));
    request.onload = () => {
      if (request.status < 300) resolve((request.response as { hash: string }).hash);
      else reject(new ProblemError(request.response as Problem));
    };
    request.send(bytes);
  });
}
