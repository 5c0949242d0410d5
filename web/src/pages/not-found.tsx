import { Empty } from "../parts/states";
import { useTitle } from "../title";

/** What an address shows that leads nowhere. */
export function NotFound() {
  useTitle("Not found");
  return (
    <div class="page">
      <Empty page icon="alert" title="There is no such page">
        <p>The address may be mistyped, or of another version of dsp.</p>
        <a class="button" href="/">
          Go home
        </a>
      </Empty>
    </div>
  );
}
