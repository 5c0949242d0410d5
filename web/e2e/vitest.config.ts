import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["*.test.ts"],
    environment: "node",
    // One browser and its daemons at a time: two would wait for each other's processors.
    fileParallelism: false,
    testTimeout: 60_000,
    // What a page does next may take as long as for people, on a machine that builds besides.
    expect: { poll: { timeout: 20_000 } },
    hookTimeout: 60_000,
  },
});
