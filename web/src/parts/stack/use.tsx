// How a program gets what one looks at.

import { useState } from "preact/hooks";

import type { FileInfo, FrameInfo } from "../../api/schema";
import { short } from "../../format";
import type { StackPlace } from "../../ref";
import { node } from "../../state";
import type { Choice, Value } from "../../widgets";
import { Copy } from "../copy";

/** Code that takes the attachment that the widgets choose, or this very frame. */
export function Use(props: { place: StackPlace; frame: FrameInfo; file: FileInfo | undefined; choice: Choice }) {
  const { place, frame, file, choice } = props;
  const [exact, setExact] = useState(place.rev !== undefined);
  const ways = codeFor({ place, frame, file, choice, exact, address: node.value?.address ?? location.origin });
  const known = Object.entries(choice).map(([key, value]) => `${key} = ${String(value)}`);
  return (
    <section class="grid-gap use">
      <div class="row wrap">
        <label class="row">
          <input type="checkbox" role="switch" checked={exact} onChange={(event) => setExact(event.currentTarget.checked)} />
          <span>Always this very frame, {short(frame.id)}</span>
        </label>
        {known.length > 0 && <span class="muted">with {known.join(", ")}</span>}
      </div>
      {ways.map(({ name, note, code }) => (
        <div class="grid-gap" key={name}>
          <h2>{name}</h2>
          <Copy text={code} label={`Copy the code for ${name}`} />
          {note && <p class="muted">{note}</p>}
        </div>
      ))}
    </section>
  );
}

/** What code is made of. */
export interface Wants {
  place: StackPlace;
  frame: FrameInfo;
  file: FileInfo | undefined;
  choice: Choice;
  exact: boolean;
  address: string;
}

/** Returns the ways to get an attachment, each with its code. */
export function codeFor({ place, frame, file, choice, exact, address }: Wants): { name: string; code: string; note?: string }[] {
  const rev = exact ? `@${short(frame.id)}` : place.rev === undefined || /^[0-9a-f]{64}$/.test(place.rev) ? "" : `@${place.rev}`;
  const named = `${frame.stack.reference}${rev}`;
  const chosen = Object.entries(choice);
  const one = file !== undefined && frame.files_total > 1 ? `${named}#${file.path}` : named;
  // Parameters say which attachment is meant; where there are none, its path does.
  const asked = chosen.length > 0 ? named : one;
  const python = chosen.length > 0 ? `, params={${chosen.map(([k, v]) => `${text(k)}: ${pythonic(v)}`).join(", ")}}` : "";
  const r = chosen.length > 0 ? `, params = list(${chosen.map(([k, v]) => `${ticked(k)} = ${r_(v)}`).join(", ")})` : "";
  const path = file === undefined ? "" : `&path=${encoded(file.path)}`;
  const url = `dsp://${frame.stack.user}/${encoded(place.context)}/${encoded(frame.stack.name)}?rev=${exact ? frame.id : encoded(place.rev ?? "head")}${path}`;
  return [
    { name: "Python", code: `import dsp\n\nvalue = dsp.pull(${text(asked)}${python})` },
    { name: "R", code: `library(dsp)\n\nvalue <- pull(${text(asked)}${r})` },
    { name: "Command line", code: `dsp get ${quoted(one)}` },
    { name: "dsp://", code: url, note: "Means the same on every machine, in all of the above and in fsspec." },
    {
      name: "curl",
      code: `curl -H "Authorization: Bearer $DSP_TOKEN" --get --data-urlencode ${quoted(`ref=${one}`)} ${address}/api/v1/content -o ${quoted(file?.path.split("/").at(-1) ?? "out")}`,
      note: "A token is made in the settings, or by POST /api/v1/tokens.",
    },
  ];
}

function text(value: string): string {
  return JSON.stringify(value);
}

function pythonic(value: Value): string {
  return typeof value === "boolean" ? (value ? "True" : "False") : JSON.stringify(value);
}

function r_(value: Value): string {
  return typeof value === "boolean" ? (value ? "TRUE" : "FALSE") : JSON.stringify(value);
}

function ticked(key: string): string {
  return /^[A-Za-z.][A-Za-z0-9._]*$/.test(key) ? key : `\`${key.replaceAll("`", "\\`")}\``;
}

function quoted(value: string): string {
  return /^[\w@%+=:,./~-]+$/.test(value) ? value : `'${value.replaceAll("'", "'\\''")}'`;
}

function encoded(value: string): string {
  return encodeURIComponent(value).replaceAll("%2F", "/");
}
