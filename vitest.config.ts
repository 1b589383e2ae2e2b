import { configDefaults, defineConfig } from "vitest/config";

/** The sandbox is a house of its own: `vitest run --project sandbox`. */
const project = (name: string, include: readonly string[]) => ({
  extends: true as const,
  test: { name, include: [...include] },
});

export default defineConfig({
  test: {
    projects: [
      project("aviary", ["src/**/*.test.ts", "test/**/*.test.ts"]),
      project("sandbox", ["sandbox/**/*.test.ts"]),
    ],
    // Makes the Kubernetes types that the sandbox reads, unless they are there already.
    globalSetup: ["scripts/kubernetes-models.mjs"],
    // Needs the real Flagger, whose program is not ours to ship: `npm run beside-flagger`.
    exclude: [
      ...configDefaults.exclude,
      ...(process.env["FLAGGER"] ? [] : ["test/e2e/operator/beside-flagger*.test.ts"]),
    ],
    pool: "forks",
    maxWorkers: 2,
    // End-to-end stories share two cores with whatever else runs there; what fails there is told, and tried again twice.
    retry: process.env["CI"] === "true" ? 2 : 0,
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
