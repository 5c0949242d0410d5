// Tabs of a dashboard: its cards on several pages, under one bar.

import { useLocation } from "preact-iso";

import { plain } from "../format";
import { Icon } from "../parts/icon";
import type { Act } from "./acts";
import { withTab } from "./address";
import { Draft } from "./draft";
import type { Dashboard } from "./model";
import { freshTab, moved, renamed } from "./pages";

/** Most tabs that the daemon takes. */
const MOST = 50;

/** The tabs; nothing where all cards are on one page, unless somebody edits it. */
export function Tabs(props: { board: Dashboard; current: string | undefined; edits: boolean; perform: (act: Act) => void }) {
  const { board, current, edits, perform } = props;
  const { path, query, route } = useLocation();
  const { tabs } = board;
  if (tabs.length === 0 && !edits) return null;
  const to = (tab: string | undefined) => path + withTab(query, tab);
  const add = () => {
    const before = tabs.length === 0 ? [freshTab([])] : tabs;
    const tab = freshTab(before);
    perform({ act: "tabs", tabs: [...before, tab] });
    route(to(tab));
  };
  return (
    <div class="board-tabs">
      {tabs.length > 0 && (
        <nav class="tabs" aria-label="Tabs of the dashboard">
          {tabs.map((tab) => (
            <a key={tab} href={to(tab)} aria-current={tab === current ? "page" : undefined}>
              {plain(tab)}
            </a>
          ))}
        </nav>
      )}
      {edits && (
        <div class="row wrap" role="toolbar" aria-label="Tabs">
          {current !== undefined && (
            <>
              <button
                type="button"
                class="button bare icon"
                aria-label={`${plain(current)}: earlier`}
                disabled={current === tabs[0]}
                onClick={() => perform({ act: "tabs", tabs: moved(tabs, current, -1) })}
              >
                <Icon name="left" size={16} />
              </button>
              <Draft
                key={current}
                aria-label="Name of this tab"
                value={current}
                maxLength={100}
                save={(typed) => {
                  const act = renamed(board, current, typed);
                  if (act === undefined) return;
                  perform(act);
                  route(to(typed.trim()), true);
                }}
              />
              <button
                type="button"
                class="button bare icon"
                aria-label={`${plain(current)}: later`}
                disabled={current === tabs.at(-1)}
                onClick={() => perform({ act: "tabs", tabs: moved(tabs, current, 1) })}
              >
                <Icon name="right" size={16} />
              </button>
              <button
                type="button"
                class="button bare icon"
                aria-label={`Remove the tab ${plain(current)}; its cards stay`}
                title="Remove the tab; its cards go to the first one"
                onClick={() => {
                  const rest = tabs.filter((tab) => tab !== current);
                  perform({ act: "tabs", tabs: rest.length > 1 ? rest : [] });
                  route(to(undefined), true);
                }}
              >
                <Icon name="bin" size={16} />
              </button>
            </>
          )}
          <button type="button" class="button bare" disabled={tabs.length >= MOST} onClick={add}>
            <Icon name="plus" size={16} /> {tabs.length === 0 ? "Tabs" : "Tab"}
          </button>
        </div>
      )}
    </div>
  );
}
