import type { ComponentChildren } from "preact";

import { Icon } from "../../parts/icon";

/** A step, ticked where it is done. */
export function Step(props: { done: boolean; title: string; open: boolean; children: ComponentChildren }) {
  return (
    <li class={props.done ? "done" : ""}>
      <span class="tick">
        {props.done && <Icon name="check" size={14} />}
        <span class="visually-hidden">{props.done ? "Done:" : "To do:"}</span>
      </span>
      {props.done && !props.open ? (
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
