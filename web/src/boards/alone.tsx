// One card on all of the window, at any of its frames.

import { useEffect, useRef } from "preact/hooks";

import { moment, plain, short } from "../format";
import { Icon } from "../parts/icon";
import { Toasts, toast } from "../parts/toasts";
import { CardView, type Drawn } from "./card";

/** A card alone, as long as it is drawn. */
export function Alone(props: Pick<Drawn, "card" | "found" | "shown" | "history" | "choose" | "at"> & {
  /** Shows another frame; nothing is as the dashboard has it. */
  go: (frame: string | undefined) => void;
  /** Copies a link to it, at a frame where one is given. */
  link: (frame?: string) => void;
  close: () => void;
}) {
  const { card, found, history, at, go, link, close } = props;
  const dialog = useRef<HTMLDialogElement>(null);
  const inside = useRef<HTMLDivElement>(null);
  const frame = found && "frame" in found ? found.frame : undefined;
  const title = plain(card.title || frame?.stack.name || "Card");
  useEffect(() => {
    const before = document.activeElement;
    dialog.current?.showModal();
    return () => {
      if (before instanceof HTMLElement) before.focus();
    };
  }, []);
  const fill = () => {
    const leaves = document.fullscreenElement ? document.exitFullscreen() : inside.current?.requestFullscreen();
    leaves?.catch(() => toast("The browser does not let a card fill the screen."));
  };
  const tools = (
    <>
      <button type="button" class="button bare icon" aria-label="Copy a link" title="Copy a link to this card" onClick={() => link(at)}>
        <Icon name="copy" size={16} />
      </button>
      <button type="button" class="button bare icon" aria-label="Fill the screen" title="Fill the screen" onClick={fill}>
        <Icon name="whole" size={16} />
      </button>
      <button type="button" class="button bare icon" aria-label="Close" title="Back to all cards: Escape" onClick={() => dialog.current?.close()}>
        <Icon name="close" size={16} />
      </button>
    </>
  );
  return (
    <dialog ref={dialog} class="alone" aria-label={title} onClose={close}>
      {/* A dialog itself cannot fill the screen. */}
      <div ref={inside} class="alone-inside" role="group" aria-label={title}>
        <CardView {...props} card={{ ...card, height: "xl" }} comments={0} discuss={() => undefined} tools={tools} back={() => go(undefined)} />
        {card.kind === "stack" && history.length > 1 && <Frames history={history} shown={frame?.id} at={at} go={go} link={link} />}
      </div>
      <Toasts />
    </dialog>
  );
}

/** The line of its frames, the latest at the right end. */
function Frames(props: {
  history: Drawn["history"];
  shown: string | undefined;
  at: string | undefined;
  go: (frame: string | undefined) => void;
  link: (frame?: string) => void;
}) {
  const { history, shown, at, go, link } = props;
  const frames = history.toReversed();
  const last = frames.length - 1;
  const found = frames.findIndex(({ id }) => id === shown);
  const index = found < 0 ? last : found;
  const frame = frames[index];
  const said = [frame?.time == null ? "" : moment(new Date(frame.time)), plain(frame?.message ?? "")].filter((part) => part !== "").join(": ");
  const to = (next: number) => {
    const one = frames[Math.max(0, Math.min(last, next))];
    if (one !== undefined) go(one.id);
  };
  return (
    <div class="travel" role="group" aria-label="Frames of this card">
      <button type="button" class="button bare icon" aria-label="Earlier frame" disabled={index === 0} onClick={() => to(index - 1)}>
        <Icon name="left" size={16} />
      </button>
      <input
        type="range"
        min={0}
        max={last}
        value={index}
        aria-label="Frame"
        aria-valuetext={`frame ${index + 1} of ${frames.length}: ${said}`}
        onInput={(event) => to(Number(event.currentTarget.value))}
      />
      <button type="button" class="button bare icon" aria-label="Later frame" disabled={index === last} onClick={() => to(index + 1)}>
        <Icon name="right" size={16} />
      </button>
      <output class="cut">
        {frame && <code>{short(frame.id)}</code>} {said}
      </output>
      {shown !== undefined && (
        <button type="button" class="button bare" onClick={() => link(shown)}>
          Copy a link to this frame
        </button>
      )}
      <button type="button" class="button bare" disabled={at === undefined} onClick={() => go(undefined)}>
        As the dashboard has it
      </button>
    </div>
  );
}
