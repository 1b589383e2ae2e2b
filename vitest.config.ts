import { configDefaults, defineConfig } from "vitest/config";
import { LongestFirst } from "./test/longest-first.ts";

/** Tests that start servers, a sandbox, a bundler or thousands of rollouts: they belong to no quick answer. */
const SLOW_SOURCES = [
  "src/cli/input.test.ts",
  "src/core/{spec/parse-properties,stories/properties}.test.ts",
  "src/crd/crd.test.ts",
  "src/cli/{alert,steer/steer}.test.ts",
  "src/console/**/*.test.ts",
  "src/kube/{sandbox,weather}.test.ts",
  "src/loadtester/**/*.test.ts",
  "src/metrics/in-cluster.test.ts",
  "src/routers/beside-flagger.test.ts",
  "src/simulate/**/*.test.ts",
  "src/workloads/api-server.test.ts",
  "test/{bundle,release}.test.ts",
];

/** The real Flagger's program is not part of this repository: `npm run beside-flagger`. */
const NEEDS_FLAGGER = "test/e2e/{operator,console}/beside-flagger*.test.ts";

interface Project {
  readonly name: keyof typeof SHARES;
  readonly include: readonly string[];
  readonly exclude?: readonly string[];
  /** Its tests start the program as a process. */
  readonly starts?: boolean;
}

const MINUTES = 60_000;

/** A worker loads each module once for all its files: to load them again for each file took twice as long as the tests. */
const CALCULATING = { isolate: false, maxWorkers: 2, sequence: { groupOrder: 0 } };
/**
 * The other projects run side by side. An end-to-end test waits for two thirds of its time, for intervals, probes and
 * pods: meanwhile others calculate, the integration tests with a lower priority. test/longest-first.ts says in which
 * order the files begin.
 */
const TOGETHER = { maxWorkers: 5, sequence: { groupOrder: 1 } };
const MIXED = { ...TOGETHER, isolate: false, setupFiles: ["test/low-priority.ts"] };
/** With more than four stories in one sandbox, its answers would come so late that checks fail. */
const WAITING = { ...TOGETHER, maxConcurrency: 4 };

const SHARES = { unit: CALCULATING, integration: MIXED, "end-to-end": WAITING, "real-meshes": WAITING };

/** Whole clusters share two cores, perhaps with other programs. Tests wait for conditions, and only one that fails waits so long. */
const PATIENT = { testTimeout: 10 * MINUTES, hookTimeout: 10 * MINUTES };

const project = ({ name, include, exclude = [], starts = false }: Project) => ({
  extends: true as const,
  test: {
    name,
    ...SHARES[name],
    include: [...include],
    ...(starts ? { globalSetup: ["test/fresh-build.ts"] } : {}),
    ...(name === "unit" ? {} : PATIENT),
    exclude: [...configDefaults.exclude, ...(process.env["FLAGGER"] ? [] : [NEEDS_FLAGGER]), ...exclude],
  },
});

export default defineConfig({
  test: {
    projects: [
      // `npm test`: pure code and single servers. The answer comes in under a minute.
      project({ name: "unit", include: ["src/**/*.test.ts", "test/*.test.ts"], exclude: SLOW_SOURCES }),
      // `npm run test:integration`: the sandbox, API servers, charts, storms, random inputs.
      project({
        name: "integration",
        include: [
          ...SLOW_SOURCES,
          "sandbox/**/*.test.ts",
          "test/{api-servers,chaos,charts,fuzz,published,rights}/**/*.test.ts",
        ],
        starts: true,
      }),
      // `npm run test:e2e`: whole processes and users with traffic.
      project({ name: "end-to-end", include: ["test/e2e/**/*.test.ts"], starts: true }),
      // `npm run test:meshes`: releases on real proxies, where MESH_PROGRAMS names their programs; else a line says so.
      project({ name: "real-meshes", include: ["test/real-meshes/**/*.test.ts"], starts: true }),
    ],
    // Makes the Kubernetes types that the sandbox reads, unless they are there already.
    globalSetup: ["scripts/kubernetes-models.mjs"],
    // Fixes the seed of random inputs.
    setupFiles: ["test/seed.ts"],
    pool: "forks",
    // Files share a worker: what one replaces, the next one finds as it was.
    restoreMocks: true,
    unstubEnvs: true,
    unstubGlobals: true,
    sequence: { sequencer: LongestFirst },
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
});
