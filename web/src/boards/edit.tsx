// Tools for who edits a dashboard: on each card, and beside them all.

import { useCallback, useEffect, useRef, useState } from "preact/hooks";

import { answer, api } from "../api/client";
import { count, plain, size } from "../format";
import { useQuery } from "../live/query";
import { Icon, type IconName } from "../parts/icon";
import { Show } from "../parts/show";
import { Known } from "../parts/states";
import { Time } from "../parts/time";
import { reference } from "../ref";
import { type Listing, listStacks, placeOf } from "../stacks";
import type { Value } from "../widgets";
import type { Act } from "./acts";
import { Draft } from "./draft";
import { carries, isCarried } from "./drop";
import { referenceIn } from "./frames";
import { ahead, sized, spanOf, type Step, stepOf } from "./grid";
import { type Card, COLUMNS, HEIGHTS, type Height, type NewCard } from "./model";
import { byWeight, card as cardOf } from "./suggest";

/** How long a pointer has to stay on a stack before it is looked at, in milliseconds. */
const LOOK = 250;

const HEIGHT_NAMES: Record<Height, string> = { auto: "as high as it needs", s: "low", m: "middle", l: "high", xl: "very high" };

/** What the tools of a card need. */
export interface ToolsProps {
  card: Card;
  cards: readonly Card[];
  perform: (act: Act) => void;
  /** Opens what there is to say of the card. */
  open: () => void;
}

/** The tools of one card: all that a pointer does can be done by keys. */
export function Tools({ card, cards, perform, open }: ToolsProps) {
  const at = cards.indexOf(card);
  const name = plain(card.title || card.stack?.name || card.kind);
  const step = (what: Step) => {
    if (what === "earlier" || what === "later") {
      const before = ahead(cards, card.id, at + (what === "later" ? 1 : -1));
      if (before !== undefined) perform({ act: "move", id: card.id, before });
      return;
    }
    const size = sized(card, what);
    if (size) perform({ act: "change", id: card.id, card: size });
  };
  const pressed = (event: KeyboardEvent) => {
    const what = stepOf(event.key, event.shiftKey);
    if (what === undefined) return;
    event.preventDefault();
    step(what);
  };
  // One that cannot do more keeps the focus of who pressed it until then.
  const button = (what: Step, icon: IconName, ends = sized(card, what) === undefined) => (
    <button
      type="button"
      class="button bare icon"
      aria-label={`${name}: ${what}`}
      title={what}
      aria-disabled={ends || undefined}
      onClick={() => step(what)}
    >
      <Icon name={icon} size={16} />
    </button>
  );
  return (
    <span class="tools" role="toolbar" aria-label={`Card ${name}`}>
      <button
        type="button"
        class="button bare icon grip"
        {...carries(() => ({ moves: card.id }), (grip) => grip.closest(".board-cell"))}
        aria-label={`Move ${name}: arrows move it, with Shift they size it`}
        title="Drag it, or use the arrow keys; with Shift they size it"
        onKeyDown={pressed}
      >
        <Icon name="grip" size={16} />
      </button>
      {button("earlier", "left", at === 0)}
      {button("later", "right", at === cards.length - 1)}
      {button("narrower", "narrower")}
      <span class="size" title={`${card.span} of ${COLUMNS} columns wide`}>
        {card.span}
      </span>
      {button("wider", "wider")}
      {button("lower", "lower")}
      <span class="size" title={HEIGHT_NAMES[card.height]}>
        {card.height}
      </span>
      {button("higher", "higher")}
      <button type="button" class="button bare icon" aria-label={`Edit ${name}`} onClick={open}>
        <Icon name="edit" size={16} />
      </button>
      <button type="button" class="button bare icon" aria-label={`Remove ${name}`} onClick={() => perform({ act: "remove", id: card.id })}>
        <Icon name="bin" size={16} />
      </button>
    </span>
  );
}

/** The edge by which a pointer draws a card wider or narrower. */
export function Edge({ card, perform }: Pick<ToolsProps, "card" | "perform">) {
  const drawn = useRef<number | undefined>(undefined);
  const widen = (event: PointerEvent): number | undefined => {
    const cell = (event.currentTarget as Element).closest<HTMLElement>(".board-cell");
    const grid = cell?.parentElement;
    if (!cell || !grid) return undefined;
    const span = spanOf(event.clientX - cell.getBoundingClientRect().left, grid.getBoundingClientRect().width);
    cell.style.setProperty("--span", String(span));
    return span;
  };
  return (
    <span
      class="edge"
      aria-hidden="true"
      onPointerDown={(event) => {
        event.preventDefault();
        event.currentTarget.setPointerCapture(event.pointerId);
        drawn.current = card.span;
      }}
      onPointerMove={(event) => {
        if (drawn.current !== undefined) drawn.current = widen(event) ?? drawn.current;
      }}
      onPointerUp={() => {
        const span = drawn.current;
        drawn.current = undefined;
        if (span !== undefined && span !== card.span) perform({ act: "change", id: card.id, card: { span } });
      }}
    />
  );
}

const TEXT = cardOf({ kind: "text", title: "Text", text: "Some *words*." });
const HEADING = cardOf({ kind: "divider", title: "Section" });

function cardOfStack(one: Listing): NewCard {
  const title = one.stack.name.split("/").at(-1) ?? "";
  return cardOf({ kind: "stack", ref: reference(placeOf(one)), title, span: 6, height: "m" });
}

/** What a button needs that adds a card: pressed at the end, and dragged wherever it is dropped. */
function adds(card: NewCard, perform: (act: Act) => void) {
  return { ...carries(() => ({ adds: card })), onClick: () => perform({ act: "add", card }) };
}

/** Stacks that can be added, and what else a dashboard may hold. */
export function Palette({ perform }: { perform: (act: Act) => void }) {
  const [part, setPart] = useState("");
  const [metrics, setMetrics] = useState(false);
  const [looked, look] = useState<Listing>();
  const waits = useRef<ReturnType<typeof setTimeout>>(undefined);
  const near = (one: Listing | undefined) => {
    clearTimeout(waits.current);
    waits.current = setTimeout(() => look(one), one === undefined ? 0 : LOOK);
  };
  useEffect(() => () => clearTimeout(waits.current), []);
  const listed = useQuery("stacks to add", () => listStacks(""), ({ event }) => event.startsWith("stack."));
  return (
    <>
      {looked && !metrics && !isCarried() && <Preview key={reference(placeOf(looked))} listing={looked} />}
      <aside
        class="adding card"
        aria-label="Add cards"
        onMouseLeave={() => near(undefined)}
        onKeyDown={(event) => {
          if (event.key === "Escape") near(undefined);
        }}
      >
        <h2>Add</h2>
        <div class="row wrap">
          <button type="button" class="button" {...adds(TEXT, perform)}>
            <Icon name="text" size={16} /> Text
          </button>
          <button type="button" class="button" {...adds(HEADING, perform)}>
            <Icon name="plus" size={16} /> Heading
          </button>
          <button type="button" class="button" aria-pressed={metrics} onClick={() => setMetrics(!metrics)}>
            <Icon name="chart" size={16} /> Metric
          </button>
        </div>
        <label class="find">
          <span class="visually-hidden">Find stacks to add</span>
          <Icon name="search" size={16} />
          <input class="field" type="search" placeholder="Find stacks" value={part} onInput={(event) => setPart(event.currentTarget.value)} />
        </label>
        <Known query={listed}>
          {(stacks) => {
            const fitting = stacks.filter(({ stack }) => stack.name.includes(part.trim())).slice(0, 50);
            if (fitting.length === 0) return <p class="muted">No stack is called so.</p>;
            return (
              <ul>
                {fitting.map((one) => (
                  <li key={one.stack.context + one.stack.user + one.stack.id}>
                    {metrics ? (
                      <Metrics listing={one} perform={perform} />
                    ) : (
                    <button
                      type="button"
                      class="add"
                      {...adds(cardOfStack(one), (act) => {
                        // It stands on the dashboard now.
                        near(undefined);
                        perform(act);
                      })}
                      onMouseEnter={() => near(one)}
                      onFocus={() => near(one)}
                      onBlur={() => near(undefined)}
                      aria-describedby={looked === one ? "preview" : undefined}
                    >
                      <b class="cut">{plain(one.stack.name)}</b>
                      <span class="muted cut">{plain(one.context?.label ?? "")}</span>
                      <Icon name="plus" size={16} />
                    </button>
                    )}
                  </li>
                ))}
              </ul>
            );
          }}
        </Known>
      </aside>
    </>
  );
}

/** What a card of a stack would show, beside the list, as long as a pointer or the focus is on it. */
function Preview({ listing }: { listing: Listing }) {
  const ref = reference(placeOf(listing));
  const frame = useQuery(`preview ${ref}`, () => answer(api.GET("/api/v1/frame", { params: { query: { ref } } })));
  const file = frame.data && byWeight(frame.data.files)[0];
  const head = listing.stack.head;
  return (
    <div class="card preview" id="preview">
      <b class="cut">{plain(listing.stack.name)}</b>
      <p class="muted small">
        {head?.message ? `${plain(head.message)} · ` : ""}
        {head && <Time at={head.time} />}
        {frame.data && ` · ${count(frame.data.files_total, "file")}, ${size(frame.data.bytes)}`}
      </p>
      {/* It is to be seen and not to be pressed. */}
      <div class="preview-body" inert>
        <Known query={frame} lines={3}>
          {(known) =>
            file === undefined ? <p class="muted">This frame has no files.</p> : <Show file={file} reference={referenceIn(known, file)} />
          }
        </Known>
      </div>
    </div>
  );
}

/** The metrics of a stack, each of which can be added. */
function Metrics({ listing, perform }: { listing: Listing; perform: (act: Act) => void }) {
  const [open, setOpen] = useState(false);
  return (
    <details onToggle={(event) => setOpen(event.currentTarget.open)}>
      <summary class="cut">{plain(listing.stack.name)}</summary>
      {open && <MetricList listing={listing} perform={perform} />}
    </details>
  );
}

function MetricList({ listing, perform }: { listing: Listing; perform: (act: Act) => void }) {
  const ref = reference(placeOf(listing));
  const frame = useQuery(`metrics ${ref}`, () => answer(api.GET("/api/v1/frame", { params: { query: { ref } } })));
  return (
    <Known query={frame} lines={1}>
      {({ metrics }) => {
        const names = Object.entries(metrics).filter(([, value]) => typeof value === "number");
        if (names.length === 0) return <p class="muted small">Its head has no metrics.</p>;
        return (
          <>
            {names.map(([name]) => (
              <button
                type="button"
                class="add"
                key={name}
                {...adds(cardOf({ kind: "metric", ref, text: name, title: name, span: 3, height: "s" }), perform)}
              >
                <b class="cut">{plain(name)}</b>
                <Icon name="plus" size={16} />
              </button>
            ))}
          </>
        );
      }}
    </Known>
  );
}

/** What can be said of a card, in a dialog. */
export function Inspector(props: {
  card: Card;
  /** The parameters that its attachments have, as they call them, and their values. */
  params: ReadonlyMap<string, Value[]>;
  /** The frame that is the head now. */
  head: string | undefined;
  /** The tabs that there are, and the one that it is on. */
  tabs: readonly string[];
  tab: string | undefined;
  perform: (act: Act) => void;
  close: () => void;
}) {
  const { card, params, head, tabs, tab, perform, close } = props;
  const change = (said: Extract<Act, { act: "change" }>["card"]) => perform({ act: "change", id: card.id, card: said });
  const shown = useCallback((dialog: HTMLDialogElement | null) => {
    if (dialog && !dialog.open) dialog.showModal();
  }, []);
  return (
    <dialog class="inspector" ref={shown} onClose={close} aria-label={`Card ${plain(card.title || card.stack?.name || card.kind)}`}>
      <form method="dialog">
        <h2>Card</h2>
        <label>
          <span>Title</span>
          <Draft value={card.title} maxLength={200} save={(title) => change({ title })} />
        </label>
        {card.kind === "text" && (
          <label>
            <span>Text, in Markdown</span>
            <Draft rows={8} value={card.text} save={(text) => change({ text })} />
          </label>
        )}
        {card.kind !== "divider" && card.kind !== "text" && (
          <label>
            <span>Description</span>
            <Draft rows={3} value={card.description} save={(description) => change({ description })} />
          </label>
        )}
        {card.kind === "metric" && (
          <label>
            <span>Metric</span>
            <Draft value={card.text} save={(text) => change({ text })} />
          </label>
        )}
        <label>
          <span>Height</span>
          <select class="field" value={card.height} onChange={(event) => change({ height: event.currentTarget.value as Height })}>
            {HEIGHTS.map((height) => (
              <option key={height} value={height}>
                {HEIGHT_NAMES[height]}
              </option>
            ))}
          </select>
        </label>
        <label>
          <span>Width, in columns of 12</span>
          <input
            class="field"
            type="number"
            min={2}
            max={12}
            value={card.span}
            onChange={(event) => change({ span: Math.min(12, Math.max(2, event.currentTarget.valueAsNumber || card.span)) })}
          />
        </label>
        {tabs.length > 0 && (
          <label>
            <span>Tab</span>
            <select class="field" value={tab} onChange={(event) => change({ tab: event.currentTarget.value })}>
              {tabs.map((one) => (
                <option key={one} value={one}>
                  {plain(one)}
                </option>
              ))}
            </select>
          </label>
        )}
        {card.stack !== undefined && head !== undefined && (
          <label class="check">
            <input
              type="checkbox"
              checked={card.frame !== undefined}
              onChange={(event) => perform({ act: "pin", id: card.id, frame: event.currentTarget.checked ? head : null })}
            />
            <span>Stay at the frame that it shows now</span>
          </label>
        )}
        {[...params].map(([key, values]) => (
          <div key={key} class="param-of-card">
          <label>
            <span>{plain(key)}</span>
            <select
              class="field"
              value={key in card.fixed ? String(card.fixed[key]) : ""}
              onChange={(event) => {
                const { [key]: _, ...rest } = card.fixed;
                const value = values.find((one) => String(one) === event.currentTarget.value);
                change({ fixed: value === undefined ? rest : { ...rest, [key]: value } });
              }}
            >
              <option value="">chosen in the bar</option>
              {values.map((one) => (
                <option key={String(one)} value={String(one)}>
                  always {plain(String(one))}
                </option>
              ))}
            </select>
          </label>
          {!(key in card.fixed) && (
            <label>
              <span>{plain(key)} is called, in the bar</span>
              <Draft
                value={card.names[key] ?? key}
                maxLength={100}
                save={(said) => {
                  const { [key]: _, ...rest } = card.names;
                  const name = said.trim();
                  change({ names: name === "" || name === key ? rest : { ...rest, [key]: name } });
                }}
              />
            </label>
          )}
          </div>
        ))}
        <div class="row">
          <button class="button primary">Done</button>
        </div>
      </form>
    </dialog>
  );
}
