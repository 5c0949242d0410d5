import { defineConfig } from "vitest/config";

// What `cargo xtask bench` runs: it measures, and fails only where something does not work.
export default defineConfig({
  test: {
    root: import.meta.dirname,
    include: ["*.bench.ts"],
    environment: "node",
    fileParallelism: false,
    testTimeout: 600_000,
    hookTimeout: 600_000,
  },
});
