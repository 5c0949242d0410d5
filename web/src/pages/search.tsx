// Everything that a text is found in, by what it is.

import { useLocation } from "preact-iso";
import type { ComponentChildren } from "preact";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { answer, api, ProblemError } from "../api/client";
import type { CommentInfo, PeerInfo, SearchHit } from "../api/schema";
import { listBoards } from "../boards/calls";
import { count, plain, short } from "../format";
import { type Fitting, keyOf, pick, readWanted, wantedPath } from "../found";
import { searchFrames } from "../frame-search";
import { type Query, useQuery } from "../live/query";
import { listPeers } from "../people";
import { Avatar } from "../parts/avatar";
import { Find } from "../parts/find";
import { Section } from "../parts/forms";
import { Icon, type IconName } from "../parts/icon";
import { StackLine } from "../parts/stack-list";
import { Bones, Empty, Failed } from "../parts/states";
import { Time } from "../parts/time";
import { stackPath } from "../ref";
import { hitIn, says } from "../said";
import { type Listing, listStacks, placeOf } from "../stacks";
import { useTitle } from "../title";

/** How long one has to stop typing before the daemon is asked, in milliseconds. */
const PAUSE = 180;
/** Most of each kind that are shown. */
const MOST = 8;
/** Frames in which something is found that are looked at. */
const HITS = 500;

/** The search. */
export function Search() {
  const { query, route } = useLocation();
  const q = query.q ?? "";
  useTitle(q === "" ? "Search" : `${q} · Search`);
  const field = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (q === "") field.current?.focus();
  }, []);
  return (
    <div class="page narrow-ish">
      <header>
        <h1>Search</h1>
      </header>
      <div class="filters" role="search" aria-label="Everything">
        <Find label="Search everything">
          <input
            ref={field}
            class="field"
            type="search"
            data-find
            placeholder="Stacks, columns, dashboards, comments, peers"
            value={q}
            onInput={(event) => route(`/search?q=${encodeURIComponent(event.currentTarget.value)}`, true)}
          />
        </Find>
      </div>
      {q.trim() === "" ? (
        <Empty icon="search" title="What do you look for?">
          <p>
            Words are looked for in names, messages, tags, parameters, columns of tables, dashboards, comments and
            people. <code>metric:auc&gt;0.9</code>, <code>param:region=EU</code> and <code>column:price</code> look at one
            thing only.
          </p>
        </Empty>
      ) : (
        <Found q={q.trim()} />
      )}
    </div>
  );
}

function Found({ q }: { q: string }) {
  const stacks = useQuery("search stacks", () => listStacks(""), ({ event }) => event.startsWith("stack."));
  const boards = useQuery("search boards", listBoards, ({ event }) => event === "board.changed");
  const peers = useQuery("search peers", listPeers, ({ event }) => event === "context.changed");
  const asked = useSettled(q);
  const hits = useHits(asked);
  const comments = useQuery(`search comments ${asked}`, () => findComments(asked), ({ event }) => event === "comment.changed");
  const names = useMemo(() => new Map((peers.data ?? []).map(({ user, name }) => [user, name])), [peers.data]);
  const found = useMemo(() => {
    const known = new Map<string, SearchHit>();
    for (const hit of hits.data ?? []) {
      const key = keyOf({ context: hit.context, user: hit.user, id: hit.stack_id });
      if (!known.has(key)) known.set(key, hit);
    }
    const wanted = readWanted({ q });
    return pick(stacks.data ?? [], wanted, { hits: known, names, now: new Date() });
  }, [stacks.data, hits.data, names, q]);
  const columns = (hits.data ?? []).flatMap((hit) => (hit.head ? (hit.columns ?? []).map((column) => ({ hit, column })) : []));
  const dashboards = (boards.data ?? []).filter((board) => !board.removed && says(q, [board.title, board.description, board.creator.name]));
  const people = (peers.data ?? []).filter((peer) => says(q, [peer.name, peer.own_name]) || peer.user.startsWith(q));
  const said = comments.data ?? [];
  const waits = [stacks, boards, peers, hits, comments].some((one) => one.data === undefined && one.error === undefined) || hits.loading;
  const counts = [found, columns, dashboards, said, people].map((one) => one.length);
  const total = counts.reduce((sum, one) => sum + one, 0);
  return (
    <>
      <p class="visually-hidden" role="status">
        {waits ? "" : `${total} found`}
      </p>
      {hits.error !== undefined && <Refused error={hits.error} again={hits.again} />}
      <Group
        title="Stacks"
        query={stacks}
        count={found.length}
        more={<a class="link small" href={wantedPath(readWanted({ q }))}>{count(found.length, "stack")}, with filters</a>}
      >
        <ul class="card lines found-stacks">
          {found.slice(0, MOST).map((one: Fitting) => (
            <li key={keyOf(one.stack)}>
              <StackLine listing={one} />
            </li>
          ))}
        </ul>
      </Group>
      <Group title="Columns" query={hits} count={columns.length}>
        <ul class="card lines">
          {columns.slice(0, MOST).map(({ hit, column }) => (
            <Line
              key={`${hit.frame} ${column.path} ${column.name}`}
              path={columnPath(hit, column.path, stacks.data ?? [])}
              icon="table"
              name={column.name}
              about={`${hit.stack} · ${column.path}`}
              end={column.type}
            />
          ))}
        </ul>
      </Group>
      <Group title="Dashboards" query={boards} count={dashboards.length}>
        <ul class="card lines">
          {dashboards.slice(0, MOST).map((board) => (
            <Line
              key={board.id}
              path={`/d/${board.id}`}
              icon="dashboards"
              name={board.title || "Dashboard"}
              about={board.description || count(board.cards, "card")}
              end={board.creator.name}
            />
          ))}
        </ul>
      </Group>
      <Group title="Comments" query={comments} count={said.length}>
        <ul class="card lines">
          {said.slice(0, MOST).map(({ comment, path, on }) => (
            <Line
              key={comment.id}
              path={path}
              icon="comment"
              name={hitIn(comment.text, q)}
              about={`${comment.mine ? "me" : comment.author.name} on ${on}`}
              end={<Time at={comment.time} />}
            />
          ))}
        </ul>
      </Group>
      <Group title="Peers" query={peers} count={people.length}>
        <ul class="card lines">
          {people.slice(0, MOST).map((peer: PeerInfo) => (
            <li key={peer.user}>
              <a class="pushed" href={`/peers/${peer.user}`}>
                <Avatar user={peer.user} name={peer.name} />
                <b class="grow cut">{plain(peer.name)}</b>
                <span class="muted small mono">{short(peer.user)}</span>
              </a>
            </li>
          ))}
        </ul>
      </Group>
      {waits && <Bones lines={4} />}
      {!waits && total === 0 && (
        <Empty icon="search" title="Nothing is found">
          <p>
            Nothing here holds “{plain(q)}”. What a peer did not bring yet is not here; fewer words find more.
          </p>
        </Empty>
      )}
    </>
  );
}

/** What was found of a kind; nothing where there is none. */
function Group(props: { title: string; query: Query<unknown>; count: number; more?: ComponentChildren; children: ComponentChildren }) {
  const { title, query, count: number, more, children } = props;
  if (number === 0) return query.data === undefined && query.error !== undefined ? <Failed error={query.error} again={query.again} /> : null;
  const left = number - MOST;
  return (
    <Section title={title} id={`found-${title.toLowerCase()}`} end={more}>
      {children}
      {left > 0 && more === undefined && <p class="muted small">and {left} more: another word finds fewer</p>}
    </Section>
  );
}

function Line(props: { path: string; icon: IconName; name: string; about: string; end: ComponentChildren }) {
  return (
    <li>
      <a class="pushed" href={props.path}>
        <span class="thumb">
          <Icon name={props.icon} />
        </span>
        <span class="grow grid-tight">
          <b class="cut">{plain(props.name)}</b>
          <span class="cut muted small">{plain(props.about)}</span>
        </span>
        <span class="muted small when">{typeof props.end === "string" ? plain(props.end) : props.end}</span>
      </a>
    </li>
  );
}

/** What is wrong with what is looked for, and how it is written. */
function Refused({ error, again }: { error: Error; again: () => void }) {
  if (!(error instanceof ProblemError) || error.problem.status !== 400) return <Failed error={error} again={again} />;
  return (
    <p class="meta" role="status">
      <Icon name="alert" size={16} /> {plain(error.problem.detail)}
      {error.problem.hint != null && `: ${plain(error.problem.hint)}`}
    </p>
  );
}

/** Returns a text once it did not change for a moment. */
function useSettled(text: string): string {
  const [settled, settle] = useState(text);
  useEffect(() => {
    const timer = setTimeout(() => settle(text), PAUSE);
    return () => clearTimeout(timer);
  }, [text]);
  return settled;
}

/** Returns the frames in which a text is found, which may be more in a moment while it is loading. */
function useHits(q: string): Query<SearchHit[]> {
  const [round, again] = useState(0);
  const next = () => again(round + 1);
  const nothing = { of: q, data: undefined, error: undefined, loading: true };
  const [state, become] = useState<Omit<Query<SearchHit[]>, "again"> & { of: string }>(nothing);
  useEffect(
    () =>
      searchFrames(
        q,
        HITS,
        ({ hits, reads }) => become({ of: q, data: hits, error: undefined, loading: reads }),
        (error) => become({ of: q, data: undefined, error, loading: false }),
      ),
    [q, round],
  );
  return { ...(state.of === q ? state : nothing), again: next };
}

/** A comment, and the page on which it stands. */
interface Said {
  comment: CommentInfo;
  path: string;
  on: string;
}

/** Returns the last comments that hold all words. */
async function findComments(q: string): Promise<Said[]> {
  const query = { context: "*", q, limit: HITS };
  const { items } = await answer(api.GET("/api/v1/comments", { params: { query } }));
  return items.flatMap((comment) => {
    const { about, context } = comment;
    if (!about) return [];
    const path = about.board ? `/d/${about.board}` : stackPath({ user: about.user.user, context, name: about.name }, "comments");
    return [{ comment, path, on: about.name || "a dashboard" }];
  });
}

function columnPath(hit: SearchHit, file: string, stacks: readonly Listing[]): string {
  const one = stacks.find(({ stack }) => stack.id === hit.stack_id && stack.user === hit.user && stack.context === hit.context);
  const name = /(?:[^:]*:)?(.*)/.exec(hit.stack)?.[1] ?? hit.stack;
  const place = one === undefined ? { user: hit.user, context: hit.context, name } : placeOf(one);
  return `${stackPath(place)}?file=${encodeURIComponent(file)}`;
}

