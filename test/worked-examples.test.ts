/**
 * The worked examples of CONTRIBUTING.md: a router, a metric provider, a verb, a judge and a phase each touch one
 * folder and one row. For each family this test takes a member, and finds every file of the product that names it. A
 * file that is not on the list means that shared code names an adapter: mend the code, or say in CONTRIBUTING.md what
 * else a new member touches.
 */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { INTENTS } from "../src/core/intents/table.ts";
import { JUDGES } from "../src/core/judges/table.ts";
import { VERBS } from "../src/core/people/steering.ts";
import { PHASES } from "../src/core/phases/table.ts";
import { HOOK_TYPES } from "../src/core/spec/spec.ts";
import { alertProviderCrd, canaryCrd, crds, metricTemplateCrd } from "../src/crd/index.ts";
import { PROVIDER_NAMES } from "../src/metrics/table.ts";
import { NOTIFIERS } from "../src/notifiers/table.ts";
import { PROJECT_ROOT } from "../src/project-root.ts";
import { ROUTERS } from "../src/routers/table.ts";

/** Folders whose code may know single members: they imitate, judge or show rollouts, and do not run them. */
const APART = /^src\/(simulate|testing)\//;

const SOURCES = readdirSync(join(PROJECT_ROOT, "src"), { recursive: true, encoding: "utf8" })
  .map((name) => `src/${name.replaceAll("\\", "/")}`)
  .filter((path) => path.endsWith(".ts") && !path.endsWith(".test.ts") && !APART.test(path))
  .map((path) => ({ path, text: readFileSync(join(PROJECT_ROOT, path), "utf8") }));

const naming = (name: RegExp) => SOURCES.filter(({ text }) => name.test(text)).map(({ path }) => path);

const enums = (value: unknown): string[] => {
  const found: string[] = [];
  JSON.stringify(value, (key, inner) => {
    if (key === "enum") found.push(JSON.stringify(inner));
    return inner;
  });
  return found;
};

describe("the worked examples of CONTRIBUTING.md", () => {
  it("a router is a folder and a row; built-in checks and kinds of its own are rows of more tables", () => {
    expect(naming(/\bapisix\b/i).sort()).toEqual([
      "src/core/texts/cures.ts", // the field that names its kind
      "src/crd/canary.ts", // the kind of its routeRef
      "src/metrics/observers.ts", // its built-in checks
      "src/routers/apisix/router.ts",
      "src/routers/apisix/specimens.ts",
      "src/routers/corpus.ts", // its cases beside the real Flagger
      "src/routers/specimens.ts", // the specimens of all routers, for the tests of several modules
      "src/routers/table.ts",
    ]);
    expect(enums(canaryCrd())).toContain(JSON.stringify(Object.keys(ROUTERS)));
  });

  it("a metric provider is a folder and a row", () => {
    expect(naming(/\bgraphite\b/i).sort()).toEqual(["src/metrics/graphite/graphite.ts", "src/metrics/table.ts"]);
    expect(enums(metricTemplateCrd())).toContain(JSON.stringify(PROVIDER_NAMES));
    expect(enums(alertProviderCrd())).toContain(JSON.stringify(Object.keys(NOTIFIERS)));
  });

  it("a verb is a word, a file and a row of the core; its command is a row, its preview a case", () => {
    expect(naming(/"set-weight"|\/set-weight\.ts/).sort()).toEqual([
      "src/cli/commands/verbs.ts",
      "src/cli/steer/action.ts", // it names a step, so it is bound to the step that the person saw
      "src/cli/steer/preview.ts",
      "src/cli/table.ts",
      "src/console/views.ts", // it takes a number, so it is no plain button
      "src/core/intents/table.ts",
      "src/core/people/steering.ts",
    ]);
    expect(Object.keys(INTENTS)).toEqual([...VERBS]);
    expect(crds().flatMap(enums)).toContain(JSON.stringify(VERBS));
  });

  it("a judge is a file and a row", () => {
    expect(naming(/\bthresholds\b/).filter((path) => !path.startsWith("src/core/judges/"))).toEqual([
      "src/core/spec/spec.ts", // the comment on the default
    ]);
    expect(enums(canaryCrd())).toContain(JSON.stringify(Object.keys(JUDGES)));
  });

  it("a phase is its shape, a file and a row; verbs list the phases that they act in", () => {
    const core = naming(/"Waiting"/).filter((path) => path.startsWith("src/core/"));
    expect(core.filter((path) => !/^src\/core\/(phases|intents)\//.test(path))).toEqual([
      "src/core/run/run.ts", // a run can be held before it starts
    ]);
    expect(enums(canaryCrd())).toContain(JSON.stringify(PHASES));
  });

  it.each([
    ["docs/guides/providers.md", Object.keys(ROUTERS)],
    ["docs/guides/metrics.md", [...PROVIDER_NAMES, ...Object.keys(JUDGES)]],
    ["docs/glossary.md", PHASES.filter((phase) => phase !== "")],
  ])("%s names every member of its family", (page, members) => {
    const text = readFileSync(join(PROJECT_ROOT, page), "utf8");
    expect(members.filter((name) => !text.includes(`\`${name}\``))).toEqual([]);
  });

  it("docs/guides/operate.md names the command of every verb", () => {
    const text = readFileSync(join(PROJECT_ROOT, "docs/guides/operate.md"), "utf8");
    const commandOf = (verb: string) => (verb === "promote-full" ? "--full" : `aviary ${verb} `);
    expect(VERBS.filter((verb) => !text.includes(commandOf(verb)))).toEqual([]);
  });

  it("the types of webhooks are one list, too", () => {
    expect(enums(canaryCrd())).toContain(JSON.stringify(["", ...HOOK_TYPES]));
  });
});
