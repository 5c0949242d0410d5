// A dashboard: cards that show stacks, and one bar of widgets for all of them.

import "../styles/boards.css";

import { useLocation, useRoute } from "preact-iso";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { ProblemError } from "../api/client";
import type { CommentInfo, FileInfo } from "../api/schema";
import type { Act } from "../boards/acts";
import { Alone } from "../boards/alone";
import {
  boardPath, cardLink, type Mode, readChoice, readFrames, readMode, readTime, withCard, withChoice, withFrame, withoutChoice, withTab, withTime,
} from "../boards/address";
import { Bar } from "../boards/bar";
import { type Open, useBoard } from "../boards/board";
import { type Opened, removeBoard } from "../boards/calls";
import { CardView } from "../boards/card";
import { barOf, firstChoice, shownBy, sourceOf } from "../boards/choose";
import { Duplicate } from "../boards/copy";
import { Draft } from "../boards/draft";
import { useDrop } from "../boards/drop";
import { Edge, Inspector, Palette, Tools } from "../boards/edit";
import { Editors } from "../boards/editors";
import type { DrawnCard } from "../boards/export/collect";
import { type Found, frameAt, referenceOf, stackOf, timesOf, useFrames, useHistories } from "../boards/frames";
import { History } from "../boards/history";
import type { Card } from "../boards/model";
import { pin, pinned } from "../boards/pins";
import { cardsOn, tabAt, tabOf } from "../boards/pages";
import { byWeight } from "../boards/suggest";
import { Tabs } from "../boards/tabs";
import { Travel } from "../boards/travel";
import { copyAddress } from "../parts/link";
import { plain } from "../format";
import type { Query } from "../live/query";
import { Avatar } from "../parts/avatar";
import { Comments, useComments } from "../parts/comments";
import { Dialog } from "../parts/dialog";
import { Icon } from "../parts/icon";
import { later } from "../parts/later";
import { Empty, Failed, Known } from "../parts/states";
import { complain, toast } from "../parts/toasts";
import { view } from "../recent";
import { node } from "../state";
import { useTitle } from "../title";
import { type Choice, readParams, readWishes, type Value, type Variant } from "../widgets";

const Printed = later(() => import("../boards/printed").then((module) => module.Printed));
const Export = later(() => import("../boards/export/dialog").then((module) => module.Export), () => null);

/** The page of a dashboard. */
export function DashboardPage() {
  const { params } = useRoute();
  const { path, query, route } = useLocation();
  const id = params.id ?? "";
  const mode = readMode(path);
  useEffect(() => {
    // Until 0.1 it was edited so.
    const { edit, ...rest } = query;
    if (edit !== undefined && mode === undefined) route(boardPath(id, "edit") + withCard(rest, rest.card), true);
  }, [query]);
  return <Dashboard key={id} id={id} mode={mode} />;
}

function Dashboard({ id, mode }: { id: string; mode: Mode | undefined }) {
  const open = useBoard(id);
  const { query } = open;
  const title = query.data?.board.title;
  useTitle(title || "Dashboard");
  useEffect(() => {
    // An address may name an id by its first digits.
    const whole = query.data?.board.id;
    if (whole !== undefined && whole !== id) history.replaceState(null, "", boardPath(whole, mode) + location.search);
  }, [query.data]);
  useEffect(() => {
    if (title !== undefined) view({ kind: "dashboard", path: boardPath(query.data?.board.id ?? id), name: title || "Dashboard" });
  }, [title]);
  if (query.data === undefined && query.error instanceof ProblemError && query.error.problem.code === "not_found") {
    return (
      <div class="page">
        <Empty page icon="dashboards" title="This dashboard is not here">
          <p>
            It is in a context that you do not follow, or nothing of it has come yet. Ask whoever sent you the address
            for a ticket and follow it under Peers; the same address then leads here.
          </p>
          <p class="row">
            <a class="button primary" href="/peers">
              Follow somebody
            </a>
            <button type="button" class="button" onClick={query.again}>
              Try again
            </button>
          </p>
        </Empty>
      </div>
    );
  }
  return (
    <div class="page wide">
      {query.data === undefined && <h1>Dashboard</h1>}
      <Known query={query} lines={10}>
        {(opened) => (
          <>
            {query.error !== undefined && <Failed error={query.error} again={query.again} />}
            <Loaded opened={opened} open={open} mode={mode} />
          </>
        )}
      </Known>
    </div>
  );
}

function Loaded({ opened, open, mode }: { opened: Opened; open: Open; mode: Mode | undefined }) {
  const { board, info } = opened;
  const { perform } = open;
  const { query, path, route } = useLocation();
  const edits = info.writable && mode === "edit";
  const [discussed, setDiscussed] = useState<string>();
  const comments = useComments({ board: board.id });
  const [inspected, setInspected] = useState<string>();

  const stacks = board.cards.flatMap((card) => stackOf(card) ?? []);
  const histories = useHistories(stacks);
  const known = histories.data ?? new Map();
  const at = readTime(query);
  /** The frames that the address says, which come before those of the dashboard. */
  const said = useMemo(() => readFrames(query), [query]);
  const historyOf = (card: Card) => known.get(stackOf(card) ?? "") ?? [];
  const references = useMemo(() => {
    const then = (card: Card) => (at === undefined ? undefined : frameAt(historyOf(card), at));
    return new Map(
      board.cards.flatMap((card): [string, string][] => {
        const reference = referenceOf(card, then(card), said.get(card.id));
        return reference === undefined ? [] : [[card.id, reference]];
      }),
    );
  }, [board, known, at, said]);
  const frames = useFrames([...references.values()]);
  const foundOf = (card: Card) => frames.data?.get(references.get(card.id) ?? "");

  const variantsOf = (card: Card): Variant<FileInfo>[] => {
    const found = foundOf(card);
    if (card.kind !== "stack" || found === undefined || "error" in found) return [];
    return byWeight(found.frame.files).map((item) => ({ item, params: readParams(item.params) }));
  };
  const wishesOf = (card: Card) => {
    const found = foundOf(card);
    return readWishes(found !== undefined && "frame" in found ? found.frame.widgets : undefined);
  };
  const sources = useMemo(
    () => board.cards.map((card) => sourceOf(card, variantsOf(card), wishesOf(card))),
    [board, frames.data],
  );
  const widgets = useMemo(() => barOf(sources, board.params), [sources, board.params]);
  const choice = firstChoice(sources, board.params, readChoice(query, widgets));
  /** Whether a slider is on its way: only its first step is one to go back over. */
  const dragging = useRef(false);
  const choose = (chosen: Choice, drags = false) => {
    route(path + withChoice(query, { ...choice, ...chosen }), drags && dragging.current);
    dragging.current = drags;
  };
  const settle = () => {
    dragging.current = false;
  };
  const tab = tabAt(board, query.tab);
  const cards = cardsOn(board, tab);
  const shownOf = (card: Card) => {
    const source = sources.find(({ id }) => id === card.id);
    return source && shownBy(source, choice);
  };
  /** Does something; what is put on the dashboard comes onto the tab that is shown. */
  const performHere = (done: Act) =>
    perform(done.act === "add" && tab !== undefined ? { ...done, card: { ...done.card, tab } } : done);
  const drop = useDrop(cards, performHere);
  const card = board.cards.find(({ id }) => id === inspected);
  const talked = board.cards.find(({ id }) => id === discussed);
  const alone = edits ? undefined : board.cards.find(({ id, kind }) => id === query.card && kind !== "divider");
  const framed = (card: Card, frame: string | undefined, replaces = true) => route(path + withFrame(query, card.id, frame), replaces);
  const copyLink = (card: Card, frame?: string) => copyAddress(boardPath(board.id) + cardLink(query, choice, card.id, frame));
  const drawn = (): DrawnCard[] => {
    const all = (cards: Card[]) =>
      cards.map((card) => ({ card, found: foundOf(card), shown: shownOf(card), history: historyOf(card) }));
    return board.tabs.length === 0
      ? all(cards)
      : board.tabs.flatMap((tab) => [{ card: headingOf(tab), found: undefined, shown: undefined, history: [] }, ...all(cardsOn(board, tab))]);
  };

  if (mode === "print") return <Printed opened={opened} cards={drawn()} choice={choice} at={at} choose={choose} back={boardPath(board.id) + location.search} />;
  return (
    <>
      <Head opened={opened} edits={edits} mode={mode} open={open} drawn={drawn} choice={choice} at={at} tab={tab} />
      <Bar
        board={board}
        widgets={widgets}
        sources={sources}
        choice={choice}
        choose={choose}
        settle={settle}
        reset={() => route(path + withoutChoice(query))}
        perform={edits ? perform : undefined}
      />
      <Tabs board={board} current={tab} edits={edits} perform={perform} />
      <div class={edits ? "editing" : undefined}>
        {edits && <Palette perform={performHere} />}
        {cards.length === 0 ? (
          <div class={drop.carrying ? "board-empty carrying" : "board-empty"} {...(edits ? drop.hears : {})}>
            <Empty icon="dashboards" title={tab === undefined ? "Nothing on it yet" : "Nothing on this tab yet"}>
              <p>{edits ? "Add stacks from the list, or drag them here." : "Whoever made it has put nothing here."}</p>
            </Empty>
          </div>
        ) : (
          <div class={drop.carrying ? "board carrying" : "board"} {...(edits ? drop.hears : {})}>
            {cards.map((card, index) => {
              return (
                <div
                  key={card.id}
                  class={`board-cell ${card.height} ${drop.mark(index)}`}
                  style={{ "--span": card.span }}
                >
                  <CardView
                    card={card}
                    found={foundOf(card)}
                    shown={shownOf(card)}
                    history={historyOf(card)}
                    choose={choose}
                    at={said.get(card.id)}
                    back={() => framed(card, undefined)}
                    comments={comments.data?.filter((comment) => comment.card === card.id).length ?? 0}
                    discuss={() => setDiscussed(card.id)}
                    {...(edits
                      ? { tools: <Tools card={card} cards={cards} perform={perform} open={() => setInspected(card.id)} /> }
                      : {
                          acts: {
                            alone: () => route(path + withCard(query, card.id)),
                            link: (frame) => copyLink(card, frame),
                            ...(info.writable ? { pin: (frame) => perform({ act: "pin", id: card.id, frame }) } : {}),
                          },
                        })}
                  />
                  {edits && <Edge card={card} perform={perform} />}
                </div>
              );
            })}
          </div>
        )}
      </div>
      {!edits && <Travel times={timesOf(known)} at={at} go={(to) => route(path + withTime(query, to), true)} />}
      {alone && (
        <Alone
          key={alone.id}
          card={alone}
          found={foundOf(alone)}
          shown={shownOf(alone)}
          history={historyOf(alone)}
          at={said.get(alone.id)}
          choose={choose}
          go={(frame) => framed(alone, frame)}
          link={(frame) => copyLink(alone, frame)}
          close={() => route(path + withCard(query, undefined))}
        />
      )}
      {talked && (
        <CardComments
          key={talked.id}
          card={talked}
          board={board.id}
          writable={info.writable}
          comments={comments}
          close={() => setDiscussed(undefined)}
        />
      )}
      {edits && card && (
        <Inspector
          key={card.id}
          card={card}
          params={valuesOf(variantsOf(card))}
          head={headOf(foundOf(card))}
          tabs={board.tabs}
          tab={tabOf(board, card)}
          perform={perform}
          close={() => setInspected(undefined)}
        />
      )}
    </>
  );
}

interface HeadProps {
  opened: Opened;
  edits: boolean;
  mode: Mode | undefined;
  open: Open;
  /** Returns what every card shows now. */
  drawn: () => DrawnCard[];
  choice: Choice;
  at: number | undefined;
  tab: string | undefined;
}

function Head({ opened, edits, mode, open, drawn, choice, at, tab }: HeadProps) {
  const { board, info } = opened;
  const { perform, saved, back, forth } = open;
  const { query, route } = useLocation();
  const [dialog, setDialog] = useState<"history" | "copy" | "export">();
  const here = (to?: Mode) => boardPath(board.id, to) + withCard(query, undefined);
  const historyIsOpen = mode === "history" || dialog === "history";
  const closeHistory = () => (mode === "history" ? route(here()) : setDialog(undefined));
  const mine = node.value?.user === info.creator.user;
  const onHome = pinned.value.includes(board.id);
  const close = () => setDialog(undefined);
  const remove = async () => {
    try {
      await removeBoard(board.id);
      route("/dashboards");
      toast(`${plain(board.title)} is removed; under Dashboards it can be brought back.`);
    } catch (error) {
      complain(error);
    }
  };
  const keys = (event: KeyboardEvent) => {
    const writes = event.target instanceof Element && event.target.closest("input:not([type=range], [type=checkbox]), textarea, select, dialog");
    if (!(event.ctrlKey || event.metaKey) || event.key.toLowerCase() !== "z" || writes) return;
    const doing = event.shiftKey ? forth : back;
    if (doing === undefined) return;
    event.preventDefault();
    doing();
  };
  useEffect(() => {
    if (!edits) return undefined;
    addEventListener("keydown", keys);
    return () => removeEventListener("keydown", keys);
  });
  return (
    <header class="board-head">
      <p class="meta">
        <a class="link" href="/dashboards">
          Dashboards
        </a>
        <Avatar user={info.creator.user} name={mine ? (node.value?.name ?? "me") : info.creator.name} small />
        <span>by {mine ? "me" : plain(info.creator.name)}</span>
        {info.removed && <span class="badge bad">removed by who made it</span>}
        {edits && (
          <span role="status">{saved ? "Saved" : "Saving …"}</span>
        )}
        {edits && <Editors board={board.id} />}
      </p>
      <div class="row wrap">
        {edits && mine ? (
          <>
            <h1 class="visually-hidden">{plain(board.title || "Dashboard")}</h1>
            <Draft
              class="field title"
              aria-label="Title"
              value={board.title}
              maxLength={200}
              save={(title) => perform({ act: "title", title })}
            />
          </>
        ) : (
          <h1>{plain(board.title || "Dashboard")}</h1>
        )}
        <span class="end row wrap">
          {edits ? (
            <>
              <button type="button" class="button icon" aria-label="Undo" title="Undo: Ctrl-Z" disabled={!back} onClick={back}>
                <Icon name="undo" size={16} />
              </button>
              <button type="button" class="button icon" aria-label="Redo" title="Redo: Ctrl-Shift-Z" disabled={!forth} onClick={forth}>
                <Icon name="redo" size={16} />
              </button>
              <button type="button" class="button" onClick={() => setDialog("history")}>
                <Icon name="clock" size={16} /> History
              </button>
              {mine && (
                <button type="button" class="button" onClick={() => void remove()}>
                  <Icon name="bin" size={16} /> Remove
                </button>
              )}
              <a class="button primary" href={boardPath(board.id) + withTab({}, tab)}>
                Done
              </a>
            </>
          ) : (
            <>
              <button
                type="button"
                class="button icon"
                aria-pressed={onHome}
                aria-label="Keep it on Home"
                title={onHome ? "It stands on Home" : "Keep it on Home"}
                onClick={() => pin(board.id, !onHome)}
              >
                <Icon name="pin" size={16} />
              </button>
              <a class="button icon" href={here("history")} aria-label="History" title="History">
                <Icon name="clock" size={16} />
              </a>
              <a class="button icon" href={here("print")} aria-label="Print" title="As it is printed">
                <Icon name="printer" size={16} />
              </a>
              <button type="button" class="button" onClick={() => setDialog("export")}>
                <Icon name="download" size={16} /> Export
              </button>
              <button type="button" class="button" onClick={() => setDialog("copy")}>
                <Icon name="copy" size={16} /> {info.writable ? "Duplicate" : "Duplicate to edit"}
              </button>
              {info.writable && (
                <a class="button primary" href={boardPath(board.id, "edit") + withTab({}, tab)}>
                  <Icon name="edit" size={16} /> Edit
                </a>
              )}
            </>
          )}
        </span>
      </div>
      {edits ? (
        <Draft
          aria-label="Description"
          placeholder="What it is about"
          value={board.description}
          maxLength={2000}
          save={(description) => perform({ act: "description", description })}
        />
      ) : (
        board.description !== "" && <p class="message">{plain(board.description)}</p>
      )}
      {mode === "edit" && !edits && (
        <p class="note" role="status">
          You read this dashboard and do not write on it: duplicate it, and what you change is yours.
        </p>
      )}
      {historyIsOpen && <History board={board} info={info} close={closeHistory} />}
      {dialog === "copy" && <Duplicate board={board.id} context={info.context} close={close} />}
      {dialog === "export" && <Export board={board} cards={drawn()} choice={choice} at={at} close={close} />}
    </header>
  );
}

/** What is said about a card. */
function CardComments(props: { card: Card; board: string; writable: boolean; comments: Query<CommentInfo[]>; close: () => void }) {
  const { card, board, writable, comments, close } = props;
  const { data, ...rest } = comments;
  const own = { ...rest, data: data?.filter((comment) => comment.card === card.id) };
  return (
    <Dialog title={`Comments on ${plain(card.title || card.stack?.name || card.kind)}`} wide close={close}>
      <Comments comments={own} about={writable ? { board, card: card.id } : undefined} />
    </Dialog>
  );
}

function valuesOf(variants: Variant<FileInfo>[]): Map<string, Value[]> {
  const keys = [...new Set(variants.flatMap(({ params }) => Object.keys(params)))];
  return new Map(keys.map((key) => [key, [...new Set(variants.flatMap(({ params }) => params[key] ?? []))]]));
}

/** A tab as it stands in a file that has all of them below each other. */
function headingOf(tab: string): Card {
  return { id: `tab ${tab}`, kind: "divider", title: tab, description: "", text: "", span: 12, height: "auto", fixed: {}, names: {} };
}

function headOf(found: Found | undefined): string | undefined {
  return found && "frame" in found ? found.frame.id : undefined;
}
