// What stands in the place of a page whose code is on its way.

import type { VNode } from "preact";
import { useLocation } from "preact-iso";

import { plain } from "../format";
import { nameOf } from "../names";
import { useTitle } from "../title";
import { Bones } from "./states";

/** The heading of the page, as its address says it, above lines that stand for the rest. */
export function Coming({ wide, failed }: { wide?: boolean; failed: VNode | undefined }) {
  const name = plain(nameOf(useLocation().path));
  useTitle(name);
  return (
    <div class={wide ? "page wide" : "page"} aria-busy={failed === undefined}>
      <header>
        <h1>{name}</h1>
      </header>
      {failed ?? <Bones lines={8} />}
    </div>
  );
}
