// Since when one has not looked at what happened.

import { useEffect, useState } from "preact/hooks";

import { keep, kept } from "./stored";

const KEY = "dsp-activity-seen";

/** Returns when one looked last, and remembers that one looks now; nothing where one never did. */
export function useSeen(): string | undefined {
  const [before] = useState(() => kept(KEY, (value) => (typeof value === "string" ? value : undefined)));
  useEffect(() => {
    const seen = () => keep(KEY, new Date().toISOString());
    seen();
    return seen;
  }, []);
  return before;
}
