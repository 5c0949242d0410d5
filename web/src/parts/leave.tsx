// What is said where scripts of others do not run, and where something cannot be shown.

import { contentUrl } from "../api/client";
import { plain, size } from "../format";
import type { Scripts } from "../trust";
import { Icon } from "./icon";
import type { Shown } from "./show";

/** Says whether scripts of a stack run, and lets the reader choose; nothing of trusted ones. */
export function Asks({ scripts, what }: { scripts: Scripts; what: string }) {
  if (scripts.leave === "trusted") return null;
  const runs = scripts.leave === "allowed";
  return (
    <div class={`ask ${runs ? "" : "still"}`} role="note">
      <Icon name="lock" size={16} />
      <p>
        {runs ? (
          <>{what}, and it runs, as you allowed for this stack.</>
        ) : (
          <>
            {what}. It does not run: {plain(scripts.owner)} made it, whose id nobody compared here.
          </>
        )}
      </p>
      <button type="button" class="button" onClick={() => scripts.allow(!runs)}>
        {runs ? "Stop scripts of this stack" : "Allow scripts of this stack"}
      </button>
    </div>
  );
}

/** Says why something is not shown, and gives the file. */
export function Raw({ shown, title, reason }: { shown: Shown; title: string; reason: string }) {
  return (
    <div class="said raw" role="alert">
      <strong>{title}</strong>
      <span>{reason}</span>
      <div>
        <Download shown={shown} />
      </div>
    </div>
  );
}

/** The file itself. */
export function Download({ shown: { file, reference } }: { shown: Shown }) {
  return (
    <a class="button" href={contentUrl(reference)} download={file.path.split("/").at(-1)}>
      <Icon name="download" size={16} /> Download {size(file.size)}
    </a>
  );
}
