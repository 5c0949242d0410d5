// What this is, and what it is made of.

import { useState } from "preact/hooks";
import licences from "virtual:licences";

import { answer, api } from "../../api/client";
import { listSettings } from "../../configuration";
import { useQuery } from "../../live/query";
import { Columns } from "../../parts/columns";
import { Section } from "../../parts/forms";
import { Known } from "../../parts/states";
import { Time } from "../../parts/time";
import { Diagnostics } from "./diagnostics";
import { Named } from "./network";

/** How many packages are listed at first. */
const FIRST = 20;

/** Versions, licences, and the document of the API. */
export function About() {
  const status = useQuery("about", () => answer(api.GET("/api/v1/node")));
  const settings = useQuery("settings", listSettings);
  const crates = useQuery("crates", async () => (await import("./crates.json")).default as unknown as Part[]);
  return (
    <>
      <Section title="About dsp" id="about">
        <Known query={status}>
          {(known) => (
            <dl class="card pairs">
              <div>
                <dt>Daemon</dt>
                <dd>dspd {known.version}</dd>
              </div>
              <div>
                <dt>Web UI</dt>
                <dd>
                  <code>{known.web}</code>
                </dd>
              </div>
              <div>
                <dt>Running since</dt>
                <dd>
                  <Time at={known.started} />, process {known.pid}
                </dd>
              </div>
              <div>
                <dt>Home</dt>
                <dd>
                  <code>{known.home}</code>
                </dd>
              </div>
              <div>
                <dt>API</dt>
                <dd>
                  <a class="link" href="/api/openapi.json" target="_blank" rel="noopener">
                    Its document, in OpenAPI
                  </a>{" "}
                  · answers at <code>{known.address}</code>
                </dd>
              </div>
              <div>
                <dt>Licence</dt>
                <dd>MIT or Apache-2.0</dd>
              </div>
            </dl>
          )}
        </Known>
      </Section>
      <Diagnostics />
      <Known query={settings} lines={2}>
        {(known) => <Named known={known} names={["log.level"]} title="Log" again={settings.again} />}
      </Known>
      <Section title="Work of others in these pages" id="licences">
        <Parts parts={licences} at={(name) => `https://www.npmjs.com/package/${name}`} />
      </Section>
      <Section title="Work of others in the programs" id="crates" about="As they are on Linux; on other systems a few are others.">
        <Known query={crates} lines={8}>
          {(known) => <Parts parts={known} at={(name) => `https://crates.io/crates/${name}`} />}
        </Known>
      </Section>
    </>
  );
}

type Part = readonly [name: string, version: string, licence: string];

/** Packages of others; the first ones until one wants all. */
function Parts({ parts, at }: { parts: readonly Part[]; at: (name: string) => string }) {
  const [all, show] = useState(false);
  return (
    <div class="card scroll">
      <table class="list">
        <Columns names={["Package", "Version", "Licence"]} />
        <tbody>
          {parts.slice(0, all ? parts.length : FIRST).map(([name, version, licence]) => (
            <tr key={`${name} ${version}`}>
              <td>
                <a class="link" href={at(name)} target="_blank" rel="noopener noreferrer">
                  {name}
                </a>
              </td>
              <td class="muted">{version}</td>
              <td>{licence}</td>
            </tr>
          ))}
        </tbody>
      </table>
      {!all && parts.length > FIRST && (
        <button type="button" class="button bare" onClick={() => show(true)}>
          Show all {parts.length}
        </button>
      )}
    </div>
  );
}
