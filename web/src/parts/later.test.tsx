import { type FunctionComponent, render } from "preact";
import { act } from "preact/test-utils";
import { expect, it, vi } from "vitest";

import { later } from "./later";

/** A component that comes when one says so. */
function held() {
  let come: (component: FunctionComponent) => void = () => undefined;
  let fail: () => void = () => undefined;
  let asked = 0;
  const Later = later(() => {
    asked += 1;
    return new Promise<FunctionComponent>((resolve, reject) => {
      come = resolve;
      fail = () => reject(new Error("gone"));
    });
  }, (failed) => failed ?? <h1>it comes</h1>);
  return { Later, come: () => come(() => <p>here</p>), fail: () => fail(), asked: () => asked };
}

async function drawn(Drawn: FunctionComponent): Promise<HTMLElement> {
  const root = document.createElement("div");
  await act(() => render(<Drawn />, root));
  return root;
}

it("shows what waits, and then what came", async () => {
  const { Later, come } = held();
  const root = await drawn(Later);
  expect(root.innerHTML).toBe("<h1>it comes</h1>");
  come();
  await vi.waitFor(() => expect(root.innerHTML).toBe("<p>here</p>"));
});

it("is there at once where it was asked for before", async () => {
  const { Later, come, asked } = held();
  const asking = Promise.all([Later.preload(), Later.preload()]);
  come();
  await asking;
  expect((await drawn(Later)).innerHTML).toBe("<p>here</p>");
  expect(asked()).toBe(1);
});

it("is there though its code came between the drawing and what follows it", async () => {
  const { Later, come } = held();
  const root = document.createElement("div");
  const asking = Later.preload();
  render(<Later />, root);
  come();
  await asking;
  await vi.waitFor(() => expect(root.innerHTML).toBe("<p>here</p>"));
});

it("says that it does not come, and asks again when it is shown again", async () => {
  const { Later, fail, come, asked } = held();
  const root = await drawn(Later);
  fail();
  await vi.waitFor(() => expect(root.querySelector("[role=alert]")?.textContent).toContain("did not come"));
  const other = await drawn(Later);
  come();
  await vi.waitFor(() => expect(other.innerHTML).toBe("<p>here</p>"));
  expect(asked()).toBe(2);
});
