// What is done to a stack from its page.

import { all, answer, api, ProblemError } from "../../api/client";
import { steps } from "../../api/steps";
import type { DropReport, Fetched, FileInfo, FrameInfo, NewFile, PinInfo, Progress, Pushed } from "../../api/schema";
import { count, plain, short, size } from "../../format";
import { reference, type StackPlace } from "../../ref";
import { ask } from "../dialog";
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

/** Frees the bytes of a frame here, once somebody else proved to hold them and one was asked. */
export async function letGo(place: StackPlace, frame: { id: string; bytes: number }): Promise<void> {
  const named = reference({ ...place, rev: frame.id });
  await attempt(async () => {
    const yes = await ask({
      title: `Free ${size(frame.bytes)} of ${plain(place.name)}@${short(frame.id)}?`,
      text:
        "Connected peers are asked to prove that they hold the bytes of this frame; what nobody proves to hold stays. " +
        "The frame is listed as before, and its bytes can be fetched again.",
      yes: "Free them",
    });
    if (!yes) return;
    const report = await steps<DropReport>("/api/v1/drop", { ref: named, mode: "confirmed" });
    // What nobody proved to hold is refused, with the reason.
    if (report.files > 0) done(`Freed ${size(report.bytes)} here`, report.undo);
    else toast(report.stays_total > 0 ? `Nothing was freed: other frames need ${count(report.stays_total, "file")} of it` : "Nothing was to be freed");
  });
}

/** Tells whether a pin is on a frame. */
export function isPinned(pins: readonly PinInfo[] | undefined, frame: string): boolean {
  return pins?.some(({ reference }) => reference.includes(frame) || reference.endsWith(`@${short(frame)}`)) === true;
}

/** Returns all pins. */
export function listPins(): Promise<PinInfo[]> {
  return all<PinInfo>((cursor) =>
    answer(api.GET("/api/v1/pins", { params: { query: { limit: 500, ...(cursor ? { cursor } : {}) } } })),
  );
}

/** Keeps the bytes of a frame here whatever happens, or no longer. */
export async function pinFrame(place: StackPlace, frame: string, on: boolean): Promise<void> {
  const named = reference({ ...place, rev: frame });
  await attempt(async () => {
    if (on) await steps("/api/v1/pins", { ref: named, keep: "frame" });
    else await answer(api.DELETE("/api/v1/pins", { params: { query: { ref: named } } }));
    toast(on ? "Kept here whatever happens" : "No longer kept on purpose");
  });
}

/** Brings the bytes of a frame or an attachment here. */
export function bring(named: string, told: (progress: Progress) => void): Promise<Fetched> {
  return steps<Fetched>("/api/v1/fetch", { ref: named }, { progress: told });
}
