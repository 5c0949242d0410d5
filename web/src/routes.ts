// Which address shows which page.

import type { FunctionComponent } from "preact";

import type { Address } from "./addresses";
import { DashboardPage } from "./pages/dashboard";
import { Dashboards, NewDashboard } from "./pages/dashboards";
import { Home } from "./pages/home";
import { NotFound } from "./pages/not-found";
import { Peers } from "./pages/peers";
import { StackPage } from "./pages/stack";
import { Stacks } from "./pages/stacks";

/** The page of each address; pages read what they need of it themselves. */
export const PAGE_AT: Record<Address, FunctionComponent<{ path: string; default?: boolean }>> = {
  "/": Home,
  "/stacks": Stacks,
  "/s/:rest+": StackPage,
  "/dashboards": Dashboards,
  "/dashboards/new": NewDashboard,
  "/d/:id": DashboardPage,
  "/peers": Peers,
  "*": NotFound,
};
