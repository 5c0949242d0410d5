// Models and files of unknown kinds: what can be said of them without opening them.

import type { ComponentChildren } from "preact";

import { plain, short, size } from "../format";
import { useQuery } from "../live/query";
import { Pieces, partOf } from "./bytes";
import { Columns } from "./columns";
import { Copy } from "./copy";
import { Icon } from "./icon";
import { Download, Raw } from "./leave";
import { readModel, type Value } from "./onnx";
import type { Shown } from "./show";
import { Bones, Known } from "./states";
import { numbersOf, readTensors } from "./tensors";

/** Tensors that are listed. */
const LISTED = 500;
/** Bytes of a file that are shown as such. */
const HEAD = 512;

type Facts = [string, ComponentChildren][];

function Card({ shown, facts, children }: { shown: Shown; facts: Facts; children?: ComponentChildren }) {
  const { file } = shown;
  const all: Facts = [
    ...facts,
    ["Media type", file.media || "unknown"],
    ["Size", size(file.size)],
    ["BLAKE3", <code title={file.hash}>{short(file.hash)}</code>],
  ];
  return (
    <div class="model">
      <dl class="facts">
        {all.map(([name, value]) => (
          <div key={name}>
            <dt>{name}</dt>
            <dd>{value}</dd>
          </div>
        ))}
      </dl>
      {children}
      <div>
        <Download shown={shown} />
      </div>
    </div>
  );
}

const FORMATS: [RegExp, string, "runs" | "holds"][] = [
  [/pickle|\.(pkl|pickle|joblib|pt|pth|ckpt)$/i, "Pickle of Python", "runs"],
  [/x-(rds|r-data)|\.(rds|rda|rdata)$/i, "Objects of R", "runs"],
  [/keras/i, "Model of Keras", "runs"],
  [/hdf5|\.h5$/i, "HDF5", "holds"],
  [/gguf/i, "GGUF", "holds"],
  [/skops/i, "Model of scikit-learn, by skops", "holds"],
];

/** A model as a card: the file stays closed. */
export function Model(shown: Shown) {
  const { file, reference } = shown;
  const [, format, does] = FORMATS.find(([form]) => form.test(file.media) || form.test(file.path)) ?? [/x/, "Model", "holds"];
  const params = Object.entries(file.params ?? {}).map(([name, value]): Facts[number] => [plain(name), plain(String(value))]);
  return (
    <Card
      shown={shown}
      facts={[["Format", format], ...(file.app ? [["Made with", plain(file.app)] as Facts[number]] : []), ...params]}
    >
      {does === "runs" && (
        <p class="ask danger" role="note">
          <Icon name="alert" size={16} /> Who opens such a file runs what is in it. It is not opened here; open it only
          if you trust who made it.
        </p>
      )}
      <Copy text={`dsp get ${reference.includes("'") ? JSON.stringify(reference) : `'${reference}'`}`} label="Copy the command" />
    </Card>
  );
}

/** The tensors of a file of safetensors. */
export function Safetensors(shown: Shown) {
  const { file, reference } = shown;
  const known = useQuery(`tensors ${file.hash}`, () =>
    readTensors((at, length) => partOf(reference, at, length), file.size),
  );
  if (known.error) return <Raw shown={shown} title="This is no file of safetensors" reason={known.error.message} />;
  if (known.data === undefined) return <Bones lines={8} />;
  const { tensors, about } = known.data;
  const numbers = tensors.reduce((sum, tensor) => sum + numbersOf(tensor), 0);
  return (
    <Card
      shown={shown}
      facts={[
        ["Format", "safetensors"],
        ["Tensors", tensors.length.toLocaleString("en")],
        ["Numbers", numbers.toLocaleString("en")],
        ...about.slice(0, 20).map(([name, value]): Facts[number] => [plain(name), plain(value.slice(0, 500))]),
      ]}
    >
      <List
        head={["Tensor", "Type", "Shape", "Numbers"]}
        rows={tensors.slice(0, LISTED).map((one) => [plain(one.name), plain(one.type), one.shape.join(" × ") || "one", numbersOf(one).toLocaleString("en")])}
        more={tensors.length - LISTED}
      />
    </Card>
  );
}

/** What a model of ONNX takes, gives and is made of. */
export function Onnx(shown: Shown) {
  const { file, reference } = shown;
  const known = useQuery(`onnx ${file.hash}`, () => {
    const pieces = new Pieces(reference, file.size);
    return readModel((at, length) => pieces.read(at, length), file.size);
  });
  if (known.error) return <Raw shown={shown} title="This model cannot be described" reason={known.error.message} />;
  if (known.data === undefined) return <Bones lines={8} />;
  const model = known.data;
  const values = (list: Value[]) => list.map((one) => [plain(one.name), one.type, plain(one.shape.join(" × ")) || "one"]);
  return (
    <Card
      shown={shown}
      facts={[
        ["Format", `ONNX, version ${model.ir}`],
        ["Graph", plain(model.name) || "without a name"],
        ["Made with", plain(model.producer.trim()) || "unknown"],
        ["Operators", plain(model.operators.map(([domain, version]) => `${domain} ${version}`).join(", "))],
        ["Weights", model.weights.toLocaleString("en")],
        ...model.about.slice(0, 20).map(([name, value]): Facts[number] => [plain(name), plain(value.slice(0, 500))]),
      ]}
    >
      <h2>Takes</h2>
      <List head={["Input", "Type", "Shape"]} rows={values(model.inputs)} more={0} />
      <h2>Gives</h2>
      <List head={["Output", "Type", "Shape"]} rows={values(model.outputs)} more={0} />
      <h2>Made of</h2>
      <List head={["Operator", "How often"]} rows={model.nodes.map(([name, times]) => [plain(name), String(times)])} more={0} />
    </Card>
  );
}

function List({ head, rows, more }: { head: string[]; rows: string[][]; more: number }) {
  return (
    <div class="scroll" tabIndex={0} role="region" aria-label={head[0]}>
      <table class="list">
        <Columns names={head} />
        <tbody>
          {rows.map((row, index) => (
            <tr key={index}>
              {row.map((cell, place) => (
                <td class={place === 0 ? "mono" : "muted"} key={place}>
                  {cell}
                </td>
              ))}
            </tr>
          ))}
        </tbody>
      </table>
      {more > 0 && <p class="muted">and {more.toLocaleString("en")} more</p>}
    </div>
  );
}

/** The first bytes of a file of no known kind. */
export function Other(shown: Shown) {
  const { file, reference } = shown;
  const head = useQuery(`hex ${file.hash}`, () => partOf(reference, 0, Math.min(HEAD, file.size)));
  return (
    <Card shown={shown} facts={[["File", plain(file.path)]]}>
      <Known query={head}>
        {(bytes) => (
          <pre class="text hex" tabIndex={0} aria-label={`The first ${bytes.length} bytes`}>
            {hex(bytes)}
          </pre>
        )}
      </Known>
    </Card>
  );
}

/** Returns bytes in lines of sixteen: where, what, and what of it is letters. */
export function hex(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const line = [...bytes.subarray(at, at + 16)];
    const numbers = line.map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
    const letters = line.map((byte) => (byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : "·")).join("");
    lines.push(`${at.toString(16).padStart(6, "0")}  ${numbers.padEnd(47)}  ${letters}`);
  }
  return lines.join("\n");
}
