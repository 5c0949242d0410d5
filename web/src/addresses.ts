/** Where pages are, in the form that the router takes; the last one stands for the rest. */
export const PAGES = [
  "/",
  "/activity",
  "/welcome",
  "/search",
  "/stacks",
  "/s/:rest+",
  "/dashboards",
  "/dashboards/new",
  "/d/:id",
  "/d/:id/edit",
  "/d/:id/history",
  "/d/:id/print",
  "/c/:context",
  "/peers",
  "/peers/invite",
  "/peers/:user",
  "/join",
  "/transfers",
  "/notifications",
  "/settings",
  "/settings/:section",
  "*",
] as const;
/** One of them. */
export type Address = (typeof PAGES)[number];
