// The first minutes, a step after the other: who one is, a first push, and a teammate.

import { doneOf } from "../begun";
import { count, plain } from "../format";
import { useQuery } from "../live/query";
import { Icon } from "../parts/icon";
import { Id } from "../parts/id";
import { Bones, Known } from "../parts/states";
import { stackPath } from "../ref";
import { listContexts, type Listing, listStacks, placeOf } from "../stacks";
import { node } from "../state";
import { useTitle } from "../title";
import { BackUp, Push, Share } from "./home/begin";
import { Name, useNamed } from "./home/name";
import { Step } from "./home/step";

/** The page for who is new. */
export function Welcome() {
  useTitle("Welcome");
  const me = node.value;
  const stacks = useQuery("welcome stacks", () => listStacks(""), ({ event }) => event.startsWith("stack.") || event === "frame.added");
  const contexts = useQuery("welcome contexts", listContexts, ({ event }) => event === "context.changed");
  return (
    <div class="page narrow-ish">
      <header>
        <h1>Welcome{me ? `, ${plain(me.name)}` : ""}</h1>
        <p class="message">What you push is yours, stays on this machine, and goes to whom you let in: a few steps, and a teammate sees it.</p>
      </header>
      <Known query={stacks} lines={8}>
        {(listed) => {
          const done = doneOf(me, listed, contexts.data ?? []);
          if (me === undefined || done === undefined) return <Bones lines={8} />;
          const first = listed.find(({ stack }) => stack.user === me.user);
          return (
            <section class="card begin" aria-labelledby="steps">
              <h2 id="steps">First steps</h2>
              <ol class="steps">
                <Named pushed={done.pushed} />
                <Step done={done.pushed} title="Push your first frame" open>
                  {first === undefined ? <Push /> : <Came listing={first} all={listed.length} />}
                </Step>
                <Step done={done.shared} title="Invite a teammate" open={done.pushed}>
                  <Share />
                </Step>
                <Step done={done.safe} title="Back up who you are" open={done.pushed && !done.safe}>
                  <p class="meta">
                    <Id id={me.user} what="user" />
                    <span>
                      <a class="link" href="/settings/identity">Your words</a> tell teammates that it is you.
                    </span>
                  </p>
                  <BackUp />
                </Step>
              </ol>
            </section>
          );
        }}
      </Known>
      <p class="row wrap">
        <a class="button" href="/">
          Go home
        </a>
        <a class="button bare" href="/join">
          Somebody sent me a ticket
        </a>
      </p>
    </div>
  );
}

function Named({ pushed }: { pushed: boolean }) {
  return <Name named={useNamed(pushed)} pushed={pushed} />;
}

/** The first push is there. */
function Came({ listing, all }: { listing: Listing; all: number }) {
  return (
    <p role="status" class="row wrap">
      <Icon name="check" size={16} />
      <span>
        It came: <a class="link" href={stackPath(placeOf(listing))}>{plain(listing.stack.name)}</a>
        {all > 1 && ` and ${count(all - 1, "other stack")}`}.
      </span>
    </p>
  );
}
