// Invitations that are open, and revoking them.

import { act } from "../../acts";
import { answer, api } from "../../api/client";
import type { TicketInfo } from "../../api/schema";
import { plain } from "../../format";
import { useQuery } from "../../live/query";
import { ask } from "../../parts/dialog";
import { Known } from "../../parts/states";
import { Time } from "../../parts/time";
import { isOpen, listTickets, names } from "../../people";

/** The tickets of one context, or all. */
export function Tickets({ context }: { context?: string }) {
  const tickets = useQuery(
    `tickets ${context ?? ""}`,
    () => listTickets(context),
    ({ event }) => event === "ticket.used" || event === "context.changed",
  );
  return (
    <Known query={tickets} lines={2}>
      {(known) => {
        const open = known.filter((ticket) => isOpen(ticket, new Date()));
        if (open.length === 0) return <p class="muted">No invitation is open.</p>;
        return (
          <ul class="card lines">
            {open.map((ticket) => (
              <Line key={ticket.key} ticket={ticket} again={tickets.again} />
            ))}
          </ul>
        );
      }}
    </Known>
  );
}

function Line({ ticket, again }: { ticket: TicketInfo; again: () => void }) {
  const revoke = async () => {
    const cameIn = ticket.admitted.length > 0 ? ` ${names(ticket.admitted)} came in by it and stay.` : "";
    const yes = await ask({
      title: "Revoke the invitation?",
      text: `Nobody else comes into ${plain(ticket.label)} by it, from now on and for good.${cameIn}`,
      yes: "Revoke",
      bad: true,
    });
    if (!yes) return;
    const call = api.DELETE("/api/v1/tickets/{key}", { params: { path: { key: ticket.key } } });
    await act(answer(call), "The invitation is revoked");
    again();
  };
  return (
    <li class="line ticket invited">
      <span class="grow">
        <a class="link" href={`/c/${ticket.context}`}>
          {plain(ticket.label)}
        </a>{" "}
        <span class="badge">{ticket.role}</span>
      </span>
      <span class="meta">
        <span>
          {ticket.admitted.length} of {ticket.uses ?? "any number"} came in
          {ticket.admitted.length > 0 && `: ${names(ticket.admitted)}`}
        </span>
        <span>{ticket.until == null ? "never ends" : <>ends <Time at={ticket.until} /></>}</span>
        <code>{ticket.key.slice(0, 8)}</code>
      </span>
      <button type="button" class="button" onClick={revoke} aria-label={`Revoke the invitation ${ticket.key.slice(0, 8)}`}>
        Revoke
      </button>
    </li>
  );
}
