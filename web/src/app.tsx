// The frame of every page, and which page is shown.

import { ErrorBoundary, LocationProvider, Router, useLocation } from "preact-iso";
import { useLayoutEffect, useRef } from "preact/hooks";

import { PAGES } from "./addresses";
import { link } from "./live/feed";
import { Bell } from "./parts/bell";
import { Asking } from "./parts/dialog";
import { Find } from "./parts/find";
import { Icon, type IconName } from "./parts/icon";
import { Keys, OPEN_PALETTE } from "./parts/keys";
import { Sync } from "./parts/sync";
import { Toasts } from "./parts/toasts";
import { addressOf } from "./names";
import { PAGE_AT } from "./routes";
import { node } from "./state";
import { isDark, theme } from "./theme";

const RAIL: { path: string; label: string; icon: IconName; under: RegExp }[] = [
  { path: "/", label: "Home", icon: "home", under: /^\/$/ },
  { path: "/stacks", label: "Stacks", icon: "stacks", under: /^\/(stacks|s)(\/|$)/ },
  { path: "/dashboards", label: "Dashboards", icon: "dashboards", under: /^\/(dashboards|d)(\/|$)/ },
  { path: "/peers", label: "Peers", icon: "peers", under: /^\/(peers|join)(\/|$)/ },
  { path: "/settings", label: "Settings", icon: "settings", under: /^\/settings(\/|$)/ },
];

/** All of it. */
export function App() {
  return (
    <LocationProvider>
      <a class="skip" href="#main">
        Skip to content
      </a>
      <Frame />
      <Keys />
      <Asking />
      <Toasts />
    </LocationProvider>
  );
}

function Frame() {
  // On paper there is nothing to press.
  const prints = addressOf(useLocation().path) === "/d/:id/print";
  return (
    <div class={prints ? "frame bare" : "frame"}>
      {!prints && <Rail />}
      <div>
        {!prints && <Top />}
        {link.value === "offline" && (
          <div class="banner" role="status">
            <Icon name="away" size={16} /> The daemon does not answer. What you see is what was known; it
            goes on as soon as it is back.
          </div>
        )}
        <Main />
      </div>
    </div>
  );
}

function Rail() {
  const { path } = useLocation();
  const known = node.value;
  return (
    <nav class="rail" aria-label="Pages">
      <a class="brand" href="/" aria-label="dsp, home">
        <img src="/icon.svg" alt="" width={26} height={26} />
        <span>dsp</span>
      </a>
      <div class="links">
        {RAIL.map((page) => (
          <a key={page.path} href={page.path} aria-current={page.under.test(path) ? "page" : undefined}>
            <Icon name={page.icon} />
            <span class="label">{page.label}</span>
          </a>
        ))}
      </div>
      {known && (
        <div class="node">
          <b>{known.name}</b>
          {known.device_name} · dsp {known.version}
        </div>
      )}
    </nav>
  );
}

function Top() {
  const { path, route } = useLocation();
  const field = useRef<HTMLInputElement>(null);
  // With what is drawn: a key that is pressed as soon as it stands there is heard.
  useLayoutEffect(() => {
    const pressed = (event: KeyboardEvent) => {
      const writes = event.target instanceof Element && event.target.closest("input, textarea, select");
      if (event.key !== "/" || writes || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      // A page with a search of its own is searched by that.
      (document.querySelector<HTMLElement>("[data-find]") ?? field.current)?.focus();
    };
    addEventListener("keydown", pressed);
    return () => removeEventListener("keydown", pressed);
  }, []);
  const find = (event: Event) => {
    event.preventDefault();
    route(`/search?q=${encodeURIComponent(field.current?.value.trim() ?? "")}`);
    if (field.current) field.current.value = "";
  };
  return (
    <header class="top">
      <form role="search" aria-label="Everything" onSubmit={find} hidden={path === "/stacks" || path === "/search"}>
        <Find label="Search">
          <input ref={field} class="field" type="search" placeholder="Search" />
        </Find>
      </form>
      <div class="end">
        <Sync />
        <button
          type="button"
          class="button bare icon"
          aria-label="Go to or do"
          title="Go to or do: Ctrl-K"
          onClick={() => dispatchEvent(new Event(OPEN_PALETTE))}
        >
          <Icon name="command" />
        </button>
        <Bell />
        <button
          type="button"
          class="button bare icon"
          aria-label={isDark() ? "Use light colours" : "Use dark colours"}
          title={isDark() ? "Use light colours" : "Use dark colours"}
          onClick={() => {
            theme.value = isDark() ? "light" : "dark";
          }}
        >
          <Icon name={isDark() ? "light" : "dark"} />
        </button>
      </div>
    </header>
  );
}

function Main() {
  const main = useRef<HTMLElement>(null);
  const { path } = useLocation();
  const first = useRef(true);
  // A page that is gone to begins at its top, for eyes and for readers of screens: before a key can lead further.
  useLayoutEffect(() => {
    if (first.current) first.current = false;
    else main.current?.focus({ preventScroll: true });
  }, [path]);
  return (
    <main id="main" tabIndex={-1} ref={main}>
      <ErrorBoundary>
        <Router>
          {PAGES.map((path) => {
            const Page = PAGE_AT[path];
            // A page that has several addresses stays as it is from one to the other.
            const key = PAGES.find((one) => PAGE_AT[one] === Page);
            return path === "*" ? <Page key={key} path={path} default /> : <Page key={key} path={path} />;
          })}
        </Router>
      </ErrorBoundary>
    </main>
  );
}
