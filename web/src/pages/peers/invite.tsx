// An invitation: what it gives is chosen, and then its text is shown, this once.

import "../../styles/people.css";

import { useState } from "preact/hooks";

import { act } from "../../acts";
import { answer, api } from "../../api/client";
import type { ContextInfo, Readable, RoleName, TicketMade } from "../../api/schema";
import { count, plain, size } from "../../format";
import { useQuery } from "../../live/query";
import { Copy } from "../../parts/copy";
import { Dialog } from "../../parts/dialog";
import { Labelled } from "../../parts/forms";
import { Qr } from "../../parts/qr";
import { Known } from "../../parts/states";
import { Time } from "../../parts/time";
import { listContexts } from "../../stacks";
import { ROLES } from "../../people";

const DAY = 86_400;
const ENDS: [seconds: number, label: string][] = [
  [3600, "in an hour"],
  [DAY, "in a day"],
  [7 * DAY, "in a week"],
  [30 * DAY, "in 30 days"],
  [0, "never"],
];

/** Asks what an invitation gives, makes it, and shows it: as a part of a page. */
export function Inviting({ context, close }: { context?: string | undefined; close: () => void }) {
  const [made, show] = useState<TicketMade>();
  return made ? <Made made={made} close={close} /> : <Choose context={context} made={show} />;
}

/** The same in a dialog. */
export function Invite({ context, close }: { context?: string; close: () => void }) {
  const [made, show] = useState<TicketMade>();
  return (
    <Dialog title={made ? "The invitation" : "Invite somebody"} wide close={close}>
      {made ? <Made made={made} close={close} /> : <Choose context={context} made={show} />}
    </Dialog>
  );
}

function Choose({ context, made }: { context: string | undefined; made: (made: TicketMade) => void }) {
  const contexts = useQuery("invite contexts", listContexts, ({ event }) => event === "context.changed");
  return (
    <Known query={contexts}>
      {(known) => {
        const own = known.filter(({ role, state }) => role === "owner" && state !== "closed");
        if (own.length === 0) return <p>You own no context to which you could invite somebody.</p>;
        return <Form contexts={own} first={own.find(({ id }) => id === context) ?? own[0]!} made={made} />;
      }}
    </Known>
  );
}

function Form(props: { contexts: ContextInfo[]; first: ContextInfo; made: (made: TicketMade) => void }) {
  const [context, choose] = useState(props.first.id);
  const [role, give] = useState<RoleName>("reader");
  const [seconds, end] = useState(7 * DAY);
  const [uses, admit] = useState("1");
  const [busy, wait] = useState(false);
  const readable = useQuery(`readable ${context}`, () =>
    answer(api.GET("/api/v1/contexts/{context}/readable", { params: { path: { context } } })),
  );
  const make = async (event: Event) => {
    event.preventDefault();
    wait(true);
    const body = { role, expires_seconds: seconds, ...(uses === "" ? {} : { uses: Number(uses) }) };
    const call = api.POST("/api/v1/contexts/{context}/tickets", { params: { path: { context } }, body });
    const ticket = await act(answer(call));
    wait(false);
    if (ticket) props.made(ticket);
  };
  return (
    <form class="grid-gap" onSubmit={make}>
      <Labelled label="Context">
        <select class="field" value={context} onChange={(event) => choose(event.currentTarget.value)}>
          {props.contexts.map(({ id, label }) => (
            <option key={id} value={id}>
              {plain(label)}
            </option>
          ))}
        </select>
      </Labelled>
      <fieldset class="choices">
        <legend>Role</legend>
        {(["reader", "writer", "owner"] as const).map((one) => (
          <label key={one} class="choice">
            <input type="radio" name="role" checked={role === one} onChange={() => give(one)} />
            <b>{one}</b>
            <span class="muted">{ROLES[one]}</span>
          </label>
        ))}
      </fieldset>
      <div class="fields">
        <Labelled label="Ends">
          <select class="field" value={seconds} onChange={(event) => end(Number(event.currentTarget.value))}>
            {ENDS.map(([value, label]) => (
              <option key={value} value={value}>
                {label}
              </option>
            ))}
          </select>
        </Labelled>
        <Labelled label="Admits">
          <select class="field" value={uses} onChange={(event) => admit(event.currentTarget.value)}>
            <option value="1">one user</option>
            <option value="5">5 users</option>
            <option value="25">25 users</option>
            <option value="">any number</option>
          </select>
        </Labelled>
      </div>
      {readable.data && <Reads readable={readable.data} />}
      <div class="dialog-ends">
        <button type="submit" class="button primary" disabled={busy}>
          Make the invitation
        </button>
      </div>
    </form>
  );
}

function Reads({ readable }: { readable: Readable }) {
  if (readable.frames === 0) return <p class="note">Nothing is in it yet.</p>;
  return (
    <p class="note">
      Who holds it reads {count(readable.stacks, "stack")} with {count(readable.frames, "frame")} ({size(readable.bytes)})
      {readable.examples.length > 0 && `: ${plain(readable.examples.slice(0, 4).join(", "))}`}
      {readable.examples.length > 4 && " …"}, and what comes later.
    </p>
  );
}

function Made({ made, close }: { made: TicketMade; close: () => void }) {
  const link = `${location.origin}/join#${made.ticket}`;
  return (
    <div class="grid-gap">
      <p>
        Send it by a way that only its receiver reads: who has it comes in. It is shown this once.
        {made.info.until != null && (
          <>
            {" "}
            It ends <Time at={made.info.until} />.
          </>
        )}
      </p>
      <div class="made">
        <Qr text={made.ticket} label="The ticket as a QR code" />
        <div class="grid-gap">
          <h3>Ticket</h3>
          <Copy text={made.ticket} label="Copy the ticket" />
          <h3>Link, where dsp runs already</h3>
          <Copy text={link} label="Copy the link" />
          <h3>On the command line</h3>
          <Copy text={`dsp follow ${made.ticket}`} label="Copy the line that follows" />
        </div>
      </div>
      <div class="dialog-ends">
        <button type="button" class="button primary" onClick={close}>
          Done
        </button>
      </div>
    </div>
  );
}
