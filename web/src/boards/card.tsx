// A card of a dashboard, with every state that what it shows may be in.

import type { ComponentChildren } from "preact";
import { lazy } from "preact-iso";
import { useRef, useState } from "preact/hooks";

import { ProblemError } from "../api/client";
import type { CardStack, CardState, FileInfo, FrameInfo, LogEntry } from "../api/schema";
import { plain, size } from "../format";
import { Icon } from "../parts/icon";
import { type Kind, kindOf } from "../parts/kinds";
import { Show } from "../parts/show";
import { bring, said } from "../parts/stack/doing";
import { Bones } from "../parts/states";
import { Time } from "../parts/time";
import { toast } from "../parts/toasts";
import { stackPath } from "../ref";
import type { Choice, Value } from "../widgets";
import type { Shown } from "./choose";
import { type Found, newerThan, referenceIn } from "./frames";
import type { Card } from "./model";
import { Metric } from "./metric";

const Prose = lazy(() => import("../parts/markdown").then((module) => module.Prose));

/** What a card is drawn from. */
export interface Drawn {
  card: Card;
  /** Its frame; nothing as long as that is not known. */
  found: Found | undefined;
  /** What of it is shown for what is chosen. */
  shown: Shown<FileInfo> | undefined;
  history: readonly LogEntry[];
  /** Chooses something else for all cards. */
  choose: (choice: Choice) => void;
  /** How many comments there are on it. */
  comments: number;
  /** Opens them. */
  discuss: () => void;
}

/** A card. */
export function CardView(props: Drawn & { tools?: ComponentChildren }) {
  const { card, found, shown, history, tools, comments, discuss } = props;
  const place = useRef<HTMLElement>(null);
  const frame = found && "frame" in found ? found.frame : undefined;
  const title = plain(card.title || frame?.stack.name || (card.kind === "text" ? "Text" : "Card"));
  const newer = card.frame === undefined ? 0 : newerThan(history, card.frame);
  if (card.kind === "divider") {
    return (
      <div class="divider">
        <h2>{plain(card.title)}</h2>
        {tools}
      </div>
    );
  }
  return (
    <article class={`card board-card ${card.kind}`} aria-label={title} ref={place}>
      <header>
        <h2 class="cut">
          {frame ? <a href={pathOf(card, frame)}>{title}</a> : title}
        </h2>
        {card.frame !== undefined && (
          <span class="badge" title="This card stays at one frame">
            <Icon name="pin" size={12} /> pinned
          </span>
        )}
        {newer > 0 && <span class="badge accent">{newer} newer</span>}
        <span class="end">
          {frame && card.kind === "stack" && (
            <span class="muted when">
              <Time at={frame.time} />
            </span>
          )}
          {tools ?? (
            <>
            <button
              type="button"
              class="button bare icon counted"
              aria-label={`Comments on ${title}: ${comments}`}
              title="Comments"
              onClick={discuss}
            >
              <Icon name="comment" size={16} />
              {comments > 0 && <span aria-hidden="true">{comments}</span>}
            </button>
            {card.kind !== "text" && frame && (
              <button
                type="button"
                class="button bare icon"
                aria-label={`Save ${title} as a picture`}
                title="Save it as a picture"
                onClick={() => void savePicture(place.current, title)}
              >
                <Icon name="image" size={16} />
              </button>
            )}
            <button
              type="button"
              class="button bare icon"
              aria-label={`Show ${title} alone`}
              title="Show it alone"
              onClick={() => {
                const leaves = document.fullscreenElement ? document.exitFullscreen() : place.current?.requestFullscreen();
                leaves?.catch(() => toast("The browser does not let a card fill the screen."));
              }}
            >
              <Icon name="whole" size={16} />
            </button>
            </>
          )}
        </span>
      </header>
      <div class="board-body" {...(card.height === "auto" ? {} : { "data-room": "" })} {...(scrolls(card, shown) ? { tabIndex: 0, role: "group", "aria-label": `What ${title} shows` } : {})}>
        <Stands stack={card.stack} />
        {card.description !== "" && <p class="caption">{plain(card.description)}</p>}
        <Body {...props} frame={frame} />
      </div>
    </article>
  );
}

function Body({ card, found, frame, shown, history, choose }: Drawn & { frame: FrameInfo | undefined }) {
  if (card.kind === "text") return <Prose text={card.text} />;
  if (card.stack?.reference == null) return <Missing stack={card.stack} />;
  if (found === undefined) return <Bones lines={5} />;
  if ("error" in found) return <Missing stack={card.stack} error={found.error} />;
  if (frame === undefined) return null;
  if (card.kind === "metric") return <Metric name={card.text} frame={frame} history={history} />;
  if (shown === undefined) return <p class="note">This frame has no files.</p>;
  if (shown.item === undefined) {
    const { wants, nearest, would } = shown;
    return (
      <div class="note" role="status">
        <p>
          Nothing for <b>{saidOf(wants)}</b>. The nearest is {saidOf(nearest.params)}.
        </p>
        {would.length > 0 && (
          <p class="muted">
            With all else as it is: {would.map(([key, values]) => `${plain(key)} ${listed(values)}`).join(", or ")}.
          </p>
        )}
        <button type="button" class="button" onClick={() => choose(nearest.params)}>
          Show that
        </button>
      </div>
    );
  }
  const file = shown.item;
  const reference = referenceIn(frame, file);
  if (!file.here) return <Away reference={reference} file={file} />;
  return <Show key={file.hash} file={file} reference={reference} />;
}

/** Most values that are named where nothing has what is chosen. */
const MOST = 8;

/** What scrolls within itself, and can be reached by keys there. */
const SCROLL = new Set<Kind>(["image", "table", "text", "code"]);

/** Tells whether the body of a card may have to be scrolled by keys. */
function scrolls(card: Card, shown: Shown<FileInfo> | undefined): boolean {
  if (card.height === "auto") return false;
  return card.kind === "text" || (shown?.item !== undefined && !SCROLL.has(kindOf(shown.item)));
}

/** What became of a stack that can still be shown, and what to do about it. */
function Stands({ stack }: { stack: CardStack | undefined }) {
  if (stack?.reference == null) return null;
  const { state, name } = stack;
  if (state === "removed") {
    return (
      <p class="hint" role="note">
        <Icon name="alert" size={14} /> This stack was removed by its author; what came before that stays on this machine.
        Take the card away, or let it stay as a memory.
      </p>
    );
  }
  if (state === "moved") {
    return (
      <p class="hint" role="note">
        <Icon name="alert" size={14} /> This stack was moved to another context; this is how it was last here. Ask its author
        for a ticket of that context, and put the card on anew.
      </p>
    );
  }
  if (stack.was != null) {
    return (
      <p class="hint" role="note">
        {plain(stack.was)} is called <b>{plain(name)}</b> now. The card goes on showing it; give it another title if you like.
      </p>
    );
  }
  return null;
}

async function savePicture(card: HTMLElement | null, title: string): Promise<void> {
  if (card === null) return;
  try {
    const { pictureOf, save } = await import("./export/picture");
    save(await pictureOf(card), `${title}.png`);
  } catch (error) {
    toast(`No picture could be made: ${(error as Error).message}`);
  }
}

/** Why a stack cannot be shown, and what to do about it. */
const WHY: Record<CardState, [what: string, todo: string]> = {
  here: ["This stack cannot be shown", ""],
  removed: ["Removed by its author", "What she pushed may still be in the history of the stack."],
  moved: ["Moved to another context", "Ask its author for a ticket of that context, or take the card away."],
  not_here: ["Nothing of this stack has come yet", "It comes as soon as somebody who has it can be reached."],
  not_followed: ["In a context that you do not follow", "Ask whoever made the dashboard for a ticket, and follow it under Peers."],
};

function Missing({ stack, error }: { stack: CardStack | undefined; error?: Error }) {
  const [what, todo] = WHY[stack?.state ?? "not_here"];
  const problem = error instanceof ProblemError ? error.problem : undefined;
  return (
    <div class="note" role="status">
      <Icon name="alert" />
      <p>
        <b>{what}</b>
      </p>
      {stack && <code>{plain(stack.name)}</code>}
      {error && <p>{plain(problem?.detail ?? error.message)}</p>}
      {problem?.hint && <p class="muted">{plain(problem.hint)}</p>}
      {todo !== "" && <p class="muted">{todo}</p>}
    </div>
  );
}

/** The bytes are known and not here yet. */
function Away({ reference, file }: { reference: string; file: FileInfo }) {
  const [asked, setAsked] = useState(false);
  const fetch = async () => {
    setAsked(true);
    try {
      const { missing } = await bring(reference, () => {});
      if (missing.length > 0) toast(`Nobody who can be reached has ${plain(file.path)} now`);
    } catch (error) {
      toast(plain(said(error)));
    }
    setAsked(false);
  };
  return (
    <div class="note" role="status">
      <Icon name="download" />
      <p>
        <b>Not on this machine yet</b>
      </p>
      <button type="button" class="button" disabled={asked} onClick={() => void fetch()}>
        {asked ? "It comes …" : `Fetch ${size(file.size)}`}
      </button>
    </div>
  );
}

/** The first of some values, as words: `north, south or west`. */
function listed(values: readonly Value[]): string {
  const said = values.slice(0, MOST).map((value) => plain(String(value)));
  if (values.length > MOST) return `${said.join(", ")} and ${values.length - MOST} more`;
  const last = said.pop() ?? "";
  return said.length === 0 ? last : `${said.join(", ")} or ${last}`;
}

function saidOf(choice: Choice): string {
  return Object.entries(choice)
    .map(([key, value]) => `${plain(key)} = ${plain(String(value))}`)
    .join(", ");
}

function pathOf(card: Card, frame: FrameInfo): string {
  const { user, context, name } = frame.stack;
  return stackPath({ user, context, name, ...(card.frame === undefined ? {} : { rev: card.frame }) });
}
