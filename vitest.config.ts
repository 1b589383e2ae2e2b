import { configDefaults, defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "sandbox/**/*.test.ts", "test/**/*.test.ts"],
    // Needs the real Flagger, whose program is not ours to ship: `npm run beside-flagger`.
    exclude: [
      ...configDefaults.exclude,
      ...(process.env["FLAGGER"] ? [] : ["test/e2e/operator/beside-flagger.test.ts"]),
    ],
    pool: "forks",
    maxWorkers: 2,
    // End-to-end stories share two cores with whatever else runs there; what fails there is told, and tried again twice.
    retry: process.env["CI"] === "true" ? 2 : 0,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
