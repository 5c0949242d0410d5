// A link to what is not here: whose it is, and how one comes to see it.

import "../../styles/stack.css";

import { useState } from "preact/hooks";

import { all, answer, api } from "../../api/client";
import { steps } from "../../api/steps";
import type { ContextInfo, OfferInfo, PeerInfo, Progress } from "../../api/schema";
import { plain, short } from "../../format";
import { useQuery } from "../../live/query";
import { reference, shownRev, type StackPlace } from "../../ref";
import { listContexts } from "../../stacks";
import { node } from "../../state";
import { Copy } from "../copy";
import { Icon } from "../icon";
import { Empty, Known } from "../states";
import { said } from "./doing";

interface Around {
  context: ContextInfo | undefined;
  owner: PeerInfo | undefined;
  offer: OfferInfo | undefined;
}

/** Says why a stack is not here, and what to do about it. */
export function Ask({ place, again }: { place: StackPlace; again: () => void }) {
  const around = useQuery(
    `around ${reference(place)}`,
    () => look(place),
    ({ event }) => event === "context.changed" || event === "peer.connected",
  );
  return (
    <>
      {around.data === undefined && <h1>{plain(place.name)}</h1>}
      <Known query={around}>{(known) => <Way place={place} around={known} again={again} />}</Known>
    </>
  );
}

function Way({ place, around, again }: { place: StackPlace; around: Around; again: () => void }) {
  const { context, owner, offer } = around;
  const mine = place.user === "me" || place.user === node.value?.user;
  const who = mine ? "you" : (owner?.name ?? (/^[0-9a-f]{64}$/.test(place.user) ? short(place.user) : place.user));
  const name = plain(place.name);
  if (context !== undefined || mine) {
    return (
      <Empty page icon="search" title={`No stack ${name} here`}>
        <p>
          {mine ? "You have" : `${plain(who)} has`} no stack of this name in {plain(place.context)}
          {place.rev === undefined ? "" : `, or no frame ${plain(shownRev(place.rev))} of it`}. It may have been renamed
          or removed, or not have come yet.
        </p>
        <div class="row wrap">
          <button type="button" class="button" onClick={again}>
            Look again
          </button>
          <a class="button primary" href={`/stacks?q=${encodeURIComponent(place.name.split("/").at(-1) ?? "")}`}>
            Find stacks like it
          </a>
        </div>
      </Empty>
    );
  }
  const me = node.value?.name ?? "me";
  const request = `Hi ${owner?.name ?? ""}, may I see ${place.name}? Please make a ticket for your context “${place.context}”:\n\n  dsp share ${place.context}\n\nand send it to me. My id is ${node.value?.user ?? ""} (${me}).\n${location.href}`;
  return (
    <Empty page icon="lock" title={`You do not follow ${plain(place.context)} of ${plain(who)}`}>
      <p>
        The link leads to <b>{name}</b>
        {owner === undefined ? " of somebody whom this node does not know yet." : ` of ${plain(owner.name)}.`} What is in a
        context is seen by those who were let in.
      </p>
      {offer ? (
        <Follow ticket={offer.label} again={again} label={`Follow ${plain(offer.label)}, which was offered to you`} />
      ) : (
        <div class="asking">
          <h2>Ask for it</h2>
          <Copy text={request} label="Copy the request" />
          <h2>With a ticket</h2>
          <TicketForm again={again} />
        </div>
      )}
    </Empty>
  );
}

function TicketForm({ again }: { again: () => void }) {
  const [ticket, setTicket] = useState("");
  return (
    <>
      <label class="grid-gap">
        <span class="visually-hidden">Ticket</span>
        <input
          class="field mono"
          value={ticket}
          placeholder="dspticket…"
          autocomplete="off"
          spellcheck={false}
          onInput={(event) => setTicket(event.currentTarget.value)}
        />
      </label>
      <Follow ticket={ticket.trim()} again={again} label="Follow" />
    </>
  );
}

function Follow({ ticket, again, label }: { ticket: string; again: () => void; label: string }) {
  const [progress, setProgress] = useState<Progress | "begins">();
  const [problem, setProblem] = useState<string>();
  const follow = async () => {
    setProblem(undefined);
    setProgress("begins");
    try {
      await steps("/api/v1/follows", { ticket }, { progress: setProgress });
      again();
    } catch (error) {
      setProblem(plain(said(error)));
    }
    setProgress(undefined);
  };
  return (
    <>
      <button type="button" class="button primary" disabled={ticket === "" || progress !== undefined} onClick={follow}>
        {progress === undefined ? label : typeof progress === "object" ? plain(progress.what) : "Asking…"}
      </button>
      {problem && (
        <p class="said" role="alert">
          <Icon name="alert" size={15} /> {problem}
        </p>
      )}
    </>
  );
}

async function look(place: StackPlace): Promise<Around> {
  const [contexts, peers, offers] = await Promise.all([
    listContexts(),
    all<PeerInfo>((cursor) =>
      answer(api.GET("/api/v1/peers", { params: { query: { limit: 500, ...(cursor ? { cursor } : {}) } } })),
    ),
    all<OfferInfo>((cursor) =>
      answer(api.GET("/api/v1/offers", { params: { query: { limit: 500, ...(cursor ? { cursor } : {}) } } })),
    ),
  ]);
  const owner = peers.find(({ user, name }) => user === place.user || name === place.user);
  const from = owner?.user ?? place.user;
  return {
    owner,
    context: contexts.find(
      ({ name, id, owner }) => (name === place.context || id === place.context) && (owner === from || place.user === id),
    ),
    offer: offers.find(
      (offer) => !offer.declined && offer.from.user === from && offer.label.split("/").at(-1) === place.context,
    ),
  };
}
