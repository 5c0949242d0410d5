// What this is, and what it is made of.

import licences from "virtual:licences";

import { answer, api } from "../../api/client";
import { useQuery } from "../../live/query";
import { Section } from "../../parts/forms";
import { Known } from "../../parts/states";
import { Time } from "../../parts/time";

/** Versions, licences, and the document of the API. */
export function About() {
  const status = useQuery("about", () => answer(api.GET("/api/v1/node")));
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
      <Section
        title="Work of others in these pages"
        id="licences"
        about="What the daemon is made of stands in its source, in Cargo.lock."
      >
        <div class="card scroll">
          <table class="list">
            <thead>
              <tr>
                <th scope="col">Package</th>
                <th scope="col">Version</th>
                <th scope="col">Licence</th>
              </tr>
            </thead>
            <tbody>
              {licences.map(([name, version, licence]) => (
                <tr key={`${name} ${version}`}>
                  <td>
                    <a class="link" href={`https://www.npmjs.com/package/${name}`} target="_blank" rel="noopener noreferrer">
                      {name}
                    </a>
                  </td>
                  <td class="muted">{version}</td>
                  <td>{licence}</td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      </Section>
    </>
  );
}
