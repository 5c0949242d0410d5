import "../styles/table.css";

import { Virtualizer, elementScroll, observeElementOffset, observeElementRect } from "@tanstack/virtual-core";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { act } from "../acts";
import { answer, api, contentUrl } from "../api/client";
import type { TableColumnStats, TableCondition, TableRows, TableSchema, TableValue } from "../api/schema";
import { brief } from "../chart";
import { count, plain } from "../format";
import { useQuery } from "../live/query";
import { useDraw } from "./draw";
import { Icon } from "./icon";
import type { Shown } from "./show";
import { save } from "./spreadsheet";
import { Failed, Known } from "./states";
import { Conditions } from "./table-filter";
import { toast } from "./toasts";

/** Height of a row in pixels. */
const ROW = 30;
/** Rows that are asked for at once. */
const PAGE = 200;
/** Pages that are kept. */
const KEPT = 60;
/** Browsers draw no element higher than some 16 to 33 million pixels. */
const MOST = 12_000_000;

/** What becomes of what a spreadsheet would run. */
const GUARDED = "Text that begins like a formula gets an apostrophe before it, so that nothing runs";

interface Order {
  column: number;
  down: boolean;
}

/** A table, of which the daemon is asked for the rows in sight. */
export function Table({ file, reference }: Shown) {
  const schema = useQuery(`schema ${file.hash} ${reference}`, () =>
    answer(api.GET("/api/v1/schema", { params: { query: { ref: reference } } })),
  );
  return <Known query={schema}>{(known) => <Rows key={file.hash} schema={known} reference={reference} />}</Known>;
}

/** A cell that is chosen, by the number of its row and its column. */
interface Cursor {
  row: number;
  column: number;
}

function Rows({ schema, reference }: { schema: TableSchema; reference: string }) {
  const [order, setOrder] = useState<Order>();
  const [filter, setFilter] = useState<TableCondition[]>([]);
  const [hidden, setHidden] = useState<ReadonlySet<number>>(new Set());
  const [cursor, setCursor] = useState<Cursor>();
  const pages = useMemo(() => new Pages(schema, reference, order, filter), [schema, reference, order, filter]);
  const stats = useQuery(`stats ${reference}`, () =>
    answer(api.GET("/api/v1/stats", { params: { query: { ref: reference } } })),
  );
  const draw = useDraw();
  pages.changed = draw;
  const box = useRef<HTMLDivElement>(null);
  const virtual = useRef<Virtualizer<HTMLDivElement, Element> | null>(null);
  virtual.current ??= new Virtualizer<HTMLDivElement, Element>({
    count: 0,
    getScrollElement: () => box.current,
    estimateSize: () => ROW,
    overscan: 8,
    observeElementRect,
    observeElementOffset,
    scrollToFn: elementScroll,
    onChange: draw,
  });
  const lines = virtual.current;
  const total = pages.total;
  const shown = Math.min(total, Math.floor(MOST / ROW));
  lines.setOptions({ ...lines.options, count: shown });
  useEffect(() => lines._didMount(), [lines]);
  useEffect(() => lines._willUpdate());
  useEffect(() => {
    lines.scrollToOffset(0);
    setCursor(undefined);
  }, [order, filter, lines]);
  // What is asked for first also says how many rows fit.
  useEffect(() => {
    if (filter.length > 0) pages.row(0);
  }, [pages, filter]);

  // A table that is higher than a browser draws is scrolled in larger steps, from end to end.
  const items = lines.getVirtualItems();
  const at = items[0]?.index ?? 0;
  const steps = Math.max(1, shown - items.length);
  const first = shown === total ? at : Math.round((at / steps) * (total - items.length));
  const rows = items.map(({ key, start }, place) => ({ key, start, index: first + place }));
  const seen = schema.columns.map((column, index) => ({ column, index })).filter(({ index }) => !hidden.has(index));
  const columns = `minmax(4rem, max-content) ${seen.map(({ column }) => `${widthOf(column)}rem`).join(" ")}`;

  const copy = () => {
    const value = cursor && pages.row(cursor.row)?.[cursor.column];
    if (value === undefined) return;
    navigator.clipboard.writeText(textOf(value)).then(
      () => toast("Copied the cell"),
      () => toast("The browser did not allow to copy"),
    );
  };
  const pressed = (event: KeyboardEvent) => {
    if (event.target !== box.current) return;
    if ((event.ctrlKey || event.metaKey) && event.key === "c" && getSelection()?.isCollapsed !== false) {
      copy();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.key === "Enter" && cursor === undefined && seen[0]) {
      setCursor({ row: first, column: seen[0].index });
    } else if (event.key === "Escape") {
      setCursor(undefined);
    } else if (cursor !== undefined) {
      const by = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      const place = seen.findIndex(({ index }) => index === cursor.column) + (by[1] ?? 0);
      const row = Math.max(0, Math.min(total - 1, cursor.row + (by[0] ?? 0)));
      setCursor({ row, column: (seen[place] ?? { index: cursor.column }).index });
      if (shown === total) lines.scrollToIndex(row, { align: "auto" });
    }
  };
  return (
    <div class="table-view">
      <Tools schema={schema} reference={reference} filter={filter} setFilter={setFilter} hidden={hidden} setHidden={setHidden} />
      {pages.error && <Failed error={pages.error} again={pages.again} />}
      {/* One comes to its cells with keys: the box is what has the focus. */}
      {/* oxlint-disable-next-line jsx-a11y/no-noninteractive-element-interactions */}
      <div
        class="table"
        role="table"
        aria-rowcount={total + 1}
        aria-colcount={seen.length + 1}
        aria-label={`${count(total, "row")} of ${count(seen.length, "column")}`}
        ref={box}
        tabIndex={0}
        onKeyDown={pressed}
        style={{ "--columns": columns }}
      >
        <div role="row" class="table-head" aria-rowindex={1}>
          <span role="columnheader" class="of-number">
            <span class="visually-hidden">Row</span>
          </span>
          {seen.map(({ column, index }) => (
            <span
              key={index}
              role="columnheader"
              class={`of-${column.kind}`}
              aria-sort={order?.column === index ? (order.down ? "descending" : "ascending") : "none"}
            >
              <button type="button" onClick={() => setOrder(next(order, index))} title={`${plain(column.name)}: ${column.type}`}>
                <b class="cut">{plain(column.name)}</b>
                <i class="cut">{plain(column.type)}</i>
                <Summary stats={stats.data?.columns[index]} rows={stats.data?.looked_at ?? 0} />
              </button>
            </span>
          ))}
        </div>
        <div role="rowgroup" style={{ height: `${lines.getTotalSize()}px` }} class="table-body">
          {rows.map(({ key, start, index }) => {
            const row = pages.row(index);
            return (
              <div role="row" key={key} aria-rowindex={index + 2} style={{ transform: `translateY(${start}px)`, height: `${ROW}px` }}>
                <span role="rowheader" class="of-number">
                  {(index + 1).toLocaleString("en")}
                </span>
                {seen.map(({ column, index: place }) => (
                  <Cell
                    key={place}
                    kind={column.kind}
                    value={row === undefined ? undefined : row[place]}
                    known={row !== undefined}
                    chosen={cursor?.row === index && cursor.column === place}
                    choose={() => {
                      setCursor({ row: index, column: place });
                      box.current?.focus({ preventScroll: true });
                    }}
                    copy={copy}
                  />
                ))}
              </div>
            );
          })}
        </div>
      </div>
      <p class="meta" role="status">
        {filter.length > 0 ? `${count(total, "row")} of ${schema.rows.toLocaleString("en")} fit` : count(schema.rows, "row")},{" "}
        {count(schema.columns.length, "column")}, {schema.format}
        {cursor !== undefined && (
          <button type="button" class="button bare" onClick={copy}>
            <Icon name="copy" size={14} /> Copy the cell
          </button>
        )}
      </p>
    </div>
  );
}

interface ToolsProps {
  schema: TableSchema;
  reference: string;
  filter: TableCondition[];
  setFilter: (filter: TableCondition[]) => void;
  hidden: ReadonlySet<number>;
  setHidden: (hidden: ReadonlySet<number>) => void;
}

/** What narrows a table: conditions, and which columns are shown; and its bytes. */
function Tools({ schema, reference, filter, setFilter, hidden, setHidden }: ToolsProps) {
  const as = (format: string) => `/api/v1/table?ref=${encodeURIComponent(reference)}&format=${format}`;
  const name = (reference.split("#")[1] ?? "table").split("/").at(-1)?.replace(/\.[^.]*$/, "") ?? "table";
  const toggle = (index: number) => {
    const next = new Set(hidden);
    if (!next.delete(index)) next.add(index);
    if (next.size < schema.columns.length) setHidden(next);
  };
  return (
    <div class="table-tools">
      <Conditions columns={schema.columns} filter={filter} setFilter={setFilter} />
      <details class="menu">
        <summary class="button bare">
          Columns{hidden.size > 0 && ` ${schema.columns.length - hidden.size}/${schema.columns.length}`}
        </summary>
        <div class="card" role="group" aria-label="Columns that are shown">
          {hidden.size > 0 && (
            <button type="button" class="button" onClick={() => setHidden(new Set())}>
              Show all
            </button>
          )}
          {schema.columns.map((column, index) => (
            <label key={index} class="row">
              <input type="checkbox" checked={!hidden.has(index)} onChange={() => toggle(index)} />
              <span class="cut">{plain(column.name)}</span>
              <span class="muted">{plain(column.type)}</span>
            </label>
          ))}
        </div>
      </details>
      <details class="menu">
        <summary class="button bare">
          <Icon name="download" size={15} /> Download
        </summary>
        <div class="card">
          <a class="button bare" href={contentUrl(reference)} download>
            As it is ({schema.format})
          </a>
          <button type="button" class="button bare" title={GUARDED} onClick={() => act(save(as("csv"), `${name}.csv`))}>
            CSV for spreadsheets
          </button>
          <a class="button bare" href={as("csv")} download={`${name}.csv`}>
            CSV, exact
          </a>
          <a class="button bare" href={as("parquet")} download={`${name}.parquet`}>
            Parquet
          </a>
        </div>
      </details>
    </div>
  );
}

/** What is in a column, in little room: a picture of how its values lie, and the ends. */
function Summary({ stats, rows }: { stats: TableColumnStats | undefined; rows: number }) {
  if (stats === undefined) return <span class="sum" />;
  const nulls = stats.nulls > 0 && rows > 0 ? `${percent(stats.nulls / rows)} missing` : "";
  const top = stats.top[0];
  const bars = stats.histogram.length > 0 ? stats.histogram : stats.top.slice(0, 8).map(({ count }) => count);
  const most = Math.max(1, ...bars);
  const ends =
    stats.min != null && stats.max != null && stats.histogram.length > 0
      ? `${end(stats.min)} – ${end(stats.max)}`
      : stats.distinct != null
        ? `${stats.distinct.toLocaleString("en")} different`
        : top
          ? plain(top.value)
          : "";
  return (
    <span class="sum">
      {bars.length > 1 && (
        <svg viewBox={`0 0 ${bars.length} 1`} preserveAspectRatio="none" aria-hidden="true">
          {bars.map((bar, at) => (
            <rect key={at} x={at + 0.08} width={0.84} y={1 - bar / most} height={bar / most} />
          ))}
        </svg>
      )}
      <span class="cut">{ends}</span>
      <span class="cut">{nulls}</span>
    </span>
  );
}

function end(value: TableValue): string {
  return typeof value === "number" ? brief(value) : plain(textOf(value)).slice(0, 10);
}

function percent(part: number): string {
  return part < 0.001 ? "<0.1%" : `${(part * 100).toFixed(part < 0.1 ? 1 : 0)}%`;
}

function textOf(value: TableValue): string {
  return value === null ? "" : typeof value === "object" ? JSON.stringify(value) : String(value);
}

interface CellProps {
  kind: string;
  value: TableValue | undefined;
  known: boolean;
  chosen: boolean;
  choose: () => void;
  copy: () => void;
}

function Cell({ kind, value, known, chosen, choose, copy }: CellProps) {
  if (!known) return <span role="cell" class="wait" />;
  const hears = { onClick: choose, onDblClick: copy };
  const mark = chosen ? "chosen" : "";
  if (value === null || value === undefined) {
    return (
      <span role="cell" class={`of-${kind} missing ${mark}`} {...hears}>
        –
      </span>
    );
  }
  const text = textOf(value);
  return (
    <span role="cell" class={`of-${kind} cut ${mark}`} title={text.length > 24 ? plain(text) : undefined} {...hears}>
      {plain(text)}
    </span>
  );
}

/** The pages of a table that came, in one order. */
class Pages {
  changed: () => void = () => {};
  error: Error | undefined;
  /** How many rows there are, or fit: none before that is known. */
  total: number;
  private readonly kept = new Map<number, TableRows["rows"] | undefined>();

  constructor(
    private readonly schema: TableSchema,
    private readonly reference: string,
    private readonly order: Order | undefined,
    private readonly filter: TableCondition[],
  ) {
    this.total = filter.length === 0 ? schema.rows : 0;
  }

  /** Returns a row if it came, and asks for it otherwise. */
  row(index: number): TableValue[] | undefined {
    const page = Math.floor(index / PAGE);
    if (!this.kept.has(page)) void this.bring(page);
    return this.kept.get(page)?.[index - page * PAGE];
  }

  /** Asks again for what could not be had. */
  readonly again = (): void => {
    this.error = undefined;
    for (const [page, rows] of this.kept) if (rows === undefined) this.kept.delete(page);
    this.changed();
  };

  private async bring(page: number): Promise<void> {
    this.kept.set(page, undefined);
    const oldest = this.kept.keys().next().value;
    if (this.kept.size > KEPT && oldest !== undefined) this.kept.delete(oldest);
    const sort = this.order && sortOf(this.schema, this.order);
    const begin = page * PAGE;
    const end = Math.min(begin + PAGE, this.filter.length === 0 ? this.schema.rows : this.total > 0 ? this.total : begin + PAGE);
    const filter = this.filter.length === 0 ? {} : { filter: JSON.stringify(this.filter) };
    const rows: TableRows["rows"] = [];
    try {
      // Of wide rows fewer come than were asked for.
      while (begin + rows.length < Math.min(end, this.filter.length > 0 && rows.length > 0 ? this.total : end)) {
        const offset = begin + rows.length;
        const query = { ref: this.reference, offset, limit: end - offset, ...filter, ...(sort ? { sort } : {}) };
        const came = await answer(api.GET("/api/v1/rows", { params: { query } }));
        this.total = came.total;
        if (came.rows.length === 0) break;
        rows.push(...came.rows);
      }
      this.kept.set(page, rows);
      this.error = undefined;
    } catch (error) {
      this.error = error as Error;
    }
    this.changed();
  }
}

function sortOf(schema: TableSchema, { column, down }: Order): string {
  return JSON.stringify([{ column: schema.columns[column]?.name ?? "", descending: down }]);
}

/** Up, down, and as it was. */
function next(order: Order | undefined, column: number): Order | undefined {
  if (order?.column !== column) return { column, down: false };
  return order.down ? undefined : { column, down: true };
}

/** Room for what a column holds, in units of the text's height. */
function widthOf({ name, kind }: TableSchema["columns"][number]): number {
  const least = { boolean: 5, number: 7, time: 11, text: 12, binary: 10, nested: 16, null: 5 }[kind] ?? 9;
  return Math.min(22, Math.max(least, name.length * 0.6 + 1.5));
}
