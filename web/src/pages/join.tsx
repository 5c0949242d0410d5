// The way in: a ticket that was sent, or a context that is offered.

import { useLocation } from "preact-iso";
import { useEffect, useState } from "preact/hooks";

import { ProblemError } from "../api/client";
import type { Followed, Policy } from "../api/schema";
import { steps } from "../api/steps";
import { count, plain, size } from "../format";
import { Icon } from "../parts/icon";
import { Labelled } from "../parts/forms";
import { Policies } from "../parts/policies";
import { Failed } from "../parts/states";
import { toast } from "../parts/toasts";
import { useTitle } from "../title";

/** How long the first sync is waited for, in seconds. */
const WAIT = 30;

/** Returns the ticket or label in what somebody pasted: a link, a line of the command line, or itself. */
export function ticketOf(pasted: string): string {
  const text = pasted.trim();
  const [, fragment] = text.match(/\/join#(\S+)/) ?? [];
  if (fragment !== undefined) return decodeURIComponent(fragment);
  return text.replace(/^(\$\s*)?dsp\s+follow\s+/, "").split(/\s/)[0] ?? "";
}

/** Follows a context. */
export function Join() {
  useTitle("Follow");
  const { route } = useLocation();
  const [ticket, paste] = useState("");
  const [policy, choose] = useState<Policy | "">("");
  const [state, become] = useState<"ready" | { says: string } | { failed: Error }>("ready");
  useEffect(() => {
    const take = () => {
      if (location.hash.length <= 1) return;
      paste(ticketOf(decodeURIComponent(location.hash.slice(1))));
      // A ticket is a key: it is not left in the address and the history.
      history.replaceState(history.state, "", "/join");
    };
    take();
    addEventListener("hashchange", take);
    return () => removeEventListener("hashchange", take);
  }, []);
  const busy = typeof state === "object" && "says" in state;
  const follow = async (event: Event) => {
    event.preventDefault();
    become({ says: "looking for somebody who lets you in" });
    try {
      const body = { ticket, wait_seconds: WAIT, ...(policy === "" ? {} : { policy }) };
      const { context, synced, known } = await steps<Followed>("/api/v1/follows", body, {
        progress: ({ what, bytes }) => become({ says: bytes > 0 ? `${what}, ${size(bytes)}` : what }),
        note: (says) => become({ says }),
      });
      const label = plain(context.label);
      if (known) toast(`You follow ${label} already`);
      else if (synced) toast(`You follow ${label}: ${count(context.stacks, "stack")}`);
      else toast(`You follow ${label}; it comes as soon as somebody of it is reached`);
      route(`/c/${context.id}`);
    } catch (error) {
      become({ failed: error instanceof ProblemError || error instanceof Error ? error : new Error(String(error)) });
    }
  };
  return (
    <div class="page narrow">
      <header>
        <h1>Follow a context</h1>
        <p class="muted">Somebody sent you a ticket, or a link with one. Nothing happens before you press Follow.</p>
      </header>
      <form class="card grid-pad" onSubmit={follow}>
        <Labelled label="Ticket, link, or the name of what is offered to you">
          <textarea
            class="field mono"
            rows={4}
            required
            spellcheck={false}
            autocomplete="off"
            placeholder="dsp1…"
            value={ticket}
            onInput={(event) => paste(ticketOf(event.currentTarget.value))}
          />
        </Labelled>
        <fieldset class="choices">
          <legend>What comes by itself</legend>
          <label class="choice">
            <input type="radio" name="policy" checked={policy === ""} onChange={() => choose("")} />
            <b>As in the settings</b>
            <span class="muted">What you chose for new contexts.</span>
          </label>
          <Policies chosen={policy} choose={choose} />
        </fieldset>
        <div class="row">
          <button type="submit" class="button primary" disabled={busy || ticket === ""}>
            Follow
          </button>
          <span class="meta" role="status">
            {busy && (
              <>
                <span class="turns">
                  <Icon name="clock" size={16} />
                </span>{" "}
                {plain(state.says)} …
              </>
            )}
          </span>
        </div>
        {typeof state === "object" && "failed" in state && <Failed error={state.failed} />}
      </form>
    </div>
  );
}
