// The first steps, ticked as they are done.

import "../../styles/begin.css";

import { useState } from "preact/hooks";

import type { Done } from "../../begun";
import { Copy } from "../../parts/copy";
import { Name, useNamed } from "./name";
import { Step } from "./step";

const WAYS: { name: string; code: string }[] = [
  { name: "Python", code: 'import dsp\n\ndsp.push_frame("first/table", df, "My first frame")' },
  { name: "R", code: 'library(dsp)\n\npush_frame("first/table", mtcars, "My first frame")' },
  { name: "Command line", code: 'dsp push first/table results.csv -m "My first frame"' },
];

/** What to do at first, as Home shows it while it is not all done. */
export function Begin({ done, putAway }: { done: Done; putAway: () => void }) {
  const { pushed, shared, safe } = done;
  const named = useNamed(pushed);
  const count = [named, pushed, shared, safe].filter(Boolean).length;
  return (
    <section aria-labelledby="begin" class="card begin">
      <div class="row section-head">
        <div>
          <h2 id="begin">First steps</h2>
          <p class="muted small">{count} of 4 done</p>
        </div>
        <div class="row">
          <a class="link small" href="/welcome">
            One by one
          </a>
          <button type="button" class="button small bare" onClick={putAway}>
            Put away
          </button>
        </div>
      </div>
      <ol class="steps">
        <Name named={named} pushed={pushed} />
        <Step done={pushed} title="Push your first frame" open={!pushed}>
          <Push />
        </Step>
        <Step done={shared} title="Share it" open={pushed && !shared}>
          <Share />
        </Step>
        <Step done={safe} title="Back up who you are" open={pushed && shared && !safe}>
          <BackUp />
        </Step>
      </ol>
    </section>
  );
}

/** How one pushes. */
export function Push() {
  return (
    <>
      <p class="muted">
        Whatever you push becomes a frame of a stack: signed, kept for good, and on this page the moment it is there.
      </p>
      <Ways />
    </>
  );
}

/** How somebody else comes in. */
export function Share() {
  return (
    <>
      <p class="muted">An invitation lets a teammate follow, with no server between you.</p>
      <div>
        <a class="button primary" href="/peers/invite">
          Invite somebody
        </a>
      </div>
    </>
  );
}

/** How one stays who one is. */
export function BackUp() {
  return (
    <>
      <p class="muted">
        The recovery key is only on this disk. It is shown in 24 words, in a terminal; who loses all keys loses the
        name.
      </p>
      <Copy text="dsp id backup" label="Copy the line that backs up" />
    </>
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
