// The header of safetensors: names, types and shapes, and none of the numbers.

/** A tensor. */
export interface Tensor {
  name: string;
  type: string;
  shape: number[];
}

/** What a file of tensors says of itself. */
export interface Tensors {
  tensors: Tensor[];
  about: [string, string][];
}

/** Largest header in bytes that is read. */
const HEADER = 16 << 20;

/** Reads bytes of a file from a place on. */
export type Read = (at: number, length: number) => Promise<Uint8Array>;

/**
 * Reads the header of a file of `size` bytes.
 *
 * @throws {Error} where it is none, or larger than is read
 */
export async function readTensors(read: Read, size: number): Promise<Tensors> {
  const first = await read(0, 8);
  if (first.length < 8) throw new Error("it is shorter than a header");
  const length = new DataView(first.buffer, first.byteOffset, 8).getBigUint64(0, true);
  if (length > BigInt(Math.min(HEADER, size - 8))) throw new Error(`its header claims ${length} bytes`);
  const header: unknown = JSON.parse(new TextDecoder().decode(await read(8, Number(length))));
  if (typeof header !== "object" || header === null || Array.isArray(header)) throw new Error("its header is no object");
  const entries = Object.entries(header as Record<string, unknown>);
  const about = entries.find(([name]) => name === "__metadata__")?.[1];
  return {
    tensors: entries.filter(([name]) => name !== "__metadata__").map(([name, value]) => tensor(name, value)),
    about: Object.entries(typeof about === "object" && about !== null ? about : {}).map(([key, value]) => [key, String(value)]),
  };
}

function tensor(name: string, value: unknown): Tensor {
  const { dtype, shape } = (typeof value === "object" && value !== null ? value : {}) as Record<string, unknown>;
  const numbers = Array.isArray(shape) ? shape.filter((one): one is number => Number.isSafeInteger(one)) : [];
  return { name, type: typeof dtype === "string" ? dtype : "?", shape: numbers };
}

/** Returns how many numbers are in a tensor. */
export function numbersOf({ shape }: Tensor): number {
  return shape.reduce((product, one) => product * one, 1);
}
