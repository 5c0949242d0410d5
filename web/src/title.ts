import { useEffect } from "preact/hooks";

/** Gives the page a title in the browser. */
export function useTitle(title: string): void {
  useEffect(() => {
    document.title = `${title} · dsp`;
  }, [title]);
}
