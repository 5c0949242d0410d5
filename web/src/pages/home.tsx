import type { ContextInfo } from "../api/schema";
import { useState } from "preact/hooks";

import { count, plain, size } from "../format";
import { useQuery } from "../live/query";
import { Copy } from "../parts/copy";
import { Icon } from "../parts/icon";
import { Known } from "../parts/states";
import { StackLine } from "../parts/stack-list";
import { Time } from "../parts/time";
import { node } from "../state";
import { listContexts, listStacks } from "../stacks";
import { useTitle } from "../title";

/** How many of the latest stacks are shown. */
const LATEST = 12;

/** What there is, and what is new. */
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
  return (
    <div class="page">
      <header>
        <h1>{greeting(new Date().getHours())}{node.value ? `, ${plain(node.value.name)}` : ""}</h1>
        {node.value && (
          <p class="meta">
            {count(node.value.stacks, "stack")} in {count(node.value.contexts, "context")},{" "}
            {count(node.value.peers_connected, "peer")} connected
          </p>
        )}
      </header>
      <Known query={stacks} lines={8}>
        {(listed) => {
          if (listed.length === 0) return <Begin />;
          return (
            <section aria-labelledby="latest" class="grid-gap">
              <div class="row">
                <h2 id="latest">Latest</h2>
                <a class="link" href="/stacks">
                  all {listed.length.toLocaleString("en")}
                </a>
              </div>
              <ul class="card lines">
                {listed.slice(0, LATEST).map((one) => (
                  <li key={one.stack.context + one.stack.user + one.stack.id}>
                    <StackLine listing={one} />
                  </li>
                ))}
              </ul>
            </section>
          );
        }}
      </Known>
      <section aria-labelledby="contexts" class="grid-gap">
        <h2 id="contexts">Contexts</h2>
        <Known query={contexts} lines={3}>
          {(known) => (
            <ul class="cards">
              {known.map((context) => (
                <Context key={context.id} context={context} />
              ))}
            </ul>
          )}
        </Known>
      </section>
    </div>
  );
}

function Context({ context }: { context: ContextInfo }) {
  const here = context.bytes === 0 ? 1 : context.bytes_here / context.bytes;
  return (
    <li class="card context">
      <div class="row">
        <h3 class="cut">{plain(context.label)}</h3>
        {context.access === "private" && context.members <= 1 ? (
          <span class="badge">
            <Icon name="lock" size={12} /> only me
          </span>
        ) : (
          <span class="badge accent">{count(context.members, "member")}</span>
        )}
      </div>
      {context.about !== "" && <p class="muted">{plain(context.about)}</p>}
      <p class="meta">
        <span>{count(context.stacks, "stack")}</span>
        <span>
          {here < 1 ? `${size(context.bytes_here)} of ${size(context.bytes)} here` : size(context.bytes)}
        </span>
        {context.heard && <Time at={context.heard} />}
      </p>
    </li>
  );
}

const WAYS: { name: string; code: string }[] = [
  {
    name: "Python",
    code: 'import dsp\n\ndsp.push_frame("first/table", df, "My first frame")',
  },
  { name: "R", code: 'library(dsp)\n\npush_frame("first/table", mtcars, "My first frame")' },
  { name: "Command line", code: 'dsp push first/table results.csv -m "My first frame"' },
];

/** What to do when nothing is here: the first frame, then the first follower. */
function Begin() {
  const [way, choose] = useState(0);
  return (
    <section aria-labelledby="begin" class="card begin">
      <h2 id="begin">Push your first frame</h2>
      <p class="muted">
        Whatever you push becomes a frame of a stack: signed, kept for good, and on this page the moment it is there.
      </p>
      <div class="tabs" role="tablist" aria-label="Ways to push">
        {WAYS.map(({ name }, index) => (
          <button
            type="button"
            key={name}
            role="tab"
            id={`way-${index}`}
            aria-selected={index === way}
            aria-controls="way"
            onClick={() => choose(index)}
          >
            {name}
          </button>
        ))}
      </div>
      <div role="tabpanel" id="way" aria-labelledby={`way-${way}`}>
        <Copy text={WAYS[way]?.code ?? ""} label="Copy the code" />
      </div>
      <h2>Then share it</h2>
      <p class="muted">The ticket that this prints lets a teammate follow, with no server between you.</p>
      <Copy text="dsp share main" label="Copy the line that shares" />
    </section>
  );
}

function greeting(hour: number): string {
  if (hour < 5) return "Good night";
  if (hour < 12) return "Good morning";
  return hour < 18 ? "Good afternoon" : "Good evening";
}
