/** Where pages are, in the form that the router takes; the last one stands for the rest. */
export const PAGES = [
  "/",
  "/stacks",
  "/s/:rest+",
  "/c/:context",
  "/peers",
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
