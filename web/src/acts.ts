// What people do on pages: done, said, and undone.

import { answer, api } from "./api/client";
import type { UndoHint } from "./api/schema";
import { complain, type Offer, toast } from "./parts/toasts";

/**
 * Does something, and says what went wrong if it did; returns nothing then.
 *
 * @param said what is said where it went well
 */
export async function act<T>(does: Promise<T>, said?: string | ((result: T) => string)): Promise<T | undefined> {
  try {
    const result = await does;
    if (said !== undefined) toast(typeof said === "string" ? said : said(result), undoOf(result));
    return result;
  } catch (error) {
    complain(error);
    return undefined;
  }
}

/** Returns how a result can be undone, where the daemon says so. */
function undoOf(result: unknown): Offer | undefined {
  if (typeof result !== "object" || result === null || !("undo" in result)) return undefined;
  const hint = result.undo as UndoHint | null | undefined;
  if (hint == null) return undefined;
  return {
    label: "Undo",
    run: () => void act(answer(api.POST("/api/v1/undo", { body: { id: hint.id } })), ({ what }) => what),
  };
}
