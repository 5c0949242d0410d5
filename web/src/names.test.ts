import { describe, expect, it } from "vitest";

import { PAGES } from "./addresses";
import { addressOf, nameOf } from "./names";

describe("an address", () => {
  it("means the page that the router would show", () => {
    expect(addressOf("/")).toBe("/");
    expect(addressOf("/peers/invite")).toBe("/peers/invite");
    expect(addressOf("/peers/0123")).toBe("/peers/:user");
    expect(addressOf("/s/me/main/sales/weekly@head")).toBe("/s/:rest+");
    expect(addressOf("/s")).toBe("*");
    expect(addressOf("/d/01ab/edit")).toBe("/d/:id/edit");
    expect(addressOf("/d/01ab/other")).toBe("*");
    expect(addressOf("/settings/about/")).toBe("/settings/:section");
    for (const page of PAGES) if (!page.includes(":") && page !== "*") expect(addressOf(page)).toBe(page);
  });

  it("tells what its page is called", () => {
    expect(nameOf("/settings/storage")).toBe("Settings");
    expect(nameOf("/s/0123/main/sales/weekly%20sums@v1")).toBe("sales/weekly sums");
    expect(nameOf("/s/0123/main/sales/diff/01ab..02cd")).toBe("sales");
    expect(nameOf("/s/broken")).toBe("Stack");
    expect(nameOf("/alice/sales")).toBe("sales");
    expect(nameOf("/alice/d/0123ab")).toBe("Dashboard");
    expect(nameOf("/?")).toBe("Not found");
    for (const page of PAGES) expect(nameOf(page)).not.toBe("");
  });
});
