import { expect, it } from "vitest";

import type { Card } from "../model";
import type { Part, Piece } from "./collect";
import { notebook } from "./inner";
import { importsOf } from "./libraries";
import { type Exported, pageOf } from "./page";

const card: Card = {
  id: "a", kind: "stack", title: "", description: "", text: "", span: 6, height: "m", fixed: {}, names: {},
};
const piece = (part: Part, title = "Card"): Piece => ({ card, title, time: undefined, part });
const file = (pieces: Piece[], more: Partial<Exported> = {}) =>
  pageOf({
    title: "Week", description: "", choice: {}, at: undefined, now: new Date(0), pieces, libraries: new Map(), style: "", ...more,
  });
const bytes = (text: string) => new TextEncoder().encode(text).buffer as ArrayBuffer;

it("takes words of others as words", async () => {
  const evil = `"><script>alert(1)</script>'`;
  const page = await file(
    [
      piece({ kind: "text", text: evil, cut: false }, evil),
      piece({ kind: "table", columns: [{ name: evil, right: false }], rows: [[evil]], total: 1 }),
      piece({ kind: "picture", media: `image/png" onload="x`, bytes: bytes("x"), alt: evil }),
      piece({ kind: "file", name: evil, media: "text/html", bytes: bytes("x") }),
      piece({ kind: "none", why: evil }),
    ],
    { title: evil, description: evil, choice: { [evil]: evil } },
  );
  expect(page).not.toContain("<script>alert");
  expect(page).not.toContain(`onload="x`);
  expect(page).not.toContain("data:text/html");
});

it("lets nothing out, and runs no script but its own", async () => {
  const page = await file([piece({ kind: "page", html: "<script>1</script>", scripts: false })]);
  const policy = /Content-Security-Policy" content="([^"]+)"/.exec(page)?.[1] ?? "";
  expect(policy).toMatch(/^default-src &#39;none&#39;; script-src &#39;sha256-/);
  expect(policy).toContain("connect-src &#39;none&#39;");
  expect(policy).toContain("frame-src &#39;none&#39;");
  expect(policy).not.toContain("unsafe-eval");
  expect(policy).not.toContain("script-src &#39;unsafe-inline");
  expect(page).toContain(`sandbox="" title="Card" srcdoc="&lt;script&gt;`);
});

it("holds a notebook with what came out, as what it is", async () => {
  const source = JSON.stringify({
    cells: [
      { cell_type: "code", source: ["print('<b>')"], execution_count: 1, outputs: [
        { output_type: "stream", text: "<b>\n" },
        { output_type: "display_data", data: { "image/png": "aGk=", "text/plain": "a picture" } },
        { output_type: "display_data", data: { "text/html": "<script>1</script>" } },
        { output_type: "display_data", data: { "application/vnd.plotly.v1+json": { data: [] } } },
      ] },
      { cell_type: "raw", source: "as it is" },
    ],
  });
  const parts = await notebook(source, undefined, false);
  expect(parts?.map(({ kind }) => kind)).toEqual(["text", "text", "picture", "page", "figure", "text"]);
  const page = await file([piece({ kind: "parts", parts: parts ?? [] })]);
  expect(page).toContain("<pre tabindex=\"0\">print(&#39;&lt;b&gt;&#39;)</pre>");
  expect(page).toContain('src="data:image/png;base64,aGk=" alt="a picture"');
  expect(page).toContain('sandbox="" title="Card" srcdoc="&lt;script&gt;');
  expect(page).toContain('data-draw="plotly"');
  expect(await notebook("no notebook", undefined, false)).toBeUndefined();
});

it("runs scripts of whom is trusted, in a frame without an origin", async () => {
  const page = await file([piece({ kind: "page", html: "<script>1</script>", scripts: true })]);
  expect(page).toContain(`sandbox="allow-scripts" title="Card" srcdoc="&lt;script&gt;`);
  expect(page).not.toContain("allow-same-origin");
});

it("finds what a built module needs", () => {
  const text = `import{a as b}from"./one-1.js";import"./two-2.js";let c=()=>import(\`./three-3.js\`);d("from ./four.js")`;
  expect(importsOf(text)).toEqual(["one-1.js", "two-2.js", "three-3.js"]);
});
