// One file that shows a dashboard wherever it is opened: no daemon, no network, and what others
// made in frames that reach nothing.

import { moment, plain } from "../../format";
import type { Drawn } from "../../render/talk";
import type { Choice } from "../../widgets";
import { innerOf, type Part, type Piece } from "./collect";
import { drawInFrame, handOver } from "./talk";

/** What a file is made of. */
export interface Exported {
  title: string;
  description: string;
  choice: Choice;
  /** The time that is looked at; now where there is none. */
  at: Date | undefined;
  /** When the file is made. */
  now: Date;
  pieces: readonly Piece[];
  /** What draws figures, by what it draws. */
  libraries: ReadonlyMap<Drawn, string>;
  /** What the pages look like: the tokens of colours and sizes. */
  style: string;
}

const FORMAT = new Intl.NumberFormat("en", { maximumSignificantDigits: 5 });
const CHANGE = new Intl.NumberFormat("en", { maximumSignificantDigits: 3, signDisplay: "always" });

/** Returns the file. */
export async function pageOf(exported: Exported): Promise<string> {
  const { title, description, choice, at, now, pieces, libraries, style } = exported;
  const scripts = [sourceOf(handOver), sourceOf(drawInFrame)];
  const policies = { whole: await policyOf(pieces, scripts), strict: await policyOf([], scripts) };
  const data: string[] = [];
  const cards: string[] = [];
  for (const piece of pieces) cards.push(await cardOf(piece, policies, scripts[1] ?? "", data));
  const chosen = Object.entries(choice).map(([key, value]) => `${escaped(key)} = <b>${escaped(String(value))}</b>`);
  const holds = [...libraries].map(([draw, modules]) => `<script type="text/plain" id="library-${draw}">${base64(new TextEncoder().encode(modules))}</script>`);
  return [
    `<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">`,
    `<meta http-equiv="Content-Security-Policy" content="${escaped(policies.whole)}">`,
    `<meta name="viewport" content="width=device-width, initial-scale=1">\n<meta name="color-scheme" content="light dark">`,
    `<title>${escaped(title)}</title>\n<style>${style}${OWN}</style>\n</head>\n<body>`,
    `<header><h1>${escaped(title)}</h1>`,
    description === "" ? "" : `<p>${escaped(description)}</p>`,
    chosen.length === 0 ? "" : `<p class="chosen">${chosen.join(" · ")}</p>`,
    `<p class="muted">${at === undefined ? "As it was" : `As it was ${escaped(moment(at))}, seen`} ${escaped(moment(now))}</p></header>`,
    `<main class="board">${cards.join("\n")}</main>`,
    ...data,
    ...holds,
    data.length === 0 ? "" : `<script>${scripts[0]}</script>`,
    `</body>\n</html>\n`,
  ].join("\n");
}

/** Returns a function as a script that calls it. */
function sourceOf(script: () => void): string {
  return `(${String(script)})()`;
}

/**
 * What the file and all its frames may do, which inherit it: nothing leads out. Scripts are those
 * of this file alone; where code of a trusted author is in it, that runs too, in its frame.
 */
async function policyOf(pieces: readonly Piece[], scripts: string[]): Promise<string> {
  const theirs = pieces.flatMap(({ part }) => innerOf(part)).some((part) => (part.kind === "page" && part.scripts) || (part.kind === "figure" && part.code));
  const hashes = await Promise.all(scripts.map(hashOf));
  const allowed = theirs ? "'unsafe-inline' 'unsafe-eval'" : hashes.map((hash) => `'sha256-${hash}'`).join(" ");
  return (
    `default-src 'none'; script-src ${allowed} blob:; style-src 'unsafe-inline'; img-src data: blob:; ` +
    "media-src data: blob:; font-src data:; worker-src blob:; connect-src 'none'; frame-src 'none'; " +
    "base-uri 'none'; form-action 'none'"
  );
}

async function hashOf(text: string): Promise<string> {
  return base64(new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))));
}

/** What the file may do, and what a frame may in which no code of a trusted author runs. */
interface Policies {
  whole: string;
  strict: string;
}

async function cardOf(piece: Piece, policies: Policies, script: string, data: string[]): Promise<string> {
  const { card, title, time, part } = piece;
  if (part.kind === "divider") return `<h2 class="divider">${escaped(title)}</h2>`;
  const when = time === undefined ? "" : `<time datetime="${escaped(time)}">${escaped(moment(new Date(time)))}</time>`;
  const head = title === "" ? "" : `<header><h2>${escaped(title)}</h2>${when}</header>`;
  const about = card.description === "" ? "" : `<p class="muted about">${escaped(card.description)}</p>`;
  const body = await bodyOf(part, title, policies, script, data);
  return `<section class="card ${card.height} of-${part.kind}" style="--span:${card.span}">${head}${about}<div class="body">${body}</div></section>`;
}

async function bodyOf(part: Exclude<Part, { kind: "divider" }>, title: string, policies: Policies, script: string, data: string[]): Promise<string> {
  switch (part.kind) {
    case "parts": {
      const bodies: string[] = [];
      for (const one of part.parts) bodies.push(await bodyOf(one, title, policies, script, data));
      return bodies.join("\n");
    }
    case "html":
      return `<div class="prose">${part.html}</div>`;
    case "metric": {
      const change = part.before === undefined ? "" : ` <span class="muted">${CHANGE.format(part.value - part.before)}</span>`;
      return `<p class="metric"><b>${FORMAT.format(part.value)}</b>${change}</p>`;
    }
    case "picture":
      return `<img src="${urlOf(part.media, part.bytes)}" alt="${escaped(part.alt)}">`;
    case "table": {
      const mark = (at: number) => (part.columns[at]?.right ? ` class="right"` : "");
      const head = part.columns.map(({ name }, at) => `<th scope="col"${mark(at)}>${escaped(name)}</th>`).join("");
      const rows = part.rows.map((row) => `<tr>${row.map((cell, at) => `<td${mark(at)}>${escaped(cell)}</td>`).join("")}</tr>`);
      const more = part.total > part.rows.length ? `<p class="muted about">The first ${part.rows.length.toLocaleString("en")} of ${part.total.toLocaleString("en")} rows.</p>` : "";
      return `<div class="table" tabindex="0" role="region" aria-label="${escaped(title)}"><table><thead><tr>${head}</tr></thead><tbody>${rows.join("")}</tbody></table></div>${more}`;
    }
    case "text":
      return `<pre tabindex="0">${quoted(part.text)}</pre>${part.cut ? `<p class="muted about">Its beginning.</p>` : ""}`;
    case "figure": {
      const id = `bytes-${data.length}`;
      const policy = part.code ? policies.whole : policies.strict;
      data.push(`<script type="text/plain" id="${id}">${base64(new Uint8Array(part.bytes))}</script>`);
      const page = `<!doctype html><meta charset="utf-8"><meta http-equiv="Content-Security-Policy" content="${escaped(policy)}"><title>Figure</title><style>${FRAME}</style><main id="figure"></main><script>${script}</script>`;
      return `<iframe sandbox="allow-scripts" title="${escaped(title)}" data-draw="${part.draw}" data-bytes="${id}" data-page="${quoted(page)}"></iframe>`;
    }
    case "page":
      return `<iframe class="page" sandbox="${part.scripts ? "allow-scripts" : ""}" title="${escaped(title)}" srcdoc="${quoted(part.html)}"></iframe>`;
    case "media":
      return `<${part.as} controls src="${urlOf(part.media, part.bytes)}"></${part.as}>`;
    case "file":
      return `<p class="note"><a download="${escaped(part.name)}" href="${urlOf(part.media, part.bytes)}">Save ${escaped(part.name)}</a></p>`;
    case "none":
      return `<p class="note muted">${escaped(part.why)}</p>`;
  }
}

const MARKS: Record<string, string> = { "&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&quot;", "'": "&#39;" };

/** Returns text as text of a page, quoted or not. */
function quoted(text: string): string {
  return text.replace(/[&<>"']/g, (mark) => MARKS[mark] ?? mark);
}

/** Returns words of others as text of a page, with what would mislead the eye made visible. */
export function escaped(text: string): string {
  return quoted(plain(text));
}

/** Media types that a page may hold as addresses; what says another one is bytes. */
const MEDIA = /^(image|audio|video)\/[a-z0-9.+-]+$/;

function urlOf(media: string, bytes: ArrayBuffer): string {
  return `data:${MEDIA.test(media) ? media : "application/octet-stream"};base64,${base64(new Uint8Array(bytes))}`;
}

function base64(bytes: Uint8Array): string {
  const parts: string[] = [];
  for (let at = 0; at < bytes.length; at += 0x8000) {
    parts.push(String.fromCharCode(...bytes.subarray(at, at + 0x8000)));
  }
  return btoa(parts.join(""));
}

const OWN = `
*,*::before{box-sizing:border-box}
body{margin:0 auto;padding:2rem;max-width:110rem;background:var(--ground);color:var(--ink);font:14px/1.5 system-ui,sans-serif}
h1{margin:0;font-size:1.75rem;letter-spacing:-.02em}p{margin:.3rem 0}.muted,time{color:var(--ink-2);font-size:.8125rem}
.board{display:grid;grid-template-columns:repeat(12,minmax(0,1fr));gap:1rem;margin-top:1.5rem;align-items:start}
.card{grid-column:span var(--span);min-width:0;background:var(--surface);border:1px solid var(--line);border-radius:10px;overflow:hidden}
.card>header{display:flex;align-items:baseline;justify-content:space-between;gap:1rem;padding:.6rem 1rem;border-bottom:1px solid var(--line)}
.card h2,.divider{margin:0;font-size:.875rem;font-weight:600;overflow-wrap:anywhere}time{white-space:nowrap;font-size:.75rem}
.divider{grid-column:1/-1;padding:.75rem 0 .5rem;border-bottom:1px solid var(--line-strong);font-size:1.0625rem}
.about,.note,.prose,.metric{padding:.75rem 1rem;margin:0}.prose{overflow-wrap:anywhere}.prose pre{overflow:auto}
.prose img,.body>img,video{max-width:100%}.body>img{display:block;margin:0 auto;padding:.75rem;max-height:70vh}
.metric b{font-size:1.75rem;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.table{max-height:30rem;overflow:auto}table{border-collapse:collapse;width:100%;font-variant-numeric:tabular-nums}
th,td{padding:.3rem .75rem;border-bottom:1px solid var(--line);text-align:left;white-space:nowrap}.right{text-align:right}
th{position:sticky;top:0;background:var(--surface)}pre{margin:0;padding:.75rem 1rem;max-height:30rem;overflow:auto;font:.8125rem/1.5 ui-monospace,monospace}
iframe{display:block;width:100%;border:0;height:0}iframe.page{height:30rem;background:#fff}a{color:var(--accent)}
.of-parts .body>*+*{border-top:1px solid var(--line)}
@media(max-width:640px){body{padding:1rem}.card{grid-column:1/-1}}
@media print{.board{display:block}.card{break-inside:avoid;margin-bottom:1rem}.table,pre{max-height:none}}
`;

const FRAME = `html,body{margin:0;background:transparent;font-size:14px}#figure{min-height:1px;overflow:auto hidden}.vega-embed{display:block!important;padding:12px!important}.bk-figure{padding:12px}`;
