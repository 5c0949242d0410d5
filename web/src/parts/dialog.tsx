import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

import { Icon } from "./icon";

/** A dialog in front of the page: Escape and a press beside it close it. */
export function Dialog(props: { title: string; close: () => void; children: ComponentChildren; class?: string }) {
  const element = useRef<HTMLDialogElement>(null);
  const id = useId();
  useEffect(() => {
    element.current?.showModal();
  }, []);
  return (
    <dialog
      ref={element}
      class={`dialog ${props.class ?? ""}`}
      aria-labelledby={id}
      onClose={props.close}
      onClick={(event) => {
        if (event.target === element.current) element.current?.close();
      }}
    >
      <div class="inside">
        <header class="row">
          <h2 id={id}>{props.title}</h2>
          <button type="button" class="button bare icon" aria-label="Close" onClick={() => element.current?.close()}>
            <Icon name="close" size={16} />
          </button>
        </header>
        {props.children}
      </div>
    </dialog>
  );
}
