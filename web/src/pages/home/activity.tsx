// What was pushed, by day. What comes while one reads waits above, so that nothing jumps.

import { useEffect, useRef, useState } from "preact/hooks";

import { dayOf, plain } from "../../format";
import { useQuery } from "../../live/query";
import { listPeers } from "../../people";
import { Avatar } from "../../parts/avatar";
import { Icon } from "../../parts/icon";
import { Time } from "../../parts/time";
import { stackPath } from "../../ref";
import { node } from "../../state";
import { type Listing, placeOf } from "../../stacks";

/** How many of the latest pushes are shown. */
const LATEST = 40;

type Whose = "all" | "mine" | "others";
const WHOSE: Record<Whose, string> = { all: "Everybody", mine: "Mine", others: "Peers" };

/** What a push is known by. */
const keyOf = ({ stack }: Listing) => `${stack.context} ${stack.user} ${stack.id} ${stack.head?.frame ?? ""}`;

/** The latest pushes. */
export function Activity({ listed }: { listed: Listing[] }) {
  const [whose, choose] = useState<Whose>("all");
  const [shown, show] = useState(listed);
  const known = useRef(new Set(listed.map(keyOf)));
  const fresh = listed.filter((one) => !known.current.has(keyOf(one)));
  const take = () => {
    for (const one of listed) known.current.add(keyOf(one));
    show(listed);
  };
  // Where nothing is read yet, nothing can jump.
  useEffect(() => {
    if (shown.length === 0 && listed.length > 0) take();
  }, [listed]);
  const me = node.value?.user;
  const peers = useQuery("peers", listPeers, ({ event }) => event === "context.changed");
  const names = new Map((peers.data ?? []).map(({ user, name }) => [user, name]));
  const pushed = shown
    .filter(({ stack }) => stack.head != null && (whose === "all" || (stack.user === me) === (whose === "mine")))
    .sort((a, b) => (b.stack.head?.time ?? "").localeCompare(a.stack.head?.time ?? ""))
    .slice(0, LATEST);
  const days = new Map<string, Listing[]>();
  for (const one of pushed) {
    const day = dayOf(new Date(one.stack.head?.time ?? 0), new Date());
    days.set(day, [...(days.get(day) ?? []), one]);
  }
  return (
    <section aria-labelledby="activity" class="grid-gap activity">
      <div class="row section-head">
        <h2 id="activity">Activity</h2>
        <div class="row">
          <label>
            <span class="visually-hidden">Whose</span>
            <select class="field slim" value={whose} onChange={(event) => choose(event.currentTarget.value as Whose)}>
              {(Object.keys(WHOSE) as Whose[]).map((one) => (
                <option key={one} value={one}>
                  {WHOSE[one]}
                </option>
              ))}
            </select>
          </label>
          <a class="link small" href="/stacks">
            all stacks
          </a>
        </div>
      </div>
      <div role="status" class="fresh">
        {fresh.length > 0 && shown.length > 0 && (
          <button type="button" class="pill" onClick={take}>
            <Icon name="up" size={14} /> {fresh.length} new
          </button>
        )}
      </div>
      {pushed.length === 0 && (
        <p class="card grid-pad muted">
          {whose === "others" ? "Peers pushed nothing yet." : "What is pushed stands here the moment it is there."}
        </p>
      )}
      {[...days].map(([day, ones]) => (
        <div key={day} class="grid-gap">
          <h3 class="day">{day}</h3>
          <ul class="card lines">
            {ones.map((one) => {
              const { stack, context } = one;
              const name = stack.user === me ? (node.value?.name ?? "me") : (names.get(stack.user) ?? stack.user.slice(0, 8));
              return (
                <li key={keyOf(one)}>
                  <a class="pushed" href={stackPath(placeOf(one))}>
                    <Avatar user={stack.user} name={name} />
                    <span class="grow grid-tight">
                      <span class="cut">
                        <b>{plain(stack.name)}</b>
                      </span>
                      <span class="cut muted small">
                        {stack.head?.message ? plain(stack.head.message) : plain(context?.label ?? "")}
                      </span>
                    </span>
                    <span class="muted small when">
                      {stack.user === me ? "me" : plain(name)} · <Time at={stack.head?.time ?? ""} />
                    </span>
                  </a>
                </li>
              );
            })}
          </ul>
        </div>
      ))}
    </section>
  );
}
