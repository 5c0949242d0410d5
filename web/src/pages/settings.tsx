// Settings, a page a subject.

import "../styles/settings.css";

import { useRoute } from "preact-iso";
import { useEffect, useRef } from "preact/hooks";

import { useTitle } from "../title";
import { About } from "./settings/about";
import { Access } from "./settings/access";
import { Appearance } from "./settings/appearance";
import { Identity } from "./settings/identity";
import { Network } from "./settings/network";
import { Notify } from "./settings/notify";
import { Storage } from "./settings/storage";
import { Nowhere } from "./not-found";

const SECTIONS = {
  identity: ["Identity", Identity],
  tokens: ["Tokens and browsers", Access],
  network: ["Network", Network],
  storage: ["Storage", Storage],
  notifications: ["Notifications", Notify],
  appearance: ["Appearance", Appearance],
  about: ["About", About],
} as const;

/** The sections of the settings, for who names them. */
export type SectionName = keyof typeof SECTIONS;

/** The settings. */
export function Settings() {
  const { section: said = "identity" } = useRoute().params;
  // Until 0.1 it was called so.
  const section = said === "access" ? "tokens" : said;
  const name = (Object.keys(SECTIONS) as SectionName[]).find((one) => one === section);
  useTitle(name ? `${SECTIONS[name][0]} · Settings` : "Settings");
  const sections = useRef<HTMLElement>(null);
  // Where they stand in a row that is wider than the window.
  useEffect(() => {
    sections.current?.querySelector("[aria-current]")?.scrollIntoView({ block: "nearest", inline: "center" });
  }, [name]);
  if (name === undefined) return <Nowhere />;
  const [, Inside] = SECTIONS[name];
  return (
    <div class="page">
      <header>
        <h1>Settings</h1>
      </header>
      <div class="settings">
        <nav aria-label="Settings" class="side" ref={sections}>
          {(Object.keys(SECTIONS) as SectionName[]).map((one) => (
            <a key={one} href={`/settings/${one}`} aria-current={one === name ? "page" : undefined}>
              {SECTIONS[one][0]}
            </a>
          ))}
        </nav>
        <div class="settings-body">
          <Inside />
        </div>
      </div>
    </div>
  );
}
