// The first steps, ticked as they are done.

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useState } from "preact/hooks";

import type { ContextInfo } from "../../api/schema";
import { Copy } from "../../parts/copy";
import { Icon } from "../../parts/icon";
import { node } from "../../state";
import type { Listing } from "../../stacks";

const KEY = "dsp-begun";

/** Whether the steps were put away in this browser. */
const away = signal(stored());

const WAYS: { name: string; code: string }[] = [
  { name: "Python", code: 'import dsp\n\ndsp.push_frame("first/table", df, "My first frame")' },
  { name: "R", code: 'library(dsp)\n\npush_frame("first/table", mtcars, "My first frame")' },
  { name: "Command line", code: 'dsp push first/table results.csv -m "My first frame"' },
];

/** What to do at first; nothing where all is done or it was put away. */
export function Begin({ listed, contexts }: { listed: Listing[]; contexts: ContextInfo[] }) {
  const me = node.value;
  if (me === undefined || away.value) return null;
  const pushed = listed.some(({ stack }) => stack.user === me.user);
  const shared = contexts.some(({ members }) => members > 1);
  const safe = !me.backup_needed;
  const done = [pushed, shared, safe].filter(Boolean).length;
  if (done === 3) return null;
  const putAway = () => {
    away.value = true;
    try {
      localStorage.setItem(KEY, "true");
    } catch {
      // It is shown again next time.
    }
  };
  return (
    <section aria-labelledby="begin" class="card begin">
      <div class="row section-head">
        <div>
          <h2 id="begin">First steps</h2>
          <p class="muted small">{done} of 3 done</p>
        </div>
        <button type="button" class="button small bare" onClick={putAway}>
          Put away
        </button>
      </div>
      <ol class="steps">
        <Step done={pushed} title="Push your first frame" open={!pushed}>
          <p class="muted">
            Whatever you push becomes a frame of a stack: signed, kept for good, and on this page the moment it is there.
          </p>
          <Ways />
        </Step>
        <Step done={shared} title="Share it" open={pushed && !shared}>
          <p class="muted">An invitation lets a teammate follow, with no server between you.</p>
          <div>
            <a class="button primary" href="/peers">
              Invite somebody
            </a>
          </div>
        </Step>
        <Step done={safe} title="Back up who you are" open={pushed && shared && !safe}>
          <p class="muted">
            The recovery key is only on this disk. It is shown in 24 words, in a terminal; who loses all keys loses the
            name.
          </p>
          <Copy text="dsp id backup" label="Copy the line that backs up" />
        </Step>
      </ol>
    </section>
  );
}

function Step(props: { done: boolean; title: string; open: boolean; children: ComponentChildren }) {
  return (
    <li class={props.done ? "done" : ""}>
      <span class="tick">
        {props.done && <Icon name="check" size={14} />}
        <span class="visually-hidden">{props.done ? "Done:" : "To do:"}</span>
      </span>
      {props.done ? (
        <h3>{props.title}</h3>
      ) : (
        <details open={props.open}>
          <summary>
            <h3>{props.title}</h3>
          </summary>
          <div class="grid-gap">{props.children}</div>
        </details>
      )}
    </li>
  );
}

function Ways() {
  const [way, choose] = useState(0);
  return (
    <div class="grid-gap">
      <div class="tabs" role="tablist" aria-label="Ways to push">
        {WAYS.map(({ name }, index) => (
          <button
            type="button"
            key={name}
            role="tab"
            id={`way-${index}`}
            aria-selected={index === way}
            aria-controls="way"
            onClick={() => choose(index)}
          >
            {name}
          </button>
        ))}
      </div>
      <div role="tabpanel" id="way" aria-labelledby={`way-${way}`}>
        <Copy text={WAYS[way]?.code ?? ""} label="Copy the code" />
      </div>
    </div>
  );
}

function stored(): boolean {
  try {
    return localStorage.getItem(KEY) === "true";
  } catch {
    return false;
  }
}
