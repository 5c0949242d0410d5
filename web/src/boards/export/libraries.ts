// What draws figures, as text that goes into a file: the modules of the frame that draws them here.

import type { Drawn } from "../../render/talk";

/** A part of what draws a figure. */
export interface Module {
  name: string;
  text: string;
  script: boolean;
}

/** Scripts that are run before what draws with them. */
const BEFORE: Partial<Record<Drawn, string[]>> = {
  bokeh: ["bokeh", "bokeh-widgets", "bokeh-tables", "bokeh-gl"],
};

/** Returns the modules that draw one kind of figure, each after those that it needs. */
export async function libraryOf(draw: Drawn): Promise<Module[]> {
  const page = await textAt("/render.html");
  const entry = /<script[^>]+src="([^"]+)"/.exec(page)?.[1];
  if (entry === undefined) throw new Error("what draws figures cannot be found");
  const folder = entry.slice(0, entry.lastIndexOf("/") + 1);
  const begin = await textAt(entry);
  const name = new RegExp(`["'\`]\\./(${draw}-[\\w-]+\\.js)["'\`]`).exec(begin)?.[1];
  if (name === undefined) throw new Error(`what draws ${draw} cannot be found`);
  const modules: Module[] = [];
  const seen = new Set<string>();
  const take = async (name: string) => {
    if (seen.has(name)) return;
    seen.add(name);
    const text = await textAt(folder + name);
    for (const other of importsOf(text)) await take(other);
    modules.push({ name, text, script: false });
  };
  await take(name);
  const text = modules.map((module) => module.text).join("");
  const version = /bokeh-\d+\.\d+\.\d+/.exec(text)?.[0];
  const before = await Promise.all(
    (BEFORE[draw] ?? []).map(async (name) => ({ name, script: true, text: await textAt(`/assets/${version}/${name}.min.js`) })),
  );
  return [...before, ...modules];
}

/** Returns the modules beside it that a built module needs. */
export function importsOf(text: string): string[] {
  const found = text.matchAll(/(?:\bfrom|\bimport)\s*\(?\s*(["'`])\.\/([\w.-]+\.js)\1/g);
  return [...new Set([...found].flatMap(([, , name]) => name ?? []))];
}

async function textAt(url: string): Promise<string> {
  const response = await fetch(url);
  if (!response.ok) throw new Error(`${url} cannot be had: ${response.status}`);
  return response.text();
}
