// Which address shows which page.

import type { FunctionComponent } from "preact";

import { type Address, PAGES } from "./addresses";
import { addressOf } from "./names";
import { Home } from "./pages/home";
import { NotFound } from "./pages/not-found";
import { Coming } from "./parts/coming";
import { type Later, later } from "./parts/later";

/** A page. */
type Page = FunctionComponent<{ path: string; default?: boolean }>;

/** A page whose code is loaded when one goes there: not all begin with it. */
const page = (load: () => Promise<Page>, wide = false): Later<{ path: string; default?: boolean }> =>
  later(load, (failed) => <Coming wide={wide} failed={failed} />);

const ContextPage = page(async () => (await import("./pages/context")).ContextPage);
const DashboardPage = page(async () => (await import("./pages/dashboard")).DashboardPage, true);
const Dashboards = page(async () => (await import("./pages/dashboards")).Dashboards);
const InvitePage = page(async () => (await import("./pages/invite")).InvitePage);
const Join = page(async () => (await import("./pages/join")).Join);
const NewDashboard = page(async () => (await import("./pages/dashboards")).NewDashboard);
const Notifications = page(async () => (await import("./pages/notifications")).Notifications);
const PeerPage = page(async () => (await import("./pages/peer")).PeerPage);
const Peers = page(async () => (await import("./pages/peers")).Peers);
const Search = page(async () => (await import("./pages/search")).Search);
const Settings = page(async () => (await import("./pages/settings")).Settings);
const StackPage = page(async () => (await import("./pages/stack")).StackPage);
const Stacks = page(async () => (await import("./pages/stacks")).Stacks);
const Transfers = page(async () => (await import("./pages/transfers")).Transfers);
const WholeActivity = page(async () => (await import("./pages/activity")).WholeActivity);
const Welcome = page(async () => (await import("./pages/welcome")).Welcome);

/** The page of each address; pages read what they need of it themselves. */
export const PAGE_AT: Record<Address, Page> = {
  "/": Home,
  "/activity": WholeActivity,
  "/welcome": Welcome,
  "/search": Search,
  "/stacks": Stacks,
  "/s/:rest+": StackPage,
  "/dashboards": Dashboards,
  "/dashboards/new": NewDashboard,
  "/d/:id": DashboardPage,
  "/d/:id/edit": DashboardPage,
  "/d/:id/history": DashboardPage,
  "/d/:id/print": DashboardPage,
  "/peers": Peers,
  "/peers/invite": InvitePage,
  "/peers/:user": PeerPage,
  "/join": Join,
  "/c/:context": ContextPage,
  "/transfers": Transfers,
  "/notifications": Notifications,
  "/settings": Settings,
  "/settings/:section": Settings,
  "*": NotFound,
};

/** Asks for the code of the page at an address, so that going there shows it at once. */
export function preload(path: string): void {
  // What does not come now is asked for again when one goes there.
  preloaded(PAGE_AT[addressOf(path)]).catch(() => undefined);
}

/** Asks for the code of links that a pointer or the focus comes to, and of all pages once nothing else is to do. */
export function preloadAhead(): void {
  const near = ({ target }: Event) => {
    const link = target instanceof Element ? target.closest<HTMLAnchorElement>("a[href]") : null;
    if (link !== null && link.origin === location.origin) preload(link.pathname);
  };
  document.addEventListener("pointerover", near, { passive: true });
  document.addEventListener("focusin", near);
  idle(async () => {
    // One after the other: what one does meanwhile comes first.
    for (const address of PAGES) await preloaded(PAGE_AT[address]).catch(() => undefined);
  });
}

async function preloaded(page: Page): Promise<void> {
  if ("preload" in page) await (page as Later<object>).preload();
}

/** Does something when the page was painted and nothing else is to do. */
function idle(doing: () => void): void {
  requestAnimationFrame(() => {
    if ("requestIdleCallback" in globalThis) requestIdleCallback(doing, { timeout: 5000 });
    else setTimeout(doing, 500);
  });
}
