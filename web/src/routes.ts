// Which address shows which page.

import type { FunctionComponent } from "preact";
import { lazy } from "preact-iso";

import type { Address } from "./addresses";
import { Home } from "./pages/home";
import { NotFound } from "./pages/not-found";
import { StackPage } from "./pages/stack";
import { Stacks } from "./pages/stacks";

// Of those that few begin with, the code is loaded when one goes there.
const ContextPage = lazy(async () => (await import("./pages/context")).ContextPage);
const Join = lazy(async () => (await import("./pages/join")).Join);
const Notifications = lazy(async () => (await import("./pages/notifications")).Notifications);
const PeerPage = lazy(async () => (await import("./pages/peer")).PeerPage);
const Peers = lazy(async () => (await import("./pages/peers")).Peers);
const Settings = lazy(async () => (await import("./pages/settings")).Settings);
const Transfers = lazy(async () => (await import("./pages/transfers")).Transfers);

/** The page of each address; pages read what they need of it themselves. */
export const PAGE_AT: Record<Address, FunctionComponent<{ path: string; default?: boolean }>> = {
  "/": Home,
  "/stacks": Stacks,
  "/s/:rest+": StackPage,
  "/peers": Peers,
  "/peers/:user": PeerPage,
  "/join": Join,
  "/c/:context": ContextPage,
  "/transfers": Transfers,
  "/notifications": Notifications,
  "/settings": Settings,
  "/settings/:section": Settings,
  "*": NotFound,
};
