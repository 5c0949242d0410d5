// Parts of the application whose code is loaded when they are shown, or a moment before.

import type { FunctionComponent, VNode } from "preact";
import { useEffect, useState } from "preact/hooks";

import { Bones, Failed } from "./states";

/** A component whose code comes later. */
export interface Later<P> {
  (props: P): VNode | null;
  /** Asks for its code, once; shown after that, it stands there at once. */
  preload: () => Promise<void>;
}

/**
 * Returns a component that loads its code when it is shown.
 *
 * @param load loads the code
 * @param waiting what stands in its place until then; it is told that the code does not come
 */
export function later<P extends object>(
  load: () => Promise<FunctionComponent<P>>,
  waiting: (failed: VNode | undefined) => VNode | null = (failed) => failed ?? <Bones />,
): Later<P> {
  let here: FunctionComponent<P> | undefined;
  let asked: Promise<void> | undefined;
  const preload = () => {
    asked ??= load().then(
      (component) => {
        here = component;
      },
      (error: unknown) => {
        asked = undefined;
        throw error;
      },
    );
    return asked;
  };
  function Comes(props: P): VNode | null {
    const [state, become] = useState<"waits" | "came" | "failed">("waits");
    const Here = here;
    useEffect(() => {
      // Its code may have come since it was drawn without.
      if (Here === undefined) preload().then(() => become("came"), () => become("failed"));
    }, []);
    if (Here !== undefined) return <Here {...props} />;
    return waiting(state === "failed" ? <NotCome /> : undefined);
  }
  return Object.assign(Comes, { preload });
}

/** A page asks for a file that did not come no second time; after an upgrade, the file has another name besides. */
function NotCome() {
  const error = new Error("The code of this page did not come: the daemon was stopped, or is newer than the page.");
  return <Failed error={error} again={() => location.reload()} />;
}
