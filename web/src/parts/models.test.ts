import { readFileSync } from "node:fs";

import { describe, expect, it } from "vitest";

import { hex } from "./model";
import { readModel } from "./onnx";
import { numbersOf, readTensors } from "./tensors";

const reads = (bytes: Uint8Array) => (at: number, length: number) => Promise.resolve(bytes.subarray(at, at + length));
const file = (name: string) => new Uint8Array(readFileSync(`e2e/figures/${name}`));

function tensors(header: string, length = header.length): Uint8Array {
  const bytes = new Uint8Array(8 + header.length);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(length), true);
  bytes.set(new TextEncoder().encode(header), 8);
  return bytes;
}

describe("safetensors", () => {
  it("say what is in them", async () => {
    const bytes = file("weights.safetensors");
    const read = await readTensors(reads(bytes), bytes.length);
    expect(read.about).toEqual([["made", "for tests"]]);
    const weight = read.tensors.find(({ name }) => name === "layer.weight");
    expect(weight).toEqual({ name: "layer.weight", type: "F32", shape: [4, 2] });
    expect(weight && numbersOf(weight)).toBe(8);
  });

  it("are not believed", async () => {
    for (const bytes of [tensors("{}", 3), tensors("{}", 2 ** 52), tensors("[]"), tensors("x"), new Uint8Array(7)]) {
      await expect(readTensors(reads(bytes), bytes.length)).rejects.toThrow();
    }
    const odd = tensors('{"a": 1, "b": {"shape": ["x", 2]}}');
    expect((await readTensors(reads(odd), odd.length)).tensors.map(({ shape }) => shape)).toEqual([[], [2]]);
  });
});

describe("a model of ONNX", () => {
  it("says what it takes and is made of, and its weights are stepped over", async () => {
    const bytes = file("model.onnx");
    const model = await readModel(reads(bytes), bytes.length);
    expect(model.inputs).toEqual([{ name: "rows", type: "float32", shape: ["batch", "4"] }]);
    expect(model.nodes).toEqual([["MatMul", 1], ["Relu", 1]]);
    expect([model.name, model.weights, model.operators]).toEqual(["weekly", 1, [["ai.onnx", 17]]]);
  });

  it("is refused where it is cut short, or is something else", async () => {
    const bytes = file("model.onnx");
    for (let length = 0; length < bytes.length; length += 7) {
      await readModel(reads(bytes.subarray(0, length)), length).catch((error: unknown) => {
        expect(error).toBeInstanceOf(Error);
      });
    }
    const long = new Uint8Array([0x3a, 0xff, 0xff, 0xff, 0xff, 0x7f]);
    await expect(readModel(reads(long), long.length)).rejects.toThrow("longer than the whole");
    const endless = new Uint8Array(20).fill(0xff);
    await expect(readModel(reads(endless), endless.length)).rejects.toThrow("does not end");
  });
});

describe("bytes", () => {
  it("stand in lines of sixteen", () => {
    expect(hex(new Uint8Array([0, 0x41, 0xff]))).toBe(`000000  00 41 ff${" ".repeat(39)}  ·A·`);
    expect(hex(new Uint8Array(17)).split("\n").length).toBe(2);
  });
});
