import { Virtualizer, elementScroll, observeElementOffset, observeElementRect } from "@tanstack/virtual-core";
import { useEffect, useMemo, useRef, useState } from "preact/hooks";

import { answer, api } from "../api/client";
import type { TableRows, TableSchema, TableValue } from "../api/schema";
import { count, plain } from "../format";
import { useQuery } from "../live/query";
import { useDraw } from "./draw";
import type { Shown } from "./show";
import { Failed, Known } from "./states";

/** Height of a row in pixels. */
const ROW = 30;
/** Rows that are asked for at once. */
const PAGE = 200;
/** Pages that are kept. */
const KEPT = 60;
/** Browsers draw no element higher than some 16 to 33 million pixels. */
const MOST = 12_000_000;

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

function Rows({ schema, reference }: { schema: TableSchema; reference: string }) {
  const [order, setOrder] = useState<Order>();
  const pages = useMemo(() => new Pages(schema, reference, order), [schema, reference, order]);
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
  const shown = Math.min(schema.rows, Math.floor(MOST / ROW));
  lines.setOptions({ ...lines.options, count: shown });
  useEffect(() => lines._didMount(), [lines]);
  useEffect(() => lines._willUpdate());
  useEffect(() => lines.scrollToOffset(0), [order, lines]);

  // A table that is higher than a browser draws is scrolled in larger steps, from end to end.
  const items = lines.getVirtualItems();
  const at = items[0]?.index ?? 0;
  const steps = Math.max(1, shown - items.length);
  const first = shown === schema.rows ? at : Math.round((at / steps) * (schema.rows - items.length));
  const rows = items.map(({ key, start }, place) => ({ key, start, index: first + place }));
  const widths = useMemo(() => schema.columns.map(widthOf), [schema]);
  const columns = `minmax(4rem, max-content) ${widths.map((width) => `${width}rem`).join(" ")}`;
  return (
    <div class="table-view">
      {pages.error && <Failed error={pages.error} again={pages.again} />}
      <div
        class="table"
        role="table"
        aria-rowcount={schema.rows + 1}
        aria-colcount={schema.columns.length + 1}
        aria-label={`${count(schema.rows, "row")} of ${count(schema.columns.length, "column")}`}
        ref={box}
        tabIndex={0}
        style={{ "--columns": columns }}
      >
        <div role="row" class="table-head" aria-rowindex={1}>
          <span role="columnheader" class="number">
            <span class="visually-hidden">Row</span>
          </span>
          {schema.columns.map((column, index) => (
            <span
              key={index}
              role="columnheader"
              class={column.kind}
              aria-sort={order?.column === index ? (order.down ? "descending" : "ascending") : "none"}
            >
              <button type="button" onClick={() => setOrder(next(order, index))} title={column.type}>
                <b class="cut">{plain(column.name)}</b>
                <i class="cut">{plain(column.type)}</i>
              </button>
            </span>
          ))}
        </div>
        <div role="rowgroup" style={{ height: `${lines.getTotalSize()}px` }} class="table-body">
          {rows.map(({ key, start, index }) => {
            const row = pages.row(index);
            return (
              <div role="row" key={key} aria-rowindex={index + 2} style={{ transform: `translateY(${start}px)`, height: `${ROW}px` }}>
                <span role="rowheader" class="number">
                  {(index + 1).toLocaleString("en")}
                </span>
                {schema.columns.map((column, at) => (
                  <Cell key={at} kind={column.kind} value={row === undefined ? undefined : row[at]} known={row !== undefined} />
                ))}
              </div>
            );
          })}
        </div>
      </div>
      <p class="meta">
        {count(schema.rows, "row")}, {count(schema.columns.length, "column")}, {schema.format}
      </p>
    </div>
  );
}

function Cell({ kind, value, known }: { kind: string; value: TableValue | undefined; known: boolean }) {
  if (!known) return <span role="cell" class="wait" />;
  if (value === null || value === undefined) {
    return (
      <span role="cell" class={`${kind} missing`}>
        –
      </span>
    );
  }
  const text = typeof value === "object" ? JSON.stringify(value) : String(value);
  return (
    <span role="cell" class={`${kind} cut`} title={text.length > 24 ? plain(text) : undefined}>
      {plain(text)}
    </span>
  );
}

/** The pages of a table that came, in one order. */
class Pages {
  changed: () => void = () => {};
  error: Error | undefined;
  private readonly kept = new Map<number, TableRows["rows"] | undefined>();

  constructor(
    private readonly schema: TableSchema,
    private readonly reference: string,
    private readonly order: Order | undefined,
  ) {}

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
    const end = Math.min(begin + PAGE, this.schema.rows);
    const rows: TableRows["rows"] = [];
    try {
      // Of wide rows fewer come than were asked for.
      while (begin + rows.length < end) {
        const offset = begin + rows.length;
        const query = { ref: this.reference, offset, limit: end - offset, ...(sort ? { sort } : {}) };
        const came = await answer(api.GET("/api/v1/rows", { params: { query } }));
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
