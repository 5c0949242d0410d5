// What a frame says of the program that made it: ours, and the clients of dstack, which say it otherwise.

/** Most lines, as an author may say what she likes. */
const MOST = 24;

/** Returns programs with their versions: the client first, then the language, then libraries by name. */
export function madeWith(settings: Record<string, unknown> | undefined): [string, string][] {
  const { client, python, r, libraries } = settings ?? {};
  const found: [string, string | undefined][] = [];
  if (isMap(client)) found.push(["Client", [client.client, client.version].filter(isText).join(" ")]);
  found.push(["Python", versionOf(python)], ["R", versionOf(r)]);
  if (isMap(libraries)) {
    for (const name of Object.keys(libraries).sort()) found.push([name, versionOf(libraries[name])]);
  }
  return found.filter((one): one is [string, string] => !!one[1]).slice(0, MOST);
}

/** Returns a version: a text, of which the first word says it, or the parts of one, as dstack 0.6 has it. */
function versionOf(told: unknown): string | undefined {
  if (isText(told)) return told.split(/\s/, 1)[0];
  if (!isMap(told)) return undefined;
  return [told.major, told.minor, told.micro].filter((part) => typeof part === "number").join(".");
}

function isText(value: unknown): value is string {
  return typeof value === "string";
}

function isMap(value: unknown): value is Record<string, unknown> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
