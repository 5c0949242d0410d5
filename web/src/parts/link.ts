import { toast } from "./toasts";

/** Copies a link to an address of this daemon; a teammate's machine has the same paths. */
export function copyAddress(address: string): void {
  navigator.clipboard.writeText(new URL(address, location.href).href).then(
    () => toast("The link is copied: it shows the same on a teammate's machine."),
    () => toast("The browser does not let the link be copied; it stands in the address bar."),
  );
}
