// Where a frame comes from and what came of it: as a picture, and as a list.

import { useState } from "preact/hooks";

import { all, answer, api } from "../../api/client";
import type { FrameInfo, SearchHit } from "../../api/schema";
import { count, plain, short, size } from "../../format";
import { useQuery } from "../../live/query";
import { readStackPath, reference, type StackPlace, stackPath } from "../../ref";
import { listContexts } from "../../stacks";
import { later } from "../later";
import { Icon } from "../icon";
import { Empty, Known } from "../states";
import { Time } from "../time";

const Graph = later(() => import("./graph").then((module) => module.Graph));

/** How far one looks, in steps from the frame. */
const DEPTH = 3;
/** Most frames of the picture. */
const MOST = 60;

/** A frame of the lineage. */
export interface Knot {
  id: string;
  /** The stack, or the name by which it was read. */
  name: string;
  /** What it says of itself. */
  text: string;
  /** Its page; absent where it is not here. */
  path?: string;
  /** Where it stands: before the frame, the frame itself, or made of it. */
  side: "input" | "self" | "output";
}

/** The lineage as it is known here: arrows lead from what was used to what was made. */
export interface Web {
  knots: Knot[];
  arrows: [from: string, to: string][];
  /** Whether there is more than was looked at. */
  more: boolean;
}

/** The lineage of a frame. */
export function Lineage({ frame, place }: { frame: FrameInfo; place: StackPlace }) {
  const web = useQuery(`lineage ${frame.id}`, () => look(frame, place), ({ event }) => event === "frame.added");
  return (
    <Known query={web} lines={6}>
      {(known) => (known.knots.length <= 1 ? <Alone frame={frame} /> : <Shown web={known} />)}
    </Known>
  );
}

function Alone({ frame }: { frame: FrameInfo }) {
  const name = frame.stack.name;
  return (
    <Empty icon="stacks" title="Made from nothing that is known, and nothing was made of it">
      <p>
        <code>frame.input("sales/raw")</code> in Python and <code>dsp push --input sales/raw</code> say what a frame was
        made from; what is made of this one says <code>--input {plain(name)}</code>.
      </p>
    </Empty>
  );
}

function Shown({ web }: { web: Web }) {
  const of = (side: Knot["side"]) => web.knots.filter((knot) => knot.side === side);
  const [chosen, choose] = useState<Knot>();
  const shown = web.knots.find(({ id }) => id === chosen?.id);
  return (
    <>
      <div class={shown ? "lineage-with" : undefined}>
        <Graph web={web} chosen={shown?.id} choose={choose} />
        {shown?.path !== undefined && <About key={shown.id} knot={shown} path={shown.path} close={() => choose(undefined)} />}
      </div>
      {web.more && <p class="meta">There is more than is shown here: open a frame to look further.</p>}
      <section class="grid-gap">
        <Side title="Made from" knots={of("input")} web={web} />
        <Side title="Used for" knots={of("output")} web={web} />
      </section>
    </>
  );
}

/** What a frame of the picture is, beside it. */
function About({ knot, path, close }: { knot: Knot; path: string; close: () => void }) {
  const place = readStackPath(path.slice("/s/".length));
  const frame = useQuery(`about ${path}`, async () => (place === undefined ? undefined : read(reference(place))));
  return (
    <aside class="card grid-pad about-knot" aria-label={`About ${plain(knot.name)}`}>
      <div class="row spread">
        <h2 class="cut">{plain(knot.name)}</h2>
        <button type="button" class="button bare icon" aria-label="Close" onClick={close}>
          <Icon name="close" size={16} />
        </button>
      </div>
      <Known query={frame} lines={4}>
        {(known) =>
          known === undefined ? (
            <p class="muted">It is not here any more.</p>
          ) : (
            <>
              {known.message !== "" && <p>{plain(known.message)}</p>}
              <p class="meta">
                <Time at={known.time} />
                <code>{short(known.id)}</code>
                <span>
                  {count(known.files_total, "file")}, {size(known.bytes)}
                </span>
                {known.bytes_here < known.bytes && <span class="badge warn">{size(known.bytes_here)} here</span>}
              </p>
              <Values of={known.params} />
              <Values of={known.metrics} />
            </>
          )
        }
      </Known>
      <a class="button primary" href={`${path}?view=lineage`}>
        Open this frame
      </a>
    </aside>
  );
}

function Values({ of }: { of: object }) {
  const known = Object.entries(of).slice(0, 8);
  if (known.length === 0) return null;
  return (
    <p class="mono small">
      {known.map(([name, value]) => `${plain(name)} ${plain(typeof value === "string" ? value : JSON.stringify(value))}`).join(" · ")}
    </p>
  );
}

function Side({ title, knots, web }: { title: string; knots: Knot[]; web: Web }) {
  const name = (id: string) => web.knots.find((knot) => knot.id === id)?.name ?? short(id);
  return (
    <>
      <h2>{title}</h2>
      {knots.length === 0 ? (
        <p class="muted">Nothing that is known here.</p>
      ) : (
        <ul class="card lines">
          {knots.map((knot) => {
            const next = web.arrows.flatMap(([from, to]) =>
              knot.side === "input" ? (from === knot.id ? [to] : []) : to === knot.id ? [from] : [],
            );
            return (
              <li key={knot.id} class="line row wrap">
                {knot.path === undefined ? (
                  <span>{plain(knot.name)}</span>
                ) : (
                  <a class="link" href={knot.path}>
                    {plain(knot.name)}
                  </a>
                )}
                <span class="muted cut">{plain(knot.text)}</span>
                <span class="muted">
                  {knot.side === "input" ? "used for" : "made from"} {next.map((id) => plain(name(id))).join(", ")}
                </span>
                {knot.path === undefined && <span class="badge warn">not here</span>}
              </li>
            );
          })}
        </ul>
      )}
    </>
  );
}

/** Follows inputs and outputs, as far as they are here. */
async function look(frame: FrameInfo, place: StackPlace): Promise<Web> {
  const contexts = new Map((await listContexts()).map(({ id, name }) => [id, name]));
  const knots = new Map<string, Knot>();
  const arrows = new Map<string, [string, string]>();
  const join = (from: string, to: string) => arrows.set(`${from} ${to}`, [from, to]);
  let more = false;
  knots.set(frame.id, {
    id: frame.id,
    name: frame.stack.name,
    text: frame.message || short(frame.id),
    path: stackPath({ ...place, rev: frame.id }),
    side: "self",
  });

  const back = async (of: FrameInfo, depth: number): Promise<void> => {
    await Promise.all(
      of.inputs.map(async ({ frame: id, name }, at) => {
        const known = id ?? `${of.id}#${at}`;
        join(known, of.id);
        if (knots.has(known)) return;
        if (knots.size >= MOST) {
          more = true;
          return;
        }
        const stack = (name ?? "").split(/[@#]/)[0] ?? "";
        const knot: Knot = { id: known, name: stack || "a frame that is not told", text: id ? short(id) : "", side: "input" };
        knots.set(known, knot);
        const info = id && stack ? await read(`${stack}@${id}`) : undefined;
        if (info === undefined) return;
        const context = contexts.get(info.stack.context);
        knots.set(known, {
          ...knot,
          name: info.stack.name,
          text: info.message || short(info.id),
          ...(context ? { path: stackPath({ user: info.stack.user, context, name: info.stack.name, rev: info.id }) } : {}),
        });
        if (depth > 1) await back(info, depth - 1);
        else if (info.inputs.length > 0) more = true;
      }),
    );
  };

  const forth = async (id: string, depth: number): Promise<void> => {
    const hits = await made(id);
    await Promise.all(
      hits.map(async (hit) => {
        join(id, hit.frame);
        if (knots.has(hit.frame)) return;
        if (knots.size >= MOST) {
          more = true;
          return;
        }
        const context = contexts.get(hit.context);
        const name = /(?:[^:]*:)?(.*)/.exec(hit.stack)?.[1] ?? hit.stack;
        knots.set(hit.frame, {
          id: hit.frame,
          name,
          text: hit.message || short(hit.frame),
          side: "output",
          ...(context ? { path: stackPath({ user: hit.user, context, name, rev: hit.frame }) } : {}),
        });
        if (depth > 1) await forth(hit.frame, depth - 1);
      }),
    );
  };

  await Promise.all([back(frame, DEPTH), forth(frame.id, DEPTH - 1)]);
  const shown = [...arrows.values()].filter(([from, to]) => knots.has(from) && knots.has(to));
  return { knots: [...knots.values()], arrows: shown, more };
}

async function read(named: string): Promise<FrameInfo | undefined> {
  try {
    return await answer(api.GET("/api/v1/frame", { params: { query: { ref: named } } }));
  } catch {
    // Not here, or of a stack that was renamed: it stays a name.
    return undefined;
  }
}

function made(id: string): Promise<SearchHit[]> {
  return all<SearchHit>(
    (cursor) =>
      answer(api.GET("/api/v1/search", { params: { query: { q: `input:${id}`, limit: 100, ...(cursor ? { cursor } : {}) } } })),
    MOST,
  );
}
