// How pages are called before their code is here.

import { type Address, PAGES } from "./addresses";
import { readCompare, readOldBoard, readOldPath, readStackPath } from "./ref";

/** What stands above each page whatever it shows; of the others the address says more. */
const NAMES: Partial<Record<Address, string>> = {
  "/": "Home",
  "/activity": "Activity",
  "/welcome": "Welcome",
  "/search": "Search",
  "/stacks": "Stacks",
  "/dashboards": "Dashboards",
  "/dashboards/new": "New dashboard",
  "/d/:id": "Dashboard",
  "/d/:id/edit": "Dashboard",
  "/d/:id/history": "Dashboard",
  "/d/:id/print": "Dashboard",
  "/peers": "Peers",
  "/peers/invite": "Invite somebody",
  "/peers/:user": "Peer",
  "/join": "Follow",
  "/c/:context": "Context",
  "/transfers": "Transfers",
  "/notifications": "Notifications",
  "/settings": "Settings",
  "/settings/:section": "Settings",
};

/** Returns which page an address shows. */
export function addressOf(path: string): Address {
  const parts = path.split("/").filter((part) => part !== "");
  const fits = (address: Address) => {
    const wanted = address.split("/").filter((part) => part !== "");
    const rest = wanted.at(-1)?.endsWith("+") === true;
    if (rest ? parts.length < wanted.length : parts.length !== wanted.length) return false;
    return wanted.every((part, at) => part.startsWith(":") || part === parts[at]);
  };
  return PAGES.find((address) => address !== "*" && fits(address)) ?? "*";
}

/** Returns what a page is called, as far as its address tells. */
export function nameOf(path: string): string {
  const address = addressOf(path);
  const known = NAMES[address];
  if (address === "/s/:rest+") {
    const [rest] = readCompare(path.slice("/s/".length));
    return readStackPath(rest)?.name ?? "Stack";
  }
  if (known !== undefined) return known;
  const old = readOldPath(path);
  return old === undefined ? "Not found" : readOldBoard(old) === undefined ? old.stack : "Dashboard";
}
