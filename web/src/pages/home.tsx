// What there is, and what is new.


import { away, doneOf, putAway } from "../begun";
import { count, plain, size } from "../format";
import type { ContextInfo } from "../api/schema";
import { useQuery } from "../live/query";
import { listMembers, listPeers, movesPeople, presence } from "../people";
import { Avatar } from "../parts/avatar";
import { Bar, Section } from "../parts/forms";
import { Icon } from "../parts/icon";
import { later } from "../parts/later";
import { Id } from "../parts/id";
import { Bones, Known } from "../parts/states";
import { Time } from "../parts/time";
import { node } from "../state";
import { listContexts, listStacks } from "../stacks";
import { useTitle } from "../title";
import { pinned } from "../boards/pins";
import { Activity } from "./home/activity";
import { Recent } from "./home/recent";

const Begin = later(() => import("./home/begin").then((module) => module.Begin), () => <div class="card grid-pad"><Bones lines={8} /></div>);
const Boards = later(() => import("./home/boards").then((module) => module.Boards));

/** Most members that a card shows. */
const FACES = 5;
/** Contexts of which members are asked for: the first ones. */
const ASKED = 12;

/** The first page. */
export function Home() {
  useTitle("Home");
  const stacks = useQuery(
    "home stacks",
    () => listStacks(""),
    ({ event }) => event.startsWith("stack.") || event === "frame.added" || event === "context.changed",
  );
  const contexts = useQuery(
    "home contexts",
    listContexts,
    ({ event }) => event === "context.changed" || event.startsWith("stack.") || event === "transfer.finished",
  );
  const done = stacks.data && doneOf(node.value, stacks.data, contexts.data ?? []);
  const begins = done !== undefined && !away.value && !(done.pushed && done.shared && done.safe);
  return (
    <div class="page">
      <header>
        <h1>
          {greeting(new Date().getHours())}
          {node.value ? `, ${plain(node.value.name)}` : ""}
        </h1>
        {node.value && (
          <p class="meta">
            <Id id={node.value.device} what="node" />
            {count(node.value.stacks, "stack")} in {count(node.value.contexts, "context")},{" "}
            {count(node.value.peers_connected, "peer")} connected
          </p>
        )}
      </header>
      {begins && <Begin done={done} putAway={putAway} />}
      <div class="home">
        <div class="grid-wide">
          {pinned.value.length > 0 && <Boards />}
          <Section title="Contexts" id="contexts">
            <Known query={contexts} lines={5}>
              {(known) => <Contexts contexts={known} />}
            </Known>
          </Section>
          <Recent />
        </div>
        <Known query={stacks} lines={8}>
          {(listed) => <Activity listed={listed} />}
        </Known>
      </div>
    </div>
  );
}

function Contexts({ contexts }: { contexts: ContextInfo[] }) {
  const peers = useQuery("peers", listPeers, movesPeople);
  const here = new Set((peers.data ?? []).filter((peer) => presence(peer).connected).map(({ user }) => user));
  const sorted = [...contexts].sort(
    (a, b) => Number(b.current) - Number(a.current) || (b.heard ?? "").localeCompare(a.heard ?? ""),
  );
  return (
    <ul class="cards">
      {sorted.map((context, index) => (
        <Context key={context.id} context={context} here={here} asks={index < ASKED} />
      ))}
    </ul>
  );
}

function Context({ context, here, asks }: { context: ContextInfo; here: Set<string>; asks: boolean }) {
  const partly = context.bytes_here < context.bytes;
  return (
    <li>
      <a class="card context" href={`/c/${context.id}`}>
        <div class="row">
          <h3 class="cut">{plain(context.label)}</h3>
          {context.state === "closed" || context.state === "left" || context.state === "removed" ? (
            <span class="badge">{context.state}</span>
          ) : context.state === "waiting" ? (
            <span class="badge warn">waiting</span>
          ) : context.current ? (
            <span class="badge accent">current</span>
          ) : null}
        </div>
        <p class="muted small cut">{context.about === "" ? "\u00a0" : plain(context.about)}</p>
        <div class="row faces">
          {context.members > 1 && asks ? (
            <Faces context={context} here={here} />
          ) : (
            <span class="muted small">
              {context.members <= 1 ? (
                <>
                  <Icon name="lock" size={12} /> only me
                </>
              ) : (
                count(context.members, "member")
              )}
            </span>
          )}
        </div>
        {partly && <Bar part={context.bytes_here} whole={context.bytes} label={`Share of ${plain(context.label)} that is here`} />}
        <p class="meta small">
          <span>{count(context.stacks, "stack")}</span>
          <span>{partly ? `${size(context.bytes_here)} of ${size(context.bytes)}` : size(context.bytes)}</span>
          {context.heard != null && <Time at={context.heard} />}
        </p>
      </a>
    </li>
  );
}

function Faces({ context, here }: { context: ContextInfo; here: Set<string> }) {
  const members = useQuery(`members ${context.id}`, () => listMembers(context.id), ({ event }) => event === "context.changed");
  const me = node.value?.user;
  const others = (members.data ?? []).filter(({ role, user }) => role !== "none" && user !== me);
  const shown = others.slice(0, FACES);
  const online = others.filter(({ user }) => here.has(user)).length;
  return (
    <>
      <span class="visually-hidden">
        {count(context.members, "member")}, {online} connected
      </span>
      <span class="stack-of">
        {shown.map((member) => (
          <Avatar key={member.user} user={member.user} name={member.name} on={here.has(member.user)} small />
        ))}
      </span>
      <span class="muted small" aria-hidden="true">
        {others.length > FACES ? `+${others.length - FACES}` : online > 0 ? `${online} connected` : "nobody connected"}
      </span>
    </>
  );
}

function greeting(hour: number): string {
  if (hour < 5) return "Good night";
  if (hour < 12) return "Good morning";
  return hour < 18 ? "Good afternoon" : "Good evening";
}
