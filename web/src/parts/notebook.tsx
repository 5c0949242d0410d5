// A notebook: its text, its code, and what came out, each as attachments of that kind are shown.

import { useMemo } from "preact/hooks";

import { useQuery } from "../live/query";
import type { Drawn } from "../render/talk";
import { Frame } from "./figure";
import { Raw } from "./leave";
import { Prose } from "./markdown";
import { type Cell, type Output, readNotebook } from "./notebook-file";
import type { Shown } from "./show";
import { Known } from "./states";
import { Coloured, textOf } from "./text";

/** Cells that are shown. */
const MOST = 500;

/** A notebook of Jupyter. */
export function Notebook(shown: Shown) {
  const text = useQuery(`text ${shown.file.hash}`, () => textOf(shown.reference));
  return <Known query={text}>{(known) => <Cells text={known} shown={shown} />}</Known>;
}

function Cells({ text, shown }: { text: string; shown: Shown }) {
  const notebook = useMemo(() => readNotebook(text), [text]);
  if (notebook === undefined) {
    return <Raw shown={shown} title="This notebook cannot be read" reason="It is no JSON of Jupyter, version 4." />;
  }
  return (
    <div class="notebook">
      {notebook.cells.slice(0, MOST).map((cell, index) => (
        <One key={index} cell={cell} language={notebook.language} shown={shown} />
      ))}
      {notebook.cells.length > MOST && <p class="ask">{notebook.cells.length - MOST} more cells are in the file.</p>}
    </div>
  );
}

function One({ cell, language, shown }: { cell: Cell; language: string; shown: Shown }) {
  if (cell.kind !== "code") {
    return cell.kind === "markdown" ? <Prose text={cell.source} /> : <pre class="text">{cell.source}</pre>;
  }
  return (
    <section class="cell" aria-label={cell.count === undefined ? "Code" : `Code ${cell.count}`}>
      <Coloured text={cell.source} language={language} />
      {cell.outputs.map((output, index) => (
        <Came key={index} output={output} shown={shown} />
      ))}
    </section>
  );
}

function Came({ output, shown }: { output: Output; shown: Shown }) {
  switch (output.kind) {
    case "image":
      return (
        <figure class="picture">
          <img src={`data:${output.media};base64,${output.base64}`} alt={output.text || "A picture that came out"} />
        </figure>
      );
    case "markdown":
      return <Prose text={output.text} />;
    case "text":
      return <pre class={`text came ${output.failed ? "failed" : ""}`}>{output.text}</pre>;
    default:
      return <Inner draw={output.kind} text={output.text} shown={shown} />;
  }
}

function Inner({ draw, text, shown }: { draw: Drawn; text: string; shown: Shown }) {
  const bytes = useMemo(() => new TextEncoder().encode(text).buffer as ArrayBuffer, [text]);
  return <Frame draw={draw} bytes={bytes} shown={shown} />;
}
