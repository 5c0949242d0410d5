import { useLocation } from "preact-iso";

import { useQuery } from "../live/query";
import { Icon } from "../parts/icon";
import { Empty, Known } from "../parts/states";
import { StackList } from "../parts/stack-list";
import { listStacks } from "../stacks";
import { useTitle } from "../title";

/** All stacks that are here, or those that one looks for. */
export function Stacks() {
  const { query } = useLocation();
  const part = query.q ?? "";
  useTitle(part === "" ? "Stacks" : `${part} · Stacks`);
  const stacks = useQuery(
    `stacks?${part}`,
    () => listStacks(part),
    ({ event }) => event.startsWith("stack.") || event === "frame.added" || event === "context.changed",
  );
  return (
    <div class="page">
      <header class="row">
        <h1>{part === "" ? "Stacks" : <>Stacks with “{part}”</>}</h1>
        {stacks.data && <span class="badge">{stacks.data.length.toLocaleString("en")}</span>}
        {part !== "" && (
          <a class="button bare" href="/stacks">
            Show all
          </a>
        )}
      </header>
      <Known query={stacks} lines={10}>
        {(listed) =>
          listed.length > 0 ? (
            <StackList listed={listed} />
          ) : part === "" ? (
            <Empty icon="stacks" title="No stacks yet">
              <p>
                A stack is a named artifact: a table, a plot, a model, any files. Push one from a notebook or the
                command line, or follow a context of somebody else, and it stands here at once.
              </p>
              <a class="button primary" href="/">
                How to begin
              </a>
            </Empty>
          ) : (
            <Empty icon="search" title={`No stack’s name holds “${part}”`}>
              <p>
                Messages, parameters, tags and columns of tables are searched by <code>dsp search</code>.
              </p>
            </Empty>
          )
        }
      </Known>
      <p class="visually-hidden" role="status">
        {stacks.data ? `${stacks.data.length} stacks` : ""}
      </p>
      {stacks.error && stacks.data && (
        <p class="meta">
          <Icon name="away" size={16} /> {stacks.error.message}
        </p>
      )}
    </div>
  );
}
