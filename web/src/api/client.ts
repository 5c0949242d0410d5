// The sole caller of the daemon. Answers are typed by the committed API document; what is refused
// becomes a `ProblemError`, and a daemon that does not answer an `Unreachable`.

import createClient from "openapi-fetch";

import type { paths, Problem } from "./schema";

/** What the daemon said no to, and why. */
export class ProblemError extends Error {
  override readonly name = "ProblemError";

  constructor(readonly problem: Problem) {
    super(problem.detail);
  }
}

/** No answer came: the daemon stopped, or sleeps. */
export class Unreachable extends Error {
  override readonly name = "Unreachable";

  constructor(cause: unknown) {
    super("the daemon does not answer", { cause });
  }
}

const client = createClient<paths, "application/json">({ fetch: reach });

/** The calls of the daemon, by method and path. */
export const api = client;

/**
 * Returns what a call answers.
 *
 * @throws {ProblemError} when the daemon refuses
 * @throws {Unreachable} when it does not answer
 */
export async function answer<T>(
  call: Promise<{ data?: T; error?: unknown; response: Response }>,
): Promise<T> {
  const { data, error, response } = await call;
  if (!response.ok) throw new ProblemError(problemOf(error, response));
  return data as T;
}

/** A page of a list, and where the next one begins. */
export interface Listed<T> {
  items: T[];
  next_cursor?: string | null;
}

/**
 * Returns all items of a list, `most` at most.
 *
 * @param page returns a page that begins at a cursor
 */
export async function all<T>(
  page: (cursor?: string) => Promise<Listed<T>>,
  most = 20_000,
): Promise<T[]> {
  const items: T[] = [];
  let cursor: string | undefined;
  do {
    const next = await page(cursor);
    items.push(...next.items);
    cursor = next.next_cursor ?? undefined;
  } while (cursor !== undefined && items.length < most);
  return items.slice(0, most);
}

/** The address of the bytes of an attachment, for `<img>` and downloads. */
export function contentUrl(reference: string): string {
  return `/api/v1/content?ref=${encodeURIComponent(reference)}`;
}

async function reach(request: Request): Promise<Response> {
  try {
    return await fetch(request);
  } catch (cause) {
    if (request.signal.aborted) throw cause;
    throw new Unreachable(cause);
  }
}

function problemOf(error: unknown, response: Response): Problem {
  if (typeof error === "object" && error !== null && "detail" in error && "code" in error) {
    return error as Problem;
  }
  const detail = `the daemon answered ${response.status} and nothing that can be read`;
  return {
    type: "urn:dsp:error:internal",
    title: "no answer",
    status: response.status,
    code: "internal",
    detail,
  };
}
