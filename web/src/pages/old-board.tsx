// The addresses of dashboards as dstack wrote them, `/USER/d/ID`, lead to the dashboard's page.

import { useLocation } from "preact-iso";
import { useEffect } from "preact/hooks";

import { Bones } from "../parts/states";

/** Goes on to the page of the dashboard, with what the address chooses. */
export function OldBoard({ board }: { board: string }) {
  const { route } = useLocation();
  useEffect(() => route(`/d/${board}${location.search}`, true), [board]);
  return (
    <div class="page">
      <h1>Dashboard</h1>
      <Bones lines={8} />
    </div>
  );
}
