// A dashboard: cards that show stacks, and one bar of widgets for all of them.

import { useLocation, useRoute } from "preact-iso";
import { useMemo, useState } from "preact/hooks";

import type { FileInfo } from "../api/schema";
import { readChoice, readTime, withChoice, withoutChoice, withTime } from "../boards/address";
import { Bar } from "../boards/bar";
import { useBoard } from "../boards/board";
import { copyBoard, type Opened, removeBoard, undo } from "../boards/calls";
import { CardView } from "../boards/card";
import { barOf, firstChoice, shownBy, sourceOf } from "../boards/choose";
import { Edge, Inspector, Palette, Tools } from "../boards/edit";
import { frameAt, referenceOf, stackOf, timesOf, useFrames, useHistories } from "../boards/frames";
import { ahead } from "../boards/grid";
import type { Act } from "../boards/acts";
import type { Card } from "../boards/model";
import { byWeight } from "../boards/suggest";
import { Travel } from "../boards/travel";
import { plain } from "../format";
import { Icon } from "../parts/icon";
import { Empty, Known } from "../parts/states";
import { toast } from "../parts/toasts";
import { useTitle } from "../title";
import { type Choice, readParams, type Value, type Variant } from "../widgets";

/** The page of a dashboard. */
export function DashboardPage() {
  const { params } = useRoute();
  const id = params.id ?? "";
  const { query, perform, saved } = useBoard(id);
  useTitle(query.data?.board.title ?? "Dashboard");
  return (
    <div class="page wide">
      {query.data === undefined && <h1>Dashboard</h1>}
      <Known query={query} lines={10}>
        {(opened) => <Loaded opened={opened} perform={perform} saved={saved} />}
      </Known>
    </div>
  );
}

function Loaded({ opened, perform, saved }: { opened: Opened; perform: (act: Act) => void; saved: boolean }) {
  const { board } = opened;
  const { query, path, route } = useLocation();
  const edits = opened.info.writable && query.edit !== undefined;
  const [inspected, setInspected] = useState<string>();
  const [over, setOver] = useState<string>();

  const stacks = board.cards.flatMap((card) => stackOf(card) ?? []);
  const histories = useHistories(stacks);
  const known = histories.data ?? new Map();
  const at = readTime(query);
  const references = useMemo(() => {
    const then = (card: Card) => (at === undefined ? undefined : frameAt(known.get(stackOf(card) ?? "") ?? [], at));
    return new Map(
      board.cards.flatMap((card): [string, string][] => {
        const reference = referenceOf(card, then(card));
        return reference === undefined ? [] : [[card.id, reference]];
      }),
    );
  }, [board, known, at]);
  const frames = useFrames([...references.values()]);
  const foundOf = (card: Card) => frames.data?.get(references.get(card.id) ?? "");

  const variantsOf = (card: Card): Variant<FileInfo>[] => {
    const found = foundOf(card);
    if (card.kind !== "stack" || found === undefined || "error" in found) return [];
    return byWeight(found.frame.files).map((item) => ({ item, params: readParams(item.params) }));
  };
  const sources = useMemo(() => board.cards.map((card) => sourceOf(card, variantsOf(card))), [board, frames.data]);
  const widgets = useMemo(() => barOf(sources, board.params), [sources, board.params]);
  const choice = firstChoice(sources, board.params, readChoice(query, widgets));
  const choose = (chosen: Choice) => route(path + withChoice(query, { ...choice, ...chosen }), true);
  const card = board.cards.find(({ id }) => id === inspected);

  return (
    <>
      <Head opened={opened} edits={edits} saved={saved} perform={perform} />
      <Bar board={board} widgets={widgets} sources={sources} choice={choice} choose={choose} reset={() => route(path + withoutChoice(query), true)} />
      <div class={edits ? "editing" : undefined}>
        {edits && <Palette perform={perform} />}
        {board.cards.length === 0 ? (
          <Empty icon="dashboards" title="Nothing on it yet">
            <p>{edits ? "Add stacks from the list." : "Whoever made it has put nothing on it."}</p>
          </Empty>
        ) : (
          <div class="board">
            {board.cards.map((card, index) => {
              const source = sources[index];
              return (
                <div
                  key={card.id}
                  class={`board-cell ${card.height} ${over === card.id ? "over" : ""}`}
                  style={{ "--span": card.span }}
                  onDragOver={(event) => {
                    if (!edits || !event.dataTransfer?.types.includes("text/x-dsp-card")) return;
                    event.preventDefault();
                    setOver(card.id);
                  }}
                  onDragLeave={() => setOver(undefined)}
                  onDrop={(event) => {
                    event.preventDefault();
                    setOver(undefined);
                    const id = event.dataTransfer?.getData("text/x-dsp-card") ?? "";
                    const before = ahead(board.cards, id, index);
                    if (before !== undefined) perform({ act: "move", id, before });
                  }}
                >
                  <CardView
                    card={card}
                    found={foundOf(card)}
                    shown={source && shownBy(source, choice)}
                    history={known.get(stackOf(card) ?? "") ?? []}
                    choose={choose}
                    {...(edits
                      ? { tools: <Tools card={card} cards={board.cards} perform={perform} open={() => setInspected(card.id)} /> }
                      : {})}
                  />
                  {edits && <Edge card={card} perform={perform} />}
                </div>
              );
            })}
          </div>
        )}
      </div>
      {!edits && <Travel times={timesOf(known)} at={at} go={(to) => route(path + withTime(query, to), true)} />}
      {edits && card && (
        <Inspector
          key={card.id}
          card={card}
          params={valuesOf(variantsOf(card))}
          head={headOf(foundOf(card))}
          perform={perform}
          close={() => setInspected(undefined)}
        />
      )}
    </>
  );
}

function Head(props: { opened: Opened; edits: boolean; saved: boolean; perform: (act: Act) => void }) {
  const { opened, edits, saved, perform } = props;
  const { board, info } = opened;
  const { path, route } = useLocation();
  const goBack = () => undo(board.id).catch((error: Error) => toast(error.message));
  const remove = async () => {
    try {
      await removeBoard(board.id);
      route("/dashboards");
      toast(`${plain(board.title)} is removed; under Dashboards it can be brought back.`);
    } catch (error) {
      toast((error as Error).message);
    }
  };
  const copy = async () => {
    try {
      route(`/d/${await copyBoard(board.id)}?edit`);
    } catch (error) {
      toast((error as Error).message);
    }
  };
  return (
    <header>
      <p class="meta">
        <a class="link" href="/dashboards">
          Dashboards
        </a>
        <span>by {plain(info.creator.name ?? "")}</span>
      </p>
      <div class="row wrap">
        {edits ? (
          <input
            class="field title"
            aria-label="Title"
            value={board.title}
            maxLength={200}
            onChange={(event) => perform({ act: "title", title: event.currentTarget.value })}
          />
        ) : (
          <h1>{plain(board.title || "Dashboard")}</h1>
        )}
        <span class="end row">
          {edits && (
            <>
              <span class="muted" role="status">
                {saved ? "Saved" : "Saving …"}
              </span>
              <button type="button" class="button" onClick={() => void goBack()}>
                <Icon name="undo" size={16} /> Undo
              </button>
              <button type="button" class="button" onClick={() => void remove()}>
                <Icon name="bin" size={16} /> Remove
              </button>
              <a class="button primary" href={path}>
                Done
              </a>
            </>
          )}
          {!edits && (
            <button type="button" class="button" onClick={() => void copy()}>
              <Icon name="copy" size={16} /> Duplicate
            </button>
          )}
          {!edits && info.writable && (
            <a class="button" href={`${path}?edit`}>
              <Icon name="edit" size={16} /> Edit
            </a>
          )}
        </span>
      </div>
      {edits ? (
        <input
          class="field"
          aria-label="Description"
          placeholder="What it is about"
          value={board.description}
          maxLength={2000}
          onChange={(event) => perform({ act: "description", description: event.currentTarget.value })}
        />
      ) : (
        board.description !== "" && <p class="message">{plain(board.description)}</p>
      )}
    </header>
  );
}

function valuesOf(variants: Variant<FileInfo>[]): Map<string, Value[]> {
  const keys = [...new Set(variants.flatMap(({ params }) => Object.keys(params)))];
  return new Map(keys.map((key) => [key, [...new Set(variants.flatMap(({ params }) => params[key] ?? []))]]));
}

function headOf(found: ReturnType<Map<string, import("../boards/frames").Found>["get"]>): string | undefined {
  return found && "frame" in found ? found.frame.id : undefined;
}
