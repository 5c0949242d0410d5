// What a model of ONNX says of itself. It is protobuf, read here and there: weights are stepped
// over, and nothing in it runs.

import type { Read } from "./tensors";

/** A value that goes into a model or comes out. */
export interface Value {
  name: string;
  type: string;
  shape: string[];
}

/** A model. */
export interface Model {
  name: string;
  producer: string;
  ir: number;
  operators: [domain: string, version: number][];
  inputs: Value[];
  outputs: Value[];
  /** How often each operator is in it, the most frequent first. */
  nodes: [operator: string, count: number][];
  weights: number;
  about: [string, string][];
}

/** Most fields that are looked at. */
const FIELDS = 200_000;
/** Longest text that is read. */
const TEXT = 4096;

const TYPES = [
  "undefined", "float32", "uint8", "int8", "uint16", "int16", "int32", "int64", "string", "bool", "float16",
  "float64", "uint32", "uint64", "complex64", "complex128", "bfloat16",
];

interface Field {
  number: number;
  /** A number, where it is one. */
  value: number;
  from: number;
  to: number;
}

/**
 * Reads what a model of `size` bytes says of itself.
 *
 * @throws {Error} where it is no model
 */
export async function readModel(read: Read, size: number): Promise<Model> {
  const model: Model = {
    name: "", producer: "", ir: 0, operators: [], inputs: [], outputs: [], nodes: [], weights: 0, about: [],
  };
  const counts = new Map<string, number>();
  const reader = new Reader(read);
  let graphs = 0;
  for await (const field of reader.fields(0, size)) {
    if (field.number === 1) model.ir = field.value;
    if (field.number === 2) model.producer = await reader.text(field);
    if (field.number === 3) model.producer += ` ${await reader.text(field)}`;
    if (field.number === 8) model.operators.push(await operators(reader, field));
    if (field.number === 14) model.about.push(await pair(reader, field));
    if (field.number === 7) {
      graphs += 1;
      await graph(reader, field, model, counts);
    }
  }
  if (graphs !== 1) throw new Error("it has no graph");
  model.nodes = [...counts].toSorted(([, a], [, b]) => b - a);
  return model;
}

async function graph(reader: Reader, { from, to }: Field, model: Model, counts: Map<string, number>): Promise<void> {
  for await (const field of reader.fields(from, to)) {
    if (field.number === 2) model.name = await reader.text(field);
    if (field.number === 5) model.weights += 1;
    if (field.number === 11) model.inputs.push(await value(reader, field));
    if (field.number === 12) model.outputs.push(await value(reader, field));
    if (field.number !== 1) continue;
    for await (const inner of reader.fields(field.from, field.to)) {
      if (inner.number !== 4) continue;
      const operator = await reader.text(inner);
      counts.set(operator, (counts.get(operator) ?? 0) + 1);
    }
  }
}

async function operators(reader: Reader, { from, to }: Field): Promise<[string, number]> {
  const found: [string, number] = ["ai.onnx", 0];
  for await (const field of reader.fields(from, to)) {
    if (field.number === 1) found[0] = (await reader.text(field)) || "ai.onnx";
    if (field.number === 2) found[1] = field.value;
  }
  return found;
}

async function pair(reader: Reader, { from, to }: Field): Promise<[string, string]> {
  const found: [string, string] = ["", ""];
  for await (const field of reader.fields(from, to)) {
    if (field.number === 1) found[0] = await reader.text(field);
    if (field.number === 2) found[1] = await reader.text(field);
  }
  return found;
}

/** A name, and the type and shape of a tensor three messages further in. */
async function value(reader: Reader, { from, to }: Field): Promise<Value> {
  const found: Value = { name: "", type: "?", shape: [] };
  for await (const field of reader.fields(from, to)) {
    if (field.number === 1) found.name = await reader.text(field);
    if (field.number !== 2) continue;
    for await (const type of reader.fields(field.from, field.to)) {
      if (type.number !== 1) continue;
      for await (const tensor of reader.fields(type.from, type.to)) {
        if (tensor.number === 1) found.type = TYPES[tensor.value] ?? `type ${tensor.value}`;
        if (tensor.number === 2) found.shape = await shape(reader, tensor);
      }
    }
  }
  return found;
}

async function shape(reader: Reader, { from, to }: Field): Promise<string[]> {
  const dimensions: string[] = [];
  for await (const field of reader.fields(from, to)) {
    if (field.number !== 1) continue;
    let one = "?";
    for await (const dimension of reader.fields(field.from, field.to)) {
      if (dimension.number === 1) one = String(dimension.value);
      if (dimension.number === 2) one = await reader.text(dimension);
    }
    dimensions.push(one);
  }
  return dimensions;
}

/** Reads protobuf where it lies. */
class Reader {
  private looked = 0;

  constructor(private readonly read: Read) {}

  /** Goes over the fields of a message that lies from `at` to `end`. */
  async *fields(at: number, end: number): AsyncGenerator<Field> {
    while (at < end) {
      this.looked += 1;
      if (this.looked > FIELDS) throw new Error("it has more parts than are looked at");
      const head = await this.read(at, Math.min(20, end - at));
      const [key, first] = varint(head, 0);
      const number = Math.floor(key / 8);
      const from = at + first;
      switch (key % 8) {
        case 0: {
          const [value, length] = varint(head, first);
          at = from + length - first;
          yield { number, value, from, to: at };
          break;
        }
        case 1:
          at = from + 8;
          break;
        case 2: {
          const [length, next] = varint(head, first);
          const start = at + next;
          if (length > end - start) throw new Error("a part of it is longer than the whole");
          at = start + length;
          yield { number, value: 0, from: start, to: at };
          break;
        }
        case 5:
          at = from + 4;
          break;
        default:
          throw new Error("it is no protobuf");
      }
    }
  }

  /** Returns the text of a field, its beginning where it is long. */
  async text({ from, to }: Field): Promise<string> {
    return new TextDecoder().decode(await this.read(from, Math.min(to - from, TEXT)));
  }
}

/** Returns a number of any length, and where it ends. */
function varint(bytes: Uint8Array, at: number): [number, number] {
  let value = 0;
  for (let place = 0; place < 10; place += 1) {
    const byte = bytes[at + place];
    if (byte === undefined) throw new Error("it ends within a number");
    value += (byte & 0x7f) * 2 ** (7 * place);
    if (byte < 0x80) return [value, at + place + 1];
  }
  throw new Error("a number in it does not end");
}
