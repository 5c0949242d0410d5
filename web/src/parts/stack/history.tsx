// The frames of a stack: what they measured, and a list of which two are compared.

import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";

import { answer, api } from "../../api/client";
import type { FrameInfo, LogEntry } from "../../api/schema";
import { brief } from "../../chart";
import { count, plain, short, size } from "../../format";
import { type Query, useQuery } from "../../live/query";
import { comparePath, reference, type StackPlace, stackPath } from "../../ref";
import { Known } from "../states";
import { Time } from "../time";
import { Chart } from "./chart";
import { Icon } from "../icon";
import { Menu, MenuItem } from "../menu";
import { attempt, isPinned, letGo, listPins, markAsHead, pinFrame } from "./doing";
import { toast } from "../toasts";

/** Frames that are listed before one asks for more. */
const FIRST = 200;

/** All frames, what they say and measured, and which two are compared. */
export function History(props: { place: StackPlace; shown: FrameInfo; log: Query<LogEntry[]>; mine: boolean }) {
  const { place, shown, log, mine } = props;
  const { route } = useLocation();
  const [picked, setPicked] = useState<string[]>([]);
  const [most, setMost] = useState(FIRST);
  const pins = useQuery("pins", listPins);
  const toggle = (id: string) =>
    setPicked((ids) => (ids.includes(id) ? ids.filter((one) => one !== id) : [...ids.slice(-1), id]));
  return (
    <Known query={log} lines={8}>
      {(entries) => {
        const order = (id: string) => entries.findIndex((entry) => entry.id === id);
        const [later, earlier] = picked.toSorted((a, b) => order(a) - order(b));
        return (
          <>
            <Chart entries={entries} place={place} shown={shown.id} />
            <section class="grid-gap">
              <div class="row wrap">
                <h2>{count(entries.length, "frame")}</h2>
                <button
                  type="button"
                  class="button"
                  disabled={later === undefined || earlier === undefined}
                  onClick={() => later && earlier && route(comparePath(place, earlier, later))}
                >
                  {picked.length === 2 ? "Compare the two" : "Mark two frames to compare"}
                </button>
              </div>
              <ol class="card history">
                {entries.slice(0, most).map((entry, index) => (
                  <Entry
                    key={entry.id}
                    entry={entry}
                    before={entries[index + 1]?.id}
                    place={place}
                    current={entry.id === shown.id}
                    picked={picked.includes(entry.id)}
                    toggle={() => toggle(entry.id)}
                    mine={mine}
                    pinned={isPinned(pins.data, entry.id)}
                    pin={(on) => void pinFrame(place, entry.id, on).then(pins.again)}
                  />
                ))}
              </ol>
              {entries.length > most && (
                <button type="button" class="button" onClick={() => setMost(most + 500)}>
                  Show {Math.min(500, entries.length - most)} more
                </button>
              )}
            </section>
          </>
        );
      }}
    </Known>
  );
}

interface EntryProps {
  entry: LogEntry;
  before: string | undefined;
  place: StackPlace;
  current: boolean;
  picked: boolean;
  toggle: () => void;
  mine: boolean;
  pinned: boolean;
  pin: (on: boolean) => void;
}

function Entry({ entry, before, place, current, picked, toggle, mine, pinned, pin }: EntryProps) {
  const metrics = Object.entries(entry.metrics).slice(0, 4);
  const said = entry.here ? plain(entry.message || "no message") : entry.withdrawn ? "withdrawn by an owner" : "not here";
  return (
    <li aria-current={current ? "true" : undefined}>
      <label class="pick">
        <input type="checkbox" checked={picked} onChange={toggle} aria-label={`Compare ${short(entry.id)}`} />
      </label>
      <a href={stackPath({ ...place, rev: entry.id })}>
        <span class="row wrap">
          <b class="cut">{said}</b>
          {entry.head && <span class="badge accent">head</span>}
          {pinned && (
            <span class="badge" title="Its bytes stay here whatever happens">
              <Icon name="pin" size={12} /> pinned
            </span>
          )}
          {entry.tags.map((tag) => (
            <span class="badge" key={tag}>
              {plain(tag)}
            </span>
          ))}
        </span>
        <span class="meta">
          {entry.time && <Time at={entry.time} />}
          <code>{short(entry.id)}</code>
          {entry.bytes != null && <span>{size(entry.bytes)}</span>}
          {metrics.map(([name, value]) => (
            <span key={name} class="mono" title={String(value)}>
              {plain(name)} {typeof value === "number" ? brief(value) : plain(String(value))}
            </span>
          ))}
        </span>
      </a>
      <span class="acts">
        {before !== undefined && (
          <a class="button bare" href={comparePath(place, before, entry.id)} aria-label={`Changes of ${short(entry.id)}`}>
            Changes
          </a>
        )}
        {mine && !entry.head && entry.here && <Back place={place} id={entry.id} />}
        {entry.here && (
          <Menu label={`More of ${short(entry.id)}`} bare>
            <MenuItem icon="pin" does={() => pin(!pinned)}>
              {pinned ? "Do not keep it on purpose" : "Keep its bytes here"}
            </MenuItem>
            <MenuItem icon="away" does={() => void letGo(place, { id: entry.id, bytes: entry.bytes ?? 0 })}>
              Free its bytes here …
            </MenuItem>
          </Menu>
        )}
      </span>
    </li>
  );
}

/** Puts an older frame on top again. */
function Back({ place, id }: { place: StackPlace; id: string }) {
  const { route } = useLocation();
  const [busy, setBusy] = useState(false);
  const back = async () => {
    setBusy(true);
    await attempt(async () => {
      const pushed = await backTo(place, id);
      toast(pushed.unchanged ? "The head holds the same already" : `What ${short(id)} holds is the head again`);
      route(stackPath({ user: place.user, context: place.context, name: place.name }, "history"));
    });
    setBusy(false);
  };
  return (
    <button type="button" class="button bare" disabled={busy} onClick={back} aria-label={`Mark as head: ${short(id)}`}>
      Mark as head
    </button>
  );
}

async function backTo(place: StackPlace, id: string) {
  const named = reference({ ...place, rev: id });
  const frame = await answer(api.GET("/api/v1/frame", { params: { query: { ref: named } } }));
  return markAsHead(place, frame);
}
