// All dashboards, and how one is made: choose some stacks, and it stands there.

import "../styles/boards.css";

import { useLocation } from "preact-iso";
import { useState } from "preact/hooks";

import { answer, api } from "../api/client";
import type { ContextInfo } from "../api/schema";
import { listBoards, newBoard, restoreBoard } from "../boards/calls";
import { type Chosen, suggest } from "../boards/suggest";
import { count, plain } from "../format";
import { keyOf } from "../found";
import { useQuery } from "../live/query";
import { Icon } from "../parts/icon";
import { Empty, Known } from "../parts/states";
import { Time } from "../parts/time";
import { toast } from "../parts/toasts";
import { reference } from "../ref";
import { node } from "../state";
import { listContexts, type Listing, listStacks, placeOf } from "../stacks";
import { useTitle } from "../title";

/** The list. */
export function Dashboards() {
  useTitle("Dashboards");
  const boards = useQuery("boards", listBoards, ({ event }) => event === "board.changed");
  return (
    <div class="page">
      <header class="row wrap spread">
        <h1>Dashboards</h1>
        <a class="button primary" href="/dashboards/new">
          <Icon name="plus" size={16} /> New dashboard
        </a>
      </header>
      <Known query={boards} lines={6}>
        {(known) => {
          const listed = known.filter(({ removed }) => !removed);
          const gone = known.filter(({ removed, creator }) => removed && creator.user === node.value?.user);
          return listed.length === 0 && gone.length === 0 ? (
            <Empty icon="dashboards" title="No dashboards yet">
              <p>Choose some stacks, and a dashboard of them stands there: with one bar of widgets for all.</p>
              <a class="button" href="/dashboards/new">
                Make one
              </a>
            </Empty>
          ) : (
            <>
            <ul class="cards">
              {listed.map((board) => (
                <li key={board.id}>
                  <a class="card context" href={`/d/${board.id}`}>
                    <b class="cut">{plain(board.title || "Dashboard")}</b>
                    {board.description !== "" && <span class="muted cut">{plain(board.description)}</span>}
                    <span class="meta">
                      <span>{plain(board.creator.name ?? "")}</span>
                      <span>{count(board.cards, "card")}</span>
                      <Time at={board.changed ?? board.made} />
                    </span>
                  </a>
                </li>
              ))}
            </ul>
            {gone.length > 0 && (
              <details>
                <summary>{count(gone.length, "removed dashboard")}</summary>
                <ul class="card lines">
                  {gone.map((board) => (
                    <li key={board.id} class="row line">
                      <span class="cut">{plain(board.title)}</span>
                      <button
                        type="button"
                        class="button"
                        onClick={() => void restoreBoard(board.id).then(boards.again, (error: Error) => toast(error.message))}
                      >
                        Bring back
                      </button>
                    </li>
                  ))}
                </ul>
              </details>
            )}
            </>
          );
        }}
      </Known>
    </div>
  );
}

/** Chooses stacks for a dashboard. */
export function NewDashboard() {
  useTitle("New dashboard");
  const stacks = useQuery(
    "stacks for a dashboard",
    () => Promise.all([listStacks(""), listContexts()]),
    ({ event }) => event.startsWith("stack."),
  );
  return (
    <div class="page">
      <header>
        <h1>New dashboard</h1>
        <p class="message">Choose what it shows. Everything can be moved, sized and changed afterwards.</p>
      </header>
      <Known query={stacks} lines={8}>
        {([listed, contexts]) =>
          listed.length === 0 ? (
            <Empty icon="stacks" title="There are no stacks to show yet">
              <a class="button" href="/">
                Push a first frame
              </a>
            </Empty>
          ) : (
            <Choosing listed={listed} contexts={contexts.filter(({ role }) => role === "owner" || role === "writer")} />
          )
        }
      </Known>
    </div>
  );
}

function Choosing({ listed, contexts }: { listed: Listing[]; contexts: ContextInfo[] }) {
  const { route } = useLocation();
  const [part, setPart] = useState("");
  // By what they are: the list is another one as soon as somebody pushes.
  const [picked, pick] = useState<readonly string[]>([]);
  const chosen = picked.flatMap((key) => listed.find(({ stack }) => keyOf(stack) === key) ?? []);
  const [title, setTitle] = useState("");
  const [context, setContext] = useState((contexts.find(({ current }) => current) ?? contexts[0])?.id ?? "");
  const [busy, setBusy] = useState(false);
  const fitting = listed.filter(({ stack }) => stack.name.includes(part.trim()));
  const make = async (event: Event) => {
    event.preventDefault();
    setBusy(true);
    try {
      const cards = suggest(await Promise.all(chosen.map(known)));
      const name = title.trim() || chosen.map(({ stack }) => stack.name.split("/").at(-1)).slice(0, 3).join(", ");
      route(`/d/${await newBoard(context, name, cards)}`);
    } catch (error) {
      toast((error as Error).message);
      setBusy(false);
    }
  };
  return (
    <form class="grid-gap" onSubmit={(event) => void make(event)}>
      <div class="row wrap">
        <label class="find grow">
          <span class="visually-hidden">Find stacks</span>
          <Icon name="search" size={16} />
          <input class="field" type="search" placeholder="Find stacks" value={part} onInput={(event) => setPart(event.currentTarget.value)} />
        </label>
        {contexts.length > 1 && (
          <label class="row">
            <span class="muted">in</span>
            <select class="field" value={context} onChange={(event) => setContext(event.currentTarget.value)}>
              {contexts.map((one) => (
                <option key={one.id} value={one.id}>
                  {plain(one.label)}
                </option>
              ))}
            </select>
          </label>
        )}
      </div>
      <fieldset class="card board-choices">
        <legend class="visually-hidden">Stacks</legend>
        {fitting.slice(0, 200).map((one) => {
          const key = keyOf(one.stack);
          return (
            <label key={key}>
              <input
                type="checkbox"
                checked={picked.includes(key)}
                onChange={(event) => pick(event.currentTarget.checked ? [...picked, key] : picked.filter((other) => other !== key))}
              />
              <b class="cut">{plain(one.stack.name)}</b>
              <span class="muted cut">{plain(one.context?.label ?? "")}</span>
              <span class="muted cut">{plain(one.stack.head?.message ?? "")}</span>
            </label>
          );
        })}
        {fitting.length === 0 && <p class="muted">No stack is called so.</p>}
        {fitting.length > 200 && <p class="muted">{count(fitting.length - 200, "more stack")}: find them by name.</p>}
      </fieldset>
      <div class="row wrap">
        <label class="grow">
          <span class="visually-hidden">Title</span>
          <input class="field" placeholder="Title" maxLength={200} value={title} onInput={(event) => setTitle(event.currentTarget.value)} />
        </label>
        <button class="button primary" disabled={busy || chosen.length === 0 || context === ""}>
          {chosen.length === 0 ? "Choose some stacks" : `Make a dashboard of ${count(chosen.length, "stack")}`}
        </button>
      </div>
      {contexts.length === 0 && <p class="muted">You may write into no context here, so there is no place for a dashboard.</p>}
    </form>
  );
}

async function known(listing: Listing): Promise<Chosen> {
  const ref = reference(placeOf(listing));
  const frame = await answer(api.GET("/api/v1/frame", { params: { query: { ref } } }));
  return { ref, name: listing.stack.name, files: frame.files, metrics: frame.metrics };
}
