// What is done to a stack from its page.

import { all, answer, api, ProblemError } from "../../api/client";
import { steps } from "../../api/steps";
import type { Fetched, FileInfo, FrameInfo, NewFile, Progress, Pushed } from "../../api/schema";
import { plain, short } from "../../format";
import { reference, type StackPlace } from "../../ref";
import { toast } from "../toasts";

/** Returns what went wrong, in a sentence. */
export function said(error: unknown): string {
  if (error instanceof ProblemError) {
    const { detail, hint } = error.problem;
    return hint == null ? detail : `${detail}: ${hint}`;
  }
  return error instanceof Error ? error.message : String(error);
}

/** Does something, and says in passing what went wrong. */
export async function attempt<T>(doing: () => Promise<T>): Promise<T | undefined> {
  try {
    return await doing();
  } catch (error) {
    toast(plain(said(error)));
    return undefined;
  }
}

/** Says what was done, and offers to undo it. */
export function done(text: string, undo: { id: number } | null | undefined, after: () => void = () => {}): void {
  if (undo == null) return toast(text);
  toast(text, {
    label: "Undo",
    run: () =>
      void attempt(async () => {
        const undone = await answer(api.POST("/api/v1/undo", { body: { id: undo.id } }));
        toast(plain(undone.what));
        after();
      }),
  });
}

/** Returns the reference by which a stack of mine is pushed to. */
export function ownReference(place: StackPlace): string {
  return reference({ user: place.user, context: place.context, name: place.name });
}

/** Returns all files of a frame. */
export function allFiles(named: string): Promise<FileInfo[]> {
  return all<FileInfo>((cursor) =>
    answer(
      api.GET("/api/v1/files", { params: { query: { ref: named, limit: 1000, ...(cursor ? { cursor } : {}) } } }),
    ),
  );
}

/** Returns a file of one frame as one of another. */
export function again(file: FileInfo): NewFile {
  return {
    path: file.path,
    hash: file.hash,
    media: file.media,
    ...(file.text == null ? {} : { text: file.text }),
    ...(file.app == null ? {} : { app: file.app }),
    ...(file.params === undefined ? {} : { params: file.params }),
  };
}

/** Puts what an older frame holds on top, as a new frame. */
export async function markAsHead(place: StackPlace, frame: FrameInfo): Promise<Pushed> {
  const files = await allFiles(reference({ ...place, rev: frame.id }));
  const inputs = frame.inputs.flatMap(({ name, frame }) => (name && frame ? [`${name.split("@")[0]}@${frame}`] : []));
  const body = {
    stack: ownReference(place),
    message: `Back to ${short(frame.id)}${frame.message === "" ? "" : `: ${frame.message}`}`,
    params: frame.params,
    metrics: frame.metrics,
    files: files.map(again),
  };
  try {
    return await steps<Pushed>("/api/v1/frames", { ...body, inputs });
  } catch (error) {
    // What it was made from may be nowhere any more.
    if (inputs.length === 0 || !(error instanceof ProblemError)) throw error;
    return steps<Pushed>("/api/v1/frames", body);
  }
}

/** Brings the bytes of a frame or an attachment here. */
export function bring(named: string, told: (progress: Progress) => void): Promise<Fetched> {
  return steps<Fetched>("/api/v1/fetch", { ref: named }, { progress: told });
}
