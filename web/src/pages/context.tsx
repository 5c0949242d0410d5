// One context: what is in it, who may what, and which of its bytes come here.

import "../styles/people.css";

import { useLocation, useRoute } from "preact-iso";
import { useState } from "preact/hooks";

import { act } from "../acts";
import { answer, api } from "../api/client";
import type { AccessName, ContextInfo, FollowState } from "../api/schema";
import { count, plain, size } from "../format";
import { useQuery } from "../live/query";
import { Copy } from "../parts/copy";
import { ask, Dialog } from "../parts/dialog";
import { Bar, Labelled, Section } from "../parts/forms";
import { Icon } from "../parts/icon";
import { Empty, Known } from "../parts/states";
import { StackList } from "../parts/stack-list";
import { Time } from "../parts/time";
import { listStacks } from "../stacks";
import { useTitle } from "../title";
import { Members } from "./context/members";
import { SyncPolicy } from "./context/policy";
import { Invite } from "./peers/invite";
import { Tickets } from "./peers/tickets";

/** What a follow that is not in order means. */
const STANDS: Partial<Record<FollowState, string>> = {
  waiting: "Nobody of it was reached yet. It comes as soon as one of its members is connected.",
  removed: "You were removed, or your ticket is void. What is here stays; nothing new comes.",
  closed: "Its owner closed it. What is here stays; nothing new comes.",
  left: "You left it and kept the copy. Nothing new comes.",
  archived: "It came by an archive, and nothing lets you in: nothing new comes.",
};

/** Who may read. */
const READS: Record<AccessName, [word: string, about: string]> = {
  private: ["private", "Its members read it, and nobody else."],
  ticket: ["by ticket", "Its members read it, and whoever redeems one of its tickets."],
  public: ["public", "Whoever ever had one of its tickets reads it, also one that ended."],
};

const VIEWS = ["stacks", "members", "sync", "about"] as const;
type View = (typeof VIEWS)[number];
const TITLES: Record<View, string> = { stacks: "Stacks", members: "Members", sync: "Sync", about: "About" };

/** The page of a context. */
export function ContextPage() {
  const { context = "" } = useRoute().params;
  const { query } = useLocation();
  const view = VIEWS.find((one) => one === query.view) ?? "stacks";
  const known = useQuery(
    `context ${context}`,
    () => answer(api.GET("/api/v1/contexts/{context}", { params: { path: { context } } })),
    ({ event }) => event === "context.changed" || event.startsWith("stack.") || event === "transfer.finished",
  );
  useTitle(known.data ? plain(known.data.label) : "Context");
  return (
    <div class="page">
      {!known.data && <h1>Context</h1>}
      <Known query={known} lines={8}>
        {(info) => <Shown context={info} view={view} again={known.again} />}
      </Known>
    </div>
  );
}

function Shown({ context, view, again }: { context: ContextInfo; view: View; again: () => void }) {
  const [invites, invite] = useState(false);
  const owns = context.role === "owner" && context.state !== "closed";
  const stands = STANDS[context.state];
  const use = async () => {
    const call = api.PUT("/api/v1/contexts/current", { body: { context: context.id } });
    await act(answer(call), `Names without a context now mean ${plain(context.label)}`);
    again();
  };
  return (
    <>
      <header>
        <div class="row page-head">
          <h1>{plain(context.label)}</h1>
          <div class="row wrap">
            {!context.current && context.state !== "left" && (
              <button type="button" class="button" onClick={use}>
                Use as current
              </button>
            )}
            {owns && (
              <button type="button" class="button primary" onClick={() => invite(true)}>
                <Icon name="plus" size={16} /> Invite
              </button>
            )}
          </div>
        </div>
        {context.about !== "" && <p class="message">{plain(context.about)}</p>}
        <p class="meta">
          <span class="badge accent">{context.role === "none" ? "no role" : context.role}</span>
          {context.role_pending && <span class="badge warn">{context.role_pending} once an owner is reached</span>}
          <span class="badge">{READS[context.access][0]}</span>
          {context.current && <span class="badge good">current</span>}
          <span>{count(context.stacks, "stack")}</span>
          <span>{count(context.members, "member")}</span>
          {context.heard != null && (
            <span>
              last heard <Time at={context.heard} />
            </span>
          )}
        </p>
      </header>
      {stands && (
        <p class="note warn">
          <Icon name="alert" size={16} /> {stands}
        </p>
      )}
      <nav class="tabs" aria-label="Views of the context">
        {VIEWS.map((one) => (
          <a
            key={one}
            href={one === "stacks" ? `/c/${context.id}` : `/c/${context.id}?view=${one}`}
            aria-current={one === view ? "page" : undefined}
          >
            {TITLES[one]}
          </a>
        ))}
      </nav>
      {view === "stacks" && <Inside context={context} />}
      {view === "members" && (
        <>
          <Members context={context} />
          {owns && (
            <Section title="Open invitations" id="invitations">
              <Tickets context={context.id} />
            </Section>
          )}
        </>
      )}
      {view === "sync" && <SyncPolicy context={context} again={again} />}
      {view === "about" && <About context={context} again={again} />}
      {invites && <Invite context={context.id} close={() => invite(false)} />}
    </>
  );
}

function Inside({ context }: { context: ContextInfo }) {
  const stacks = useQuery(
    `stacks in ${context.id}`,
    async () => (await listStacks("")).filter(({ stack }) => stack.context === context.id),
    ({ event }) => event.startsWith("stack.") || event === "frame.added",
  );
  return (
    <Known query={stacks} lines={8}>
      {(listed) =>
        listed.length > 0 ? (
          <StackList listed={listed} />
        ) : (
          <Empty icon="stacks" title="Nothing is in it yet">
            <p>What a member pushes stands here at once.</p>
            {(context.role === "owner" || context.role === "writer") && (
              <Copy text={`dsp push ${context.label}:first/table results.csv`} label="Copy the line that pushes" />
            )}
          </Empty>
        )
      }
    </Known>
  );
}

function About({ context, again }: { context: ContextInfo; again: () => void }) {
  return (
    <>
      <dl class="card pairs">
        <div>
          <dt>Owner</dt>
          <dd>
            {context.owner_name === "me" ? (
              "me"
            ) : (
              <a class="link" href={`/peers/${context.owner}`}>
                {plain(context.owner_name)}
              </a>
            )}
          </dd>
        </div>
        <div>
          <dt>Access</dt>
          <dd>{READS[context.access][1]}</dd>
        </div>
        <div>
          <dt>Here</dt>
          <dd>
            {size(context.bytes_here)} of {size(context.bytes)} of its current frames, {count(context.frames, "frame")}
            <Bar part={context.bytes_here} whole={context.bytes} label="Share of the bytes that is here" />
          </dd>
        </div>
        <div>
          <dt>Id</dt>
          <dd>
            <Copy text={context.id} label="Copy the id" />
          </dd>
        </div>
      </dl>
      <Ends context={context} again={again} />
    </>
  );
}

/** Ways out: forked, left, dropped, closed. */
function Ends({ context, again }: { context: ContextInfo; again: () => void }) {
  const { route } = useLocation();
  const [forks, fork] = useState(false);
  const label = plain(context.label);
  const path = { context: context.id };
  const leave = async () => {
    const yes = await ask({
      title: `Unfollow ${label}?`,
      text: `Nothing new comes. What is here stays, ${size(context.bytes_here)}, and can be read without a connection.`,
      yes: "Unfollow",
    });
    if (!yes) return;
    const call = api.DELETE("/api/v1/follows/{context}", { params: { path, query: { copy: "keep" } } });
    await act(answer(call), `You follow ${label} no more`);
    again();
  };
  const drop = async () => {
    const yes = await ask({
      title: `Unfollow ${label} and drop the copy?`,
      text: (
        <>
          <p>
            {count(context.stacks, "stack")} with {count(context.frames, "frame")} go from this machine:{" "}
            {size(context.used_bytes ?? context.bytes_here)} of bytes go into the trash.
          </p>
          <p>It can be undone as long as the trash keeps them; after that only from other members.</p>
        </>
      ),
      yes: "Unfollow and drop",
      bad: true,
    });
    if (!yes) return;
    const call = api.DELETE("/api/v1/follows/{context}", { params: { path, query: { copy: "drop" } } });
    if (await act(answer(call), `${label} is dropped`)) route("/");
  };
  const close = async () => {
    const yes = await ask({
      title: `Close ${label}?`,
      text: (
        <>
          <p>
            {context.members > 1
              ? `Its ${count(context.members - 1, "other member")} keep what they have; nothing new comes to them.`
              : "Nobody but you is in it."}{" "}
            Nobody pushes to it any more.
          </p>
          <p>What is here stays, and it can be undone.</p>
        </>
      ),
      yes: "Close",
      bad: true,
    });
    if (!yes) return;
    await act(answer(api.DELETE("/api/v1/contexts/{context}", { params: { path } })), `${label} is closed`);
    again();
  };
  const own = context.state === "own";
  return (
    <Section title="Ways out" id="ways">
      <ul class="card lines">
        <li class="line ticket">
          <span class="grow">
            <b>Fork</b>
            <span class="muted small block">A context of yours that begins with the current frames of this one.</span>
          </span>
          <button type="button" class="button" onClick={() => fork(true)}>
            Fork
          </button>
        </li>
        {!own && context.state !== "left" && (
          <li class="line ticket">
            <span class="grow">
              <b>Unfollow</b>
              <span class="muted small block">Nothing new comes; the copy stays.</span>
            </span>
            <button type="button" class="button" onClick={leave}>
              Unfollow
            </button>
          </li>
        )}
        {!own && (
          <li class="line ticket">
            <span class="grow">
              <b>Drop</b>
              <span class="muted small block">Unfollow, and free {size(context.used_bytes ?? 0)} of this machine.</span>
            </span>
            <button type="button" class="button danger-text" onClick={drop}>
              Unfollow and drop
            </button>
          </li>
        )}
        {context.role === "owner" && context.state === "own" && (
          <li class="line ticket">
            <span class="grow">
              <b>Close</b>
              <span class="muted small block">For all of its members; they keep what they have.</span>
            </span>
            <button type="button" class="button danger-text" onClick={close}>
              Close
            </button>
          </li>
        )}
      </ul>
      {forks && <Fork context={context} close={() => fork(false)} />}
    </Section>
  );
}

function Fork({ context, close }: { context: ContextInfo; close: () => void }) {
  const { route } = useLocation();
  const [name, write] = useState(`${context.name}-fork`);
  const make = async (event: Event) => {
    event.preventDefault();
    const call = api.POST("/api/v1/contexts/{context}/fork", { params: { path: { context: context.id } }, body: { name } });
    const forked = await act(answer(call), "The fork is made");
    if (forked) route(`/c/${forked.context.id}`);
  };
  return (
    <Dialog title={`Fork ${plain(context.label)}`} close={close}>
      <form class="grid-gap" onSubmit={make}>
        <Labelled label="Name of the new context">
          <input class="field" required value={name} onInput={(event) => write(event.currentTarget.value)} />
        </Labelled>
        <div class="dialog-ends">
          <button type="submit" class="button primary">
            Fork
          </button>
        </div>
      </form>
    </Dialog>
  );
}
