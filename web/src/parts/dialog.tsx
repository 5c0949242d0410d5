// Dialogs: the browser's own, which keep the focus inside and close on Escape.

import { signal } from "@preact/signals";
import type { ComponentChildren } from "preact";
import { useEffect, useId, useRef } from "preact/hooks";

import { Icon } from "./icon";
import { Toasts } from "./toasts";

/** A dialog that is open as long as it is drawn. */
export function Dialog(props: {
  title: string;
  wide?: true;
  class?: string;
  close: () => void;
  children: ComponentChildren;
}) {
  const dialog = useRef<HTMLDialogElement>(null);
  const title = useId();
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  return (
    <dialog
      ref={dialog}
      class={`dialog ${props.wide ? "wide" : ""} ${props.class ?? ""}`}
      aria-labelledby={title}
      onClose={props.close}
      onClick={(event) => {
        // Beside it, not in it: the dialog itself is hit only where it has no content.
        if (event.target === dialog.current) dialog.current?.close();
      }}
    >
      <div class="dialog-body">
        <header class="row">
          <h2 id={title}>{props.title}</h2>
          <button type="button" class="button bare icon" aria-label="Close" onClick={() => dialog.current?.close()}>
            <Icon name="close" size={16} />
          </button>
        </header>
        {props.children}
      </div>
      {/* What is outside of an open dialog is heard by nobody. */}
      <Toasts />
    </dialog>
  );
}

interface Question {
  title: string;
  text: ComponentChildren;
  yes: string;
  bad?: boolean;
  answer: (yes: boolean) => void;
}

const question = signal<Question | undefined>(undefined);

/**
 * Asks before something is done, and returns whether it may be.
 *
 * @param asked what would be done, and what goes or stays by it; `bad` where something is lost
 */
export function ask(asked: Omit<Question, "answer">): Promise<boolean> {
  return new Promise((resolve) => {
    question.peek()?.answer(false);
    question.value = { ...asked, answer: resolve };
  });
}

/** Where questions are asked; drawn once. */
export function Asking() {
  const asked = question.value;
  if (asked === undefined) return null;
  const end = (yes: boolean) => {
    question.value = undefined;
    asked.answer(yes);
  };
  return (
    <Dialog title={asked.title} close={() => end(false)}>
      <div class="grid-gap">{typeof asked.text === "string" ? <p>{asked.text}</p> : asked.text}</div>
      <div class="dialog-ends">
        <button type="button" class="button" onClick={() => end(false)}>
          Cancel
        </button>
        <button type="button" class={`button ${asked.bad ? "danger" : "primary"}`} onClick={() => end(true)}>
          {asked.yes}
        </button>
      </div>
    </Dialog>
  );
}
