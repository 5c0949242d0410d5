import { useLocation } from "preact-iso";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { all, answer, api, ProblemError } from "../api/client";
import type { PeerInfo, SearchHit } from "../api/schema";
import { plain } from "../format";
import {
  isNarrow, isQuery, keyOf, pick, question, readWanted, type Sort, SORTS, SPANS, tagsOf, type Wanted, wantedPath,
} from "../found";
import { searchFrames } from "../frame-search";
import { useQuery } from "../live/query";
import { Find } from "../parts/find";
import { Icon } from "../parts/icon";
import { Empty, Known } from "../parts/states";
import { LIST, StackList } from "../parts/stack-list";
import { stackPath } from "../ref";
import { type Listing, listStacks, placeOf } from "../stacks";
import { node } from "../state";
import { useTitle } from "../title";
import { TYPES } from "../types";

/** How long one has to stop typing before the daemon is asked, in milliseconds. */
const PAUSE = 180;
/** Frames in which something is found that are looked at. */
const HITS = 5000;
/** How far one has scrolled when the list no longer changes by itself, in pixels. */
const AWAY = 160;

/** All stacks that are here, or those that one looks for. */
export function Stacks() {
  const { query, route } = useLocation();
  const wanted = useMemo(() => readWanted(query), [query]);
  const narrow = isNarrow(wanted);
  useTitle(wanted.q === "" ? "Stacks" : `${wanted.q} · Stacks`);
  const stacks = useQuery(
    "stacks",
    () => listStacks(""),
    ({ event }) => event.startsWith("stack.") || event === "frame.added" || event === "context.changed",
  );
  const peers = useQuery("peers", listPeers, ({ event }) => event === "context.changed");
  const me = node.value?.user;
  const names = useMemo(() => {
    const known = (peers.data ?? []).map(({ user, name }): [string, string] => [user, name]);
    return new Map(me === undefined ? known : [...known, [me, "me"]]);
  }, [peers.data, me]);
  const searched = useHits(wanted);
  const want = (part: Partial<Wanted>, step = false) => route(wantedPath({ ...wanted, ...part }), !step);
  const [now] = useState(() => new Date());

  return (
    <div class="page stacks">
      <header>
        <div class="row">
          <h1>Stacks</h1>
          {stacks.data && <span class="badge">{stacks.data.length.toLocaleString("en")}</span>}
        </div>
      </header>
      <Known query={stacks} lines={10}>
        {(listed) => {
          if (listed.length === 0) return <Nothing />;
          const found = pick(listed, wanted, { hits: searched.hits, names, now });
          const first = found[0];
          return (
            <>
              <Filters
                wanted={wanted}
                listed={listed}
                names={names}
                want={want}
                open={() => first && route(stackPath(placeOf(first)))}
              />
              {searched.problem && narrow && (
                <p class="meta" role="status">
                  <Icon name="alert" size={16} /> {searched.problem}
                </p>
              )}
              <p class="visually-hidden" role="status">
                {found.length.toLocaleString("en")} stacks
              </p>
              {found.length > 0 ? (
                <Held found={found} key={wantedPath(wanted)} count={narrow ? listed.length : undefined} />
              ) : searched.waits ? (
                <p class="meta">Looking through all frames…</p>
              ) : (
                <NoMatch wanted={wanted} want={want} />
              )}
            </>
          );
        }}
      </Known>
      {stacks.error && stacks.data && (
        <p class="meta">
          <Icon name="away" size={16} /> {stacks.error.message}
        </p>
      )}
    </div>
  );
}

/** The list; where one has scrolled, it stays as it is until one asks for what is new. */
function Held({ found, count }: { found: ReturnType<typeof pick>; count: number | undefined }) {
  const [held, setHeld] = useState(found);
  const away = typeof scrollY === "number" && scrollY > AWAY;
  const known = new Set(held.map(({ stack }) => keyOf(stack)));
  const order = (list: typeof found) => list.map(({ stack }) => keyOf(stack)).join();
  const same = held.length === found.length && order(held) === order(found);
  // The same stacks in the same order do not move: what changed in them may show.
  const shown = !away || same ? found : held;
  useEffect(() => {
    if (shown !== held) setHeld(shown);
  }, [shown, held]);
  const fresh = found.filter(({ stack }) => !known.has(keyOf(stack))).length;
  return (
    <>
      {count !== undefined && (
        <p class="meta">
          {shown.length.toLocaleString("en")} of {count.toLocaleString("en")}
        </p>
      )}
      {shown === held && !same && (
        <button
          type="button"
          class="pill"
          onClick={() => {
            setHeld(found);
            scrollTo({ top: 0 });
          }}
        >
          {fresh > 0 ? `${fresh} new` : "Changed"}: show
        </button>
      )}
      <StackList listed={shown} />
    </>
  );
}

interface FiltersProps {
  wanted: Wanted;
  listed: Listing[];
  names: ReadonlyMap<string, string>;
  want: (part: Partial<Wanted>, step?: boolean) => void;
  open: () => void;
}

function Filters({ wanted, listed, names, want, open }: FiltersProps) {
  const contexts = useMemo(() => {
    const labels = listed.map(({ stack, context }) => context?.label ?? stack.context);
    return [...new Set(labels)].sort();
  }, [listed]);
  const owners = useMemo(() => {
    const users = [...new Set(listed.map(({ stack }) => stack.user))];
    return users.map((user): [string, string] => [user, names.get(user) ?? user.slice(0, 8)]);
  }, [listed, names]);
  const tags = useMemo(() => tagsOf(listed).slice(0, 200), [listed]);
  const field = useRef<HTMLInputElement>(null);
  const ownDays = wanted.until !== "" || (wanted.since !== "" && SPANS[wanted.since] === undefined);
  const [days, setDays] = useState(ownDays);
  const pressed = (event: KeyboardEvent) => {
    if (event.key === "ArrowDown") {
      event.preventDefault();
      document.querySelector<HTMLElement>(`#${LIST} a[tabindex="0"]`)?.focus();
    } else if (event.key === "Enter" && field.current?.value.trim() !== "") {
      open();
    } else if (event.key === "Escape" && wanted.q !== "") {
      event.preventDefault();
      want({ q: "" });
    }
  };
  return (
    <div class="filters" role="search" aria-label="Stacks">
      <Find label="Search stacks">
        <input
          ref={field}
          class="field"
          type="search"
          data-find
          placeholder="Name, message, parameter, column, or metric:auc>0.9"
          value={wanted.q}
          onInput={(event) => want({ q: event.currentTarget.value })}
          onKeyDown={pressed}
        />
      </Find>
      <div class="chips">
        <Chip label="Type" any="Any type" value={wanted.type} of={Object.entries(TYPES)} choose={(type) => want({ type }, true)} />
        {contexts.length > 1 && (
          <Chip
            label="Context"
            any="Any context"
            value={wanted.context}
            of={contexts.map((one) => [one, one])}
            choose={(context) => want({ context }, true)}
          />
        )}
        {owners.length > 1 && (
          <Chip label="Owner" any="Anybody’s" value={wanted.peer} of={owners} choose={(peer) => want({ peer }, true)} />
        )}
        {(tags.length > 0 || wanted.tag !== "") && (
          <Chip
            label="Tag"
            any="Any tag"
            value={wanted.tag}
            of={tags.map((one) => [one, one])}
            choose={(tag) => want({ tag }, true)}
          />
        )}
        <Chip
          label="Pushed"
          any="Any time"
          value={days ? "days" : wanted.since}
          of={[...Object.entries(SPANS).map(([key, { label }]): [string, string] => [key, label]), ["days", "From … to …"]]}
          choose={(since) => {
            setDays(since === "days");
            want({ since: since === "days" ? "" : since, until: "" }, true);
          }}
        />
        {days && (
          <>
            <label class="chip date">
              <span>From</span>
              <input
                type="date"
                value={SPANS[wanted.since] ? "" : wanted.since}
                onChange={(event) => want({ since: event.currentTarget.value }, true)}
              />
            </label>
            <label class="chip date">
              <span>to</span>
              <input
                type="date"
                value={wanted.until}
                onChange={(event) => want({ until: event.currentTarget.value }, true)}
              />
            </label>
          </>
        )}
        <label class={`chip text ${wanted.metric === "" ? "" : "on"}`}>
          <span class="visually-hidden">Metric</span>
          <input
            type="text"
            placeholder="Metric: auc>0.9"
            value={wanted.metric}
            size={15}
            onInput={(event) => want({ metric: event.currentTarget.value })}
          />
        </label>
        {isNarrow(wanted) && (
          <button
            type="button"
            class="button bare"
            onClick={() => {
              setDays(false);
              want(readWanted({ sort: wanted.sort }), true);
              field.current?.focus();
            }}
          >
            Clear
          </button>
        )}
        <span class="end">
          <Chip
            label="Order"
            value={wanted.sort === "latest" ? "" : wanted.sort}
            any={SORTS.latest}
            of={Object.entries(SORTS).slice(1)}
            choose={(sort) => want({ sort: (sort === "" ? "latest" : sort) as Sort }, true)}
          />
        </span>
      </div>
    </div>
  );
}

function Chip(props: {
  label: string;
  any: string;
  value: string;
  of: [string, string][];
  choose: (value: string) => void;
}) {
  const known = props.value === "" || props.of.some(([value]) => value === props.value);
  return (
    <label class={`chip ${props.value === "" ? "" : "on"}`}>
      <span class="visually-hidden">{props.label}</span>
      <select value={props.value} onChange={(event) => props.choose(event.currentTarget.value)}>
        <option value="">{props.any}</option>
        {!known && <option value={props.value}>{plain(props.value)}</option>}
        {props.of.map(([value, label]) => (
          <option key={value} value={value}>
            {plain(label)}
          </option>
        ))}
      </select>
    </label>
  );
}

function Nothing() {
  return (
    <Empty icon="stacks" title="No stacks yet">
      <p>
        A stack is a named artifact: a table, a plot, a model, any files. Push one from a notebook or the command line,
        or follow a context of somebody else, and it stands here at once.
      </p>
      <a class="button primary" href="/">
        How to begin
      </a>
    </Empty>
  );
}

function NoMatch({ wanted, want }: Pick<FiltersProps, "wanted" | "want">) {
  const others = { ...wanted, q: "" };
  return (
    <Empty icon="search" title="Nothing fits">
      <p>
        {wanted.q !== "" ? (
          <>
            No name, message, tag, parameter, metric or column of a table here holds “{plain(wanted.q)}”
            {isNarrow(others) ? ", or the filters leave it out." : "."}
          </>
        ) : (
          "No stack here fits all of these filters."
        )}{" "}
        Filters such as <code>param:region=EU</code>, <code>metric:auc&gt;0.9</code> and <code>column:price=number</code>{" "}
        look at one thing only.
      </p>
      <div class="row wrap">
        {wanted.q !== "" && isNarrow(others) && (
          <button type="button" class="button" onClick={() => want({ ...readWanted({}), q: wanted.q, sort: wanted.sort }, true)}>
            Search without filters
          </button>
        )}
        <button type="button" class="button primary" onClick={() => want(readWanted({}), true)}>
          Show all stacks
        </button>
      </div>
    </Empty>
  );
}

/** What the daemon found in frames. */
interface Hits {
  hits: ReadonlyMap<string, SearchHit> | undefined;
  waits: boolean;
  problem: string | undefined;
}

/** Asks the daemon for what the list itself does not tell: params, metrics, columns, older frames. */
function useHits(wanted: Wanted): Hits {
  const asks = question(wanted);
  const [state, setState] = useState<Hits & { of: string }>({ of: "", hits: undefined, waits: false, problem: undefined });
  useEffect(() => {
    if (asks === "") return undefined;
    let end = () => {};
    const timer = setTimeout(() => {
      end = searchFrames(
        asks,
        HITS,
        ({ hits, reads }) => setState({ of: asks, waits: reads, hits: byStack(hits), problem: undefined }),
        (error) => setState({ of: asks, waits: false, hits: new Map(), problem: said(error) }),
      );
    }, PAUSE);
    return () => {
      clearTimeout(timer);
      end();
    };
  }, [asks]);
  if (asks === "") return { hits: undefined, waits: false, problem: undefined };
  if (state.of === asks) return state;
  // While one types on, what is known of the words before stays where only the daemon knows.
  return { hits: isQuery(wanted.q) || wanted.metric !== "" ? state.hits : undefined, waits: true, problem: undefined };
}

/** Returns the hit of each stack that says most: its head where it has one, else the first. */
function byStack(found: readonly SearchHit[]): ReadonlyMap<string, SearchHit> {
  const hits = new Map<string, SearchHit>();
  for (const hit of found) {
    const key = keyOf({ context: hit.context, user: hit.user, id: hit.stack_id });
    const known = hits.get(key);
    if (known === undefined || (hit.head && !known.head)) hits.set(key, hit);
  }
  return hits;
}

function said(error: Error): string {
  const problem = error instanceof ProblemError ? error.problem : undefined;
  return problem ? [problem.detail, problem.hint].filter(Boolean).join(". Try ") : String(error);
}

/** Returns the users whom this node knows. */
function listPeers(): Promise<PeerInfo[]> {
  return all<PeerInfo>((cursor) =>
    answer(api.GET("/api/v1/peers", { params: { query: { limit: 500, ...(cursor ? { cursor } : {}) } } })),
  );
}
