import { short } from "../format";
import { Icon } from "./icon";
import { toast } from "./toasts";

/** An id by its first digits; pressed, all of it is copied. */
export function Id({ id, what }: { id: string; what: string }) {
  const copy = () => {
    navigator.clipboard.writeText(id).then(
      () => toast(`The id of the ${what} is copied`),
      () => toast("The browser did not allow to copy"),
    );
  };
  const shown = what === "node" ? `node ${short(id)}` : short(id);
  return (
    <button type="button" class="hash mono" title={id} aria-label={`${shown}: copy the id of the ${what}`} onClick={copy}>
      {shown} <Icon name="copy" size={13} />
    </button>
  );
}
