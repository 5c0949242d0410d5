import type { VNode } from "preact";
import { useLocation } from "preact-iso";

import { Coming } from "../parts/coming";
import { later } from "../parts/later";
import { Empty } from "../parts/states";
import { readOldBoard, readOldPath } from "../ref";
import { useTitle } from "../title";

const coming = (failed: VNode | undefined) => <Coming failed={failed} />;
const OldBoard = later(() => import("./old-board").then((module) => module.OldBoard), coming);
const OldPage = later(() => import("./old-page").then((module) => module.OldPage), coming);

/** What an address shows that leads nowhere, or where one of dstack leads. */
export function NotFound() {
  const { path } = useLocation();
  const old = readOldPath(path);
  useTitle(old === undefined ? "Not found" : old.stack);
  if (old === undefined) return <Nowhere />;
  const board = readOldBoard(old);
  return board === undefined ? <OldPage old={old} /> : <OldBoard board={board} />;
}

/** What an address shows that leads nowhere. */
export function Nowhere() {
  return (
    <div class="page">
      <Empty page icon="alert" title="There is no such page">
        <p>The address may be mistyped, or of another version of dsp.</p>
        <a class="button" href="/">
          Go home
        </a>
      </Empty>
    </div>
  );
}
