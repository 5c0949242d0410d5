// All that happened, by day, as far back as one goes.

import { useLocation } from "preact-iso";
import { useEffect, useRef, useState } from "preact/hooks";

import {
  byDay, byTime, type Happening, happenings, isWanted, keyOf, KINDS, type Line, linesOf, STEP, type Whose,
} from "../activity";
import { listBoards } from "../boards/calls";
import { useQuery } from "../live/query";
import { listNotifications } from "../notifications";
import { listPeers } from "../people";
import { Fresh } from "../parts/fresh";
import { HappeningLine } from "../parts/pushed";
import { Empty, Failed, Known } from "../parts/states";
import { useSeen } from "../seen";
import { type Listing, listStacks } from "../stacks";
import { node } from "../state";
import { useTitle } from "../title";

/** Happenings that are drawn at a time. */
const PAGE = 100;

const WHOSE: [Whose, string][] = [["all", "Everybody"], ["mine", "Mine"], ["others", "Peers"]];

/** The whole feed. */
export function WholeActivity() {
  useTitle("Activity");
  const [stacks, look] = useState(STEP);
  const asked = useQuery(`activity ${stacks}`, () => ask(stacks), ({ event }) =>
    event.startsWith("stack.") || event === "frame.added" || event === "board.changed" || event === "notification.changed");
  // While more is asked for, what was there stays.
  const last = useRef<Feed | undefined>(undefined);
  if (asked.data !== undefined) last.current = asked.data;
  const feed = asked.data ?? last.current;
  return (
    <div class="page narrow-ish">
      <header>
        <h1>Activity</h1>
      </header>
      {asked.error !== undefined && feed !== undefined && <Failed error={asked.error} again={asked.again} />}
      <Known query={{ ...asked, data: feed }} lines={10}>
        {(known) => <Days feed={known} further={() => look(stacks + STEP)} waits={asked.loading} />}
      </Known>
    </div>
  );
}

/** What happened, and whether there is more behind it. */
interface Feed {
  all: Happening[];
  more: boolean;
}

function Days({ feed, further, waits }: { feed: Feed; further: () => void; waits: boolean }) {
  const { query, path, route } = useLocation();
  const whose = WHOSE.find(([one]) => one === query.whose)?.[0] ?? "all";
  const kinds = Object.keys(KINDS).find((one) => one === query.type) ?? "";
  const [shown, show] = useState(feed);
  const [most, draw] = useState(PAGE);
  const seen = useSeen();
  const me = node.value?.user;
  const peers = useQuery("peers", listPeers, ({ event }) => event === "context.changed");
  const names = new Map((peers.data ?? []).map(({ user, name }) => [user, name]));
  const newest = shown.all[0]?.time ?? "";
  const known = new Set(shown.all.map(({ key }) => key));
  const fresh = feed.all.filter(({ key, time }) => time >= newest && !known.has(key));
  // What is older than all that is shown comes below it, where nothing moves.
  useEffect(() => {
    if (feed !== shown && fresh.length === 0) show(feed);
  }, [feed]);
  const wanted = shown.all.filter((one) => isWanted(one, whose, kinds, me));
  const drawn = wanted.slice(0, most);
  const more = drawn.length < wanted.length || shown.more;
  const end = useRef<HTMLDivElement>(null);
  const onward = () => {
    if (drawn.length < wanted.length) draw(most + PAGE);
    else if (shown.more && !waits) further();
  };
  const step = useRef(onward);
  step.current = onward;
  useEffect(() => {
    const mark = end.current;
    if (mark === null || !more) return undefined;
    const watch = new IntersectionObserver(([entry]) => entry?.isIntersecting && step.current(), { rootMargin: "400px" });
    watch.observe(mark);
    return () => watch.disconnect();
  }, [more, most, feed]);
  const want = (part: Record<string, string>) => {
    const said = Object.entries({ whose, type: kinds, ...part }).filter(([, value]) => value !== "" && value !== "all");
    const text = new URLSearchParams(said).toString();
    route(path + (text === "" ? "" : `?${text}`), true);
  };
  return (
    <>
      <div class="row wrap" role="search" aria-label="Activity">
        <Choose label="Whose" value={whose} of={WHOSE} choose={(one) => want({ whose: one })} />
        <Choose label="Type" value={kinds} of={[["", "Everything"], ...Object.entries(KINDS)]} choose={(one) => want({ type: one })} />
      </div>
      <Fresh count={fresh.length} take={() => show(feed)} />
      {drawn.length === 0 && !more && (
        <Empty icon="clock" title={whose === "all" && kinds === "" ? "Nothing happened yet" : "Nothing of this kind happened"}>
          <p>What is pushed, a dashboard that somebody changes, who comes in: it stands here the moment it is there.</p>
        </Empty>
      )}
      {byDay(drawn, new Date()).map(([day, ones]) => (
        <section key={day} class="grid-gap activity" aria-label={day}>
          <h2 class="day">{day}</h2>
          <ul class="card lines">
            {ones.map((one) => (
              <li key={one.key}>
                <HappeningLine one={one} names={names} unread={seen !== undefined && one.user !== me && one.time > seen} />
              </li>
            ))}
          </ul>
        </section>
      ))}
      <div ref={end}>
        {more && (
          <button type="button" class="button" disabled={waits} onClick={onward}>
            {waits ? "It comes …" : "Show older"}
          </button>
        )}
      </div>
    </>
  );
}

function Choose(props: { label: string; value: string; of: [value: string, label: string][]; choose: (value: string) => void }) {
  return (
    <label class={`chip ${props.value === "" || props.value === "all" ? "" : "on"}`}>
      <span class="visually-hidden">{props.label}</span>
      <select value={props.value} onChange={(event) => props.choose(event.currentTarget.value)}>
        {props.of.map(([value, label]) => (
          <option key={value} value={value}>
            {label}
          </option>
        ))}
      </select>
    </label>
  );
}

/** Lines that were asked for, with the head that the stack had then. */
const lines = new Map<string, { head: string; line: Line }>();

async function ask(stacks: number): Promise<Feed> {
  const [all, boards, notices] = await Promise.all([listStacks(""), listBoards(), listNotifications()]);
  const listed = byTime(all);
  const headOf = ({ stack }: Listing) => stack.head?.frame ?? "";
  const first = listed.slice(0, stacks);
  const unknown = first.filter((one) => lines.get(keyOf(one))?.head !== headOf(one));
  for (const [key, line] of await linesOf(unknown)) {
    const one = unknown.find((listing) => keyOf(listing) === key);
    if (one !== undefined) lines.set(key, { head: headOf(one), line });
  }
  const known = new Map(first.flatMap((one): [string, Line][] => {
    const line = lines.get(keyOf(one))?.line;
    return line === undefined ? [] : [[keyOf(one), line]];
  }));
  return happenings({ listed, lines: known, boards, notices });
}
