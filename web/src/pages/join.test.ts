import { expect, it } from "vitest";

import { ticketOf } from "./join";

it.each([
  ["dsp1abc", "dsp1abc"],
  ["  dsp1abc\n", "dsp1abc"],
  ["http://127.0.0.1:7700/join#dsp1abc", "dsp1abc"],
  ["dsp follow dsp1abc --policy all", "dsp1abc"],
  ["$ dsp follow dsp1abc", "dsp1abc"],
  ["alice/plans", "alice/plans"],
  ["", ""],
])("finds the ticket in %j", (pasted, ticket) => {
  expect(ticketOf(pasted)).toBe(ticket);
});
