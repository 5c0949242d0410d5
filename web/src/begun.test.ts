import { expect, it } from "vitest";

import { doneOf } from "./begun";
import type { Listing } from "./stacks";

const me = { user: "me", backup_needed: true };
const stackOf = (user: string) => ({ stack: { user }, context: undefined }) as unknown as Listing;

it("tells which first steps are done", () => {
  expect(doneOf(undefined, [], [])).toBeUndefined();
  expect(doneOf(me, [stackOf("bob")], [{ members: 1 }])).toEqual({ pushed: false, shared: false, safe: false });
  expect(doneOf({ ...me, backup_needed: false }, [stackOf("me")], [{ members: 2 }])).toEqual({ pushed: true, shared: true, safe: true });
});
