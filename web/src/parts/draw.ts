import { useCallback, useState } from "preact/hooks";

/** Returns what draws the component again. */
export function useDraw(): () => void {
  const [, next] = useState(0);
  return useCallback(() => next((round) => round + 1), []);
}
