// Whether the keys of a user changed, as far as it matters to who reads what she signed.

import type { KeyChange, NotificationInfo } from "./api/schema";

/** How long a change is told everywhere, in milliseconds. */
const LATELY = 30 * 24 * 3600 * 1000;

/** A change of somebody's keys. */
export interface Changed {
  /** When it was heard of here, RFC 3339. */
  at: string;
  /** Whether a frame was signed before it; else it was lately. */
  since: boolean;
  /** What it means. */
  means: string;
}

const MEANS: Record<KeyChange["change"], string> = {
  begun: "",
  granted: "A device was added that signs for her.",
  revoked: "A device of hers was cut off: what it signs from then on does not count.",
  rotated: "Her root key named another one, which speaks for her now.",
  recovered: "Her recovery words named another root key. Ask her, by another way, whether it was she.",
  unknown: "Something that this version does not know.",
};

/**
 * Returns the last change of a user's keys where it came after a frame, or lately.
 *
 * @param notes what was told, the latest first: an identity log has no times
 * @param log what her identity log says, the beginning first
 */
export function changedKeys(
  user: string,
  notes: readonly Pick<NotificationInfo, "kind" | "at" | "user">[],
  log: readonly Pick<KeyChange, "change">[],
  frame: string,
  now: Date,
): Changed | undefined {
  const note = notes.find((one) => one.kind === "key" && one.user?.user === user);
  if (note === undefined) return undefined;
  const at = Date.parse(note.at);
  const since = at > Date.parse(frame);
  if (!since && now.getTime() - at > LATELY) return undefined;
  return { at: note.at, since, means: MEANS[log.at(-1)?.change ?? "unknown"] };
}
