import { lazy, useLocation } from "preact-iso";

import { Empty } from "../parts/states";
import { readOldPath } from "../ref";
import { useTitle } from "../title";

const OldPage = lazy(() => import("./old-page").then((module) => module.OldPage));

/** What an address shows that leads nowhere, or where one of dstack leads. */
export function NotFound() {
  const { path } = useLocation();
  const old = readOldPath(path);
  useTitle(old === undefined ? "Not found" : old.stack);
  return old === undefined ? <Nowhere /> : <OldPage old={old} />;
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
