// A switch, and small things that forms are made of.

import type { ComponentChildren } from "preact";
import { useId } from "preact/hooks";

/** A setting that is on or off. */
export function Switch(props: {
  label: string;
  about?: ComponentChildren;
  on: boolean;
  disabled?: boolean;
  change: (on: boolean) => void;
}) {
  const about = useId();
  return (
    <label class="switch">
      <span>
        <b>{props.label}</b>
        {props.about && (
          <span class="muted" id={about}>
            {props.about}
          </span>
        )}
      </span>
      <input
        type="checkbox"
        role="switch"
        checked={props.on}
        disabled={props.disabled ?? false}
        aria-describedby={props.about ? about : undefined}
        onChange={(event) => props.change(event.currentTarget.checked)}
      />
    </label>
  );
}

/** A field with its label above. */
export function Labelled(props: { label: string; hint?: ComponentChildren; children: ComponentChildren }) {
  return (
    <label class="labelled">
      <span>{props.label}</span>
      {props.children}
      {props.hint && <span class="muted">{props.hint}</span>}
    </label>
  );
}

/** A part of a page with its name, and what one can do there beside it. */
export function Section(props: {
  title: string;
  id: string;
  about?: ComponentChildren;
  end?: ComponentChildren;
  children: ComponentChildren;
}) {
  return (
    <section aria-labelledby={props.id} class="grid-gap">
      <div class="row section-head">
        <div>
          <h2 id={props.id}>{props.title}</h2>
          {props.about && <p class="muted small">{props.about}</p>}
        </div>
        {props.end && <div class="row">{props.end}</div>}
      </div>
      {props.children}
    </section>
  );
}

/** How much of something there is: a bar with its numbers beside it in words. */
export function Bar({ part, whole, label }: { part: number; whole: number; label: string }) {
  const share = whole === 0 ? 1 : Math.min(1, part / whole);
  return <progress class="bar" value={share} max={1} aria-label={label} />;
}
