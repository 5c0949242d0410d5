// A card of a dashboard, with every state that what it shows may be in.

import type { ComponentChildren } from "preact";
import { useLocation } from "preact-iso";
import { useRef, useState } from "preact/hooks";

import { contentUrl, ProblemError } from "../api/client";
import type { CardStack, CardState, FileInfo, FrameInfo, LogEntry } from "../api/schema";
import { plain, short, size } from "../format";
import { Icon } from "../parts/icon";
import { type Kind, kindOf } from "../parts/kinds";
import { later } from "../parts/later";
import { Menu, MenuItem } from "../parts/menu";
import { Show } from "../parts/show";
import { bring, said } from "../parts/stack/doing";
import { Bones } from "../parts/states";
import { Time } from "../parts/time";
import { toast } from "../parts/toasts";
import { comparePath, stackPath } from "../ref";
import type { Choice, Value } from "../widgets";
import type { Shown } from "./choose";
import { type Found, newerThan, referenceIn } from "./frames";
import type { Card } from "./model";
import { Metric } from "./metric";

const Prose = later(() => import("../parts/markdown").then((module) => module.Prose));

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
  /** The frame at which the address has it. */
  at?: string | undefined;
  /** Shows it as the dashboard has it. */
  back?: () => void;
}

/** What can be done with a card by who looks at it. */
export interface Acts {
  /** Shows it alone. */
  alone: () => void;
  /** Copies a link to it, at a frame where one is given. */
  link: (frame?: string) => void;
  /** Lets it stay at a frame for everybody, or follow the head again; absent where one may not. */
  pin?: (frame: string | null) => void;
}

/** A card. */
export function CardView(props: Drawn & { tools?: ComponentChildren; acts?: Acts }) {
  const { card, found, shown, history, tools, acts, comments, discuss, at, back } = props;
  const place = useRef<HTMLElement>(null);
  const frame = found && "frame" in found ? found.frame : undefined;
  const title = plain(card.title || frame?.stack.name || (card.kind === "text" ? "Text" : "Card"));
  const stays = at === undefined ? card.frame : frame?.id;
  const newer = stays === undefined ? 0 : newerThan(history, stays);
  const pressed = (event: KeyboardEvent) => {
    const on = event.target instanceof Element && event.target.closest("input, textarea, select, [contenteditable]");
    if (event.key !== "f" || on || event.ctrlKey || event.metaKey || event.altKey || acts === undefined) return;
    event.preventDefault();
    acts.alone();
  };
  if (card.kind === "divider") {
    return (
      <div class="divider">
        <h2>{plain(card.title)}</h2>
        {tools}
      </div>
    );
  }
  return (
    // The links and buttons inside take the focus; F is short for one of them.
    // oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions
    <article class={`card board-card ${card.kind}`} aria-label={title} ref={place} onKeyDown={pressed}>
      <header>
        <h2 class="cut">
          {frame ? <a href={pathOf(card, frame)}>{title}</a> : title}
        </h2>
        {at !== undefined && (
          <span class="badge accent" title="As the address says">
            at {short(at)}
            {back && (
              <button type="button" aria-label={`Show ${title} as the dashboard has it`} onClick={back}>
                ×
              </button>
            )}
          </span>
        )}
        {card.frame !== undefined && at === undefined && (
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
            {acts && (
              <>
                <button type="button" class="button bare icon" aria-label={`Show ${title} alone`} title="Show it alone: F" onClick={acts.alone}>
                  <Icon name="whole" size={16} />
                </button>
                <CardMenu {...props} acts={acts} title={title} frame={frame} save={() => void savePicture(place.current, title)} />
              </>
            )}
            </>
          )}
        </span>
      </header>
      <div class="board-body" {...(card.height === "auto" ? {} : { "data-room": "" })} {...(scrolls(card, shown) ? { tabIndex: 0, role: "group", "aria-label": `What ${title} shows` } : {})}>
        {/* Where nothing of it can be shown, that says it all. */}
        {frame && <Stands stack={card.stack} />}
        {card.description !== "" && <p class="caption">{plain(card.description)}</p>}
        <Body {...props} frame={frame} />
      </div>
    </article>
  );
}

/** What is done with a card now and then. */
function CardMenu(props: Drawn & { acts: Acts; title: string; frame: FrameInfo | undefined; save: () => void }) {
  const { card, shown, history, acts, title, frame, save } = props;
  const { route } = useLocation();
  const file = shown?.item;
  const { pin } = acts;
  const before = frame && history[history.findIndex(({ id }) => id === frame.id) + 1]?.id;
  return (
    <Menu label={`More of ${title}`} bare>
      {frame && (
        <MenuItem icon="stacks" does={() => route(pathOf(card, frame))}>
          Open the stack
        </MenuItem>
      )}
      <MenuItem icon="copy" does={() => acts.link()}>
        Copy a link
      </MenuItem>
      {frame && card.kind !== "text" && (
        <MenuItem icon="clock" does={() => acts.link(frame.id)}>
          Copy a link to this frame
        </MenuItem>
      )}
      {frame && before !== undefined && (
        <MenuItem icon="left" does={() => route(comparePath(frame.stack, before, frame.id))}>
          Compare with the frame before
        </MenuItem>
      )}
      {frame && pin && (
        <MenuItem icon="pin" does={() => pin(card.frame === undefined ? frame.id : null)}>
          {card.frame === undefined ? "Stay at this frame" : "Follow the head"}
        </MenuItem>
      )}
      {frame && file?.here === true && (
        <MenuItem icon="download" does={() => download(referenceIn(frame, file), file.path)}>
          Download {plain(file.path.split("/").at(-1) ?? file.path)}
        </MenuItem>
      )}
      {frame && card.kind !== "text" && (
        <MenuItem icon="image" does={save}>
          Save as a picture
        </MenuItem>
      )}
    </Menu>
  );
}

function download(reference: string, path: string): void {
  const link = document.createElement("a");
  link.href = contentUrl(reference);
  link.download = path.split("/").at(-1) ?? path;
  link.click();
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
