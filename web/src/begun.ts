// How far one is with the first steps.

import { signal } from "@preact/signals";

import type { ContextInfo, NodeStatus } from "./api/schema";
import type { Listing } from "./stacks";
import { keep, kept } from "./stored";

const KEY = "dsp-begun";

/** Whether the steps were put away in this browser. */
export const away = signal(kept(KEY, (value) => value === true) ?? false);

/** Puts them away. */
export function putAway(): void {
  away.value = true;
  keep(KEY, true);
}

/** Which steps are done. */
export interface Done {
  /** Something was pushed from here. */
  pushed: boolean;
  /** Somebody else is in a context. */
  shared: boolean;
  /** The recovery key was backed up. */
  safe: boolean;
}

/** Returns which steps are done; nothing while it is not known who one is. */
export function doneOf(
  me: Pick<NodeStatus, "user" | "backup_needed"> | undefined,
  listed: readonly Listing[],
  contexts: readonly Pick<ContextInfo, "members">[],
): Done | undefined {
  if (me === undefined) return undefined;
  return {
    pushed: listed.some(({ stack }) => stack.user === me.user),
    shared: contexts.some(({ members }) => members > 1),
    safe: !me.backup_needed,
  };
}
