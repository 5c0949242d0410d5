// JSON as a tree whose branches open.

import { useState } from "preact/hooks";

import { count, plain } from "../format";
import { useQuery } from "../live/query";
import type { Shown } from "./show";
import { Known } from "./states";
import { Coloured, textOf } from "./text";

/** Children that are shown at first and with each press. */
const STEP = 100;
/** Branches down to here are open at first. */
const OPEN = 2;

/** JSON; as text where it is none. */
export function Json({ file, reference }: Shown) {
  const [raw, setRaw] = useState(false);
  const text = useQuery(`text ${file.hash}`, () => textOf(reference));
  return (
    <Known query={text}>
      {(known) => {
        const read = parsed(known);
        if (read === undefined) return <Coloured text={known} language="json" />;
        return (
          <>
            <div class="view-bar">
              <button type="button" class="button" aria-pressed={raw} onClick={() => setRaw(!raw)}>
                As text
              </button>
            </div>
            {raw ? (
              <Coloured text={JSON.stringify(read.value, null, 2)} language="json" />
            ) : (
              <div class="tree">
                <Branch value={read.value} depth={0} />
              </div>
            )}
          </>
        );
      }}
    </Known>
  );
}

function parsed(text: string): { value: unknown } | undefined {
  try {
    return { value: JSON.parse(text) };
  } catch {
    return undefined;
  }
}

function Branch({ name, value, depth }: { name?: string; value: unknown; depth: number }) {
  const [open, setOpen] = useState(depth < OPEN);
  const [most, setMost] = useState(STEP);
  const key = name === undefined ? null : <span class="key">{plain(name)}: </span>;
  if (typeof value !== "object" || value === null) {
    return (
      <p>
        {key}
        <Leaf value={value} />
      </p>
    );
  }
  const children = Object.entries(value);
  const kind = Array.isArray(value) ? count(children.length, "item") : count(children.length, "field");
  return (
    <details open={open} onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary>
        {key}
        <span class="muted">{kind}</span>
      </summary>
      {open && (
        <div class="children">
          {children.slice(0, most).map(([child, inner]) => (
            <Branch key={child} name={child} value={inner} depth={children.length > 20 ? OPEN : depth + 1} />
          ))}
          {children.length > most && (
            <button type="button" class="button" onClick={() => setMost(most + STEP)}>
              {children.length - most} more
            </button>
          )}
        </div>
      )}
    </details>
  );
}

function Leaf({ value }: { value: unknown }) {
  const kind = typeof value === "string" ? "string" : "number";
  const text = JSON.stringify(value);
  return <span class={`hljs-${kind}`}>{plain(text.length > 2000 ? `${text.slice(0, 2000)}…` : text)}</span>;
}
