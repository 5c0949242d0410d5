// What one looked at last.

import { pinned } from "../../boards/pins";
import { plain } from "../../format";
import { Section } from "../../parts/forms";
import { Icon } from "../../parts/icon";
import { Time } from "../../parts/time";
import { forget, recent } from "../../recent";

/** Stacks and dashboards that were looked at in this browser; nothing where there are none. */
export function Recent() {
  // What was pinned stands above.
  const shown = recent.value.filter(({ path }) => !pinned.value.some((board) => path === `/d/${board}`));
  if (shown.length === 0) return null;
  const end = (
    <button type="button" class="button small bare" onClick={forget}>
      Forget
    </button>
  );
  return (
    <Section title="Recently viewed" id="recent" end={end}>
      <ul class="card lines">
        {shown.map(({ kind, path, name, at }) => (
          <li key={path}>
            <a class="pushed" href={path}>
              <Icon name={kind === "stack" ? "stacks" : "dashboards"} size={16} />
              <b class="grow cut">{plain(name)}</b>
              <span class="muted when">
                <Time at={at} />
              </span>
            </a>
          </li>
        ))}
      </ul>
    </Section>
  );
}
