// Conditions on the rows of a table, each fit for the kind of its column.

import { useId, useState } from "preact/hooks";

import type { TableColumn, TableCondition, TableOp } from "../api/schema";
import { plain } from "../format";
import { Icon } from "./icon";

const WORDS: Record<TableOp, string> = {
  "=": "is",
  "!=": "is not",
  "<": "<",
  "<=": "≤",
  ">": ">",
  ">=": "≥",
  between: "between",
  in: "is one of",
  contains: "contains",
  null: "is missing",
  not_null: "is there",
};

/** Returns what can be asked of a column. */
export function opsOf(kind: string): TableOp[] {
  switch (kind) {
    case "number":
    case "time":
      return ["=", "!=", "<", "<=", ">", ">=", "between", "in", "null", "not_null"];
    case "text":
      return ["contains", "=", "!=", "in", "null", "not_null"];
    case "boolean":
      return ["=", "null", "not_null"];
    default:
      return ["null", "not_null"];
  }
}

/** Returns a condition, or nothing where what was typed is no value of the column. */
export function conditionOf(column: TableColumn, op: TableOp, text: string, other = ""): TableCondition | undefined {
  const one = (part: string): string | number | boolean | undefined => {
    const bare = part.trim();
    if (column.kind === "boolean") return bare === "true";
    if (column.kind !== "number") return column.kind === "text" ? part : bare === "" ? undefined : bare;
    if (bare === "" || Number.isNaN(Number(bare))) return undefined;
    // Whole numbers beyond those of JavaScript go as they were typed.
    return Number.isInteger(Number(bare)) && !Number.isSafeInteger(Number(bare)) ? bare : Number(bare);
  };
  const name = column.name;
  if (op === "null" || op === "not_null") return { column: name, op };
  if (op === "between") {
    const [from, to] = [one(text), one(other)];
    return from === undefined || to === undefined ? undefined : { column: name, op, value: [from, to] };
  }
  if (op === "in") {
    const values = text.split(",").map((part) => one(part.trim())).filter((value) => value !== undefined);
    return values.length === 0 ? undefined : { column: name, op, value: values };
  }
  const value = one(text);
  return value === undefined || (op === "contains" && value === "") ? undefined : { column: name, op, value };
}

/** The conditions of a table, and a form for one more. */
export function Conditions(props: {
  columns: TableColumn[];
  filter: TableCondition[];
  setFilter: (filter: TableCondition[]) => void;
}) {
  const { columns, filter, setFilter } = props;
  const id = useId();
  const [open, setOpen] = useState(false);
  const [at, setAt] = useState(0);
  const column = columns[at];
  const ops = opsOf(column?.kind ?? "");
  const [op, setOp] = useState<TableOp>(ops[0] ?? "null");
  const [text, setText] = useState("");
  const [other, setOther] = useState("");
  const used = ops.includes(op) ? op : (ops[0] ?? "null");
  const typed = column?.kind === "boolean" && text === "" ? "true" : text;
  const condition = column && conditionOf(column, used, typed, other);
  const add = (event: Event) => {
    event.preventDefault();
    if (condition === undefined) return;
    setFilter([...filter, condition]);
    setText("");
    setOther("");
    setOpen(false);
  };
  const kind = column?.kind === "number" && used !== "in" ? "number" : column?.type === "date" && used !== "in" ? "date" : "text";
  const value = (label: string, is: string, set: (text: string) => void) => {
    const shared = {
      class: "field",
      "aria-label": label,
      value: is,
      onInput: (event: { currentTarget: HTMLInputElement }) => set(event.currentTarget.value),
    };
    if (kind === "number") return <input {...shared} type="number" step="any" />;
    if (kind === "date") return <input {...shared} type="date" />;
    const hint = used === "in" ? "a, b, c" : column?.kind === "time" ? "2026-01-31T12:00:00" : "";
    return <input {...shared} type="text" placeholder={hint} />;
  };
  return (
    <div class="conditions">
      {filter.map((one, index) => (
        <span class="chip on" key={index}>
          <span>
            {plain(one.column)} {WORDS[one.op]} {valueText(one)}
          </span>
          <button
            type="button"
            aria-label={`Take away: ${plain(one.column)} ${WORDS[one.op]} ${valueText(one)}`}
            onClick={() => setFilter(filter.filter((_, place) => place !== index))}
          >
            <Icon name="close" size={12} />
          </button>
        </span>
      ))}
      {open ? (
        <form class="condition" onSubmit={add}>
          <select id={id} class="field" aria-label="Column" value={at} onChange={(event) => setAt(Number(event.currentTarget.value))}>
            {columns.map((one, index) => (
              <option key={index} value={index}>
                {plain(one.name)}
              </option>
            ))}
          </select>
          <select class="field" aria-label="Condition" value={used} onChange={(event) => setOp(event.currentTarget.value as TableOp)}>
            {ops.map((one) => (
              <option key={one} value={one}>
                {WORDS[one]}
              </option>
            ))}
          </select>
          {used === "null" || used === "not_null" ? null : column?.kind === "boolean" ? (
            <select class="field" aria-label="Value" value={typed} onChange={(event) => setText(event.currentTarget.value)}>
              <option value="true">true</option>
              <option value="false">false</option>
            </select>
          ) : (
            value("Value", text, setText)
          )}
          {used === "between" && value("and", other, setOther)}
          <button type="submit" class="button primary" disabled={condition === undefined}>
            Add
          </button>
          <button type="button" class="button bare" onClick={() => setOpen(false)}>
            Cancel
          </button>
        </form>
      ) : (
        <button type="button" class="button bare" onClick={() => setOpen(true)}>
          + Filter
        </button>
      )}
    </div>
  );
}

function valueText({ value }: TableCondition): string {
  if (value === undefined || value === null) return "";
  return plain(Array.isArray(value) ? value.map(String).join(", ") : String(value));
}
