/** What the documentation promises, compared with the code: providers, links, marks of command blocks. */
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join } from "node:path";
import { describe, expect, it } from "vitest";
import { parse } from "yaml";
import { type Capabilities, planFor } from "../src/core/plan/plan.ts";
import { observerFor, observerKey } from "../src/metrics/observers.ts";
import type { KubeFields } from "../src/ports/kubernetes.ts";
import { PROJECT_ROOT as ROOT } from "../src/project-root.ts";
import { createRouters } from "../src/routers/table.ts";
import { aCanary, aSpec } from "../src/testing/canary.ts";
import { commandBlocks } from "./docs-blocks.ts";
import { WAYS } from "./real-meshes/ways.ts";

const pages = (dir: string): string[] =>
  readdirSync(join(ROOT, dir), { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return pages(path);
    return entry.name.endsWith(".md") ? [path] : [];
  });
const PAGES = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", ...pages("docs")];
const textOf = (path: string): string => readFileSync(join(ROOT, path), "utf8");

const tutorialCanaries = (): readonly KubeFields[] =>
  pages("docs/tutorials")
    .flatMap((path) => [...textOf(path).matchAll(/```yaml\n([\s\S]*?)```/g)])
    .map(([, yaml = ""]) => parse(yaml))
    .filter(({ kind }) => kind === "Canary");

describe("the documentation", () => {
  it("numbers each decision once, in its name and in its title", () => {
    const names = readdirSync(join(ROOT, "docs/adr")).filter((name) => /^\d{4}-/.test(name));
    const numbers = names.map((name) => name.slice(0, 4));
    expect(numbers).toEqual(numbers.map((_, i) => String(i + 1).padStart(4, "0")));
    for (const name of names) expect(textOf(`docs/adr/${name}`)).toMatch(new RegExp(`^# ${name.slice(0, 4)}\\b`));
  });

  it("has a row for each provider, with what its router can do", () => {
    const routers = [...createRouters({ setOwnerRefs: true })];
    const sign = (can: boolean) => (can ? "yes" : "-");
    const rows = routers.map(([name, { capabilities }]) => {
      const { weights, headerMatch, mirror, sessionAffinity } = capabilities;
      const cells = [weights, headerMatch].map(sign);
      const more = [mirror, sessionAffinity].map(sign);
      return `| \`${name}\` | ${[...cells, blueGreenOf(capabilities), ...more, measuredBy(name)].join(" | ")} |`;
    });
    const found = textOf("docs/guides/providers.md").split("\n");
    const table = found.slice(found.findIndex((line) => line.startsWith("| `provider` |")));
    expect(table.slice(0, table.indexOf(""))).toEqual([
      "| `provider` | weights | A/B testing | blue/green | mirroring | session affinity | built-in checks read |",
      "|---|---|---|---|---|---|---|",
      ...rows,
    ]);
    const readme = textOf("README.md");
    expect(readme).toContain(`All ${rows.length} providers`);
    // The table of real programs names every provider that releases are tried with on them.
    const tried = new Set(WAYS.map(({ provider }) => provider));
    const real = readme.slice(readme.indexOf("| real programs |"), readme.indexOf("No program of"));
    for (const provider of tried) expect(real).toContain(`\`${provider}\``);
  });

  it("has a tutorial that names each provider, with a Canary that its router takes", () => {
    const routers = createRouters({ setOwnerRefs: true });
    const texts = pages("docs/tutorials").map(textOf);
    for (const name of routers.keys())
      expect(
        texts.some((text) => text.includes(`\`${name}\``) || text.includes(`provider: ${name}\n`)),
        name,
      ).toBe(true);
    const found = tutorialCanaries().filter(({ spec }) => spec.provider !== undefined);
    expect(found.length).toBeGreaterThanOrEqual(14);
    for (const { spec } of found) {
      const { service, analysis, ...rest } = spec;
      expect(
        routers.get(spec.provider)?.problem(aCanary({ service, analysis, spec: rest })),
        spec.provider,
      ).toBeUndefined();
    }
  });

  it("makes load in its tutorials before the first step: the first check of a good release would fail without", () => {
    const loads = tutorialCanaries().flatMap(({ spec }) =>
      (spec.analysis.webhooks ?? []).filter(({ metadata }: KubeFields) => metadata?.cmd?.startsWith("hey ")),
    );
    expect(loads.length).toBeGreaterThanOrEqual(14);
    expect(new Set(loads.map(({ type }) => type))).toEqual(new Set(["pre-rollout"]));
  });

  it.each(PAGES)("%s: its links lead somewhere", (page) => {
    const targets = [...textOf(page).matchAll(/\]\(([^)\s]+)\)/g)].map(([, target = ""]) => target);
    const broken = targets.filter((target) => {
      if (/^[a-z]+:/.test(target)) return false;
      const [path = "", anchor] = target.split("#");
      const file = path === "" ? page : join(dirname(page), path);
      if (!existsSync(join(ROOT, file))) return true;
      if (anchor === undefined || statSync(join(ROOT, file)).isDirectory()) return false;
      return !anchorsOf(textOf(file)).includes(anchor);
    });
    expect(broken).toEqual([]);
  });

  it("every page of docs/, or its folder, is in the index", () => {
    const index = textOf("docs/README.md");
    const missing = pages("docs").filter((page) => {
      const path = page.replace("docs/", "");
      return path !== "README.md" && !path.startsWith("adr/") && !index.includes(`(${path})`);
    });
    expect(missing).toEqual([]);
  });

  it("kubectl applies and deletes a folder with a kustomization.yaml by -k, because -f does not accept that file", () => {
    const wrong = PAGES.flatMap((page) =>
      [...textOf(page).matchAll(/kubectl (?:apply|delete)[^\n`]* -f ([\w./-]+)/g)]
        .map(([, folder = ""]) => folder)
        .filter((folder) => existsSync(join(ROOT, folder, "kustomization.yaml")))
        .map((folder) => `${page}: ${folder}`),
    );
    expect(wrong).toEqual([]);
  });

  it("aviary describe is given KIND/NAME, which is all that it takes", () => {
    const given = PAGES.flatMap((page) =>
      commandBlocks(textOf(page)).flatMap(({ commands }) =>
        [...commands.matchAll(/^aviary describe (\S+)/gm)].map(([, word = ""]) => word),
      ),
    );
    expect(given.length).toBeGreaterThan(5);
    expect(given.filter((word) => !/^[a-z.]+\/\S+$/.test(word))).toEqual([]);
  });

  it("a command block says what it needs or which test runs it, or this test runs it", () => {
    const marks = PAGES.flatMap((page) => commandBlocks(textOf(page)).map(({ mark }) => mark));
    expect(marks.length).toBeGreaterThan(10);
    for (const mark of marks) expect(mark ?? "run").toMatch(/^(run$|needs: |run by: |page: example$)/);
  });
});

/** What blue/green means with the provider, read from the plan of such a release. */
function blueGreenOf(capabilities: Capabilities): string {
  const { strategy, steps, promotionGates } = planFor(aSpec({ analysis: { iterations: 2 } }), capabilities);
  expect(strategy).toBe("blue-green");
  // What the page says of every provider: tests are counted, and the promotion has a gate.
  expect(steps.slice(0, 2).map(({ iterations }) => iterations)).toEqual([1, 2]);
  expect(promotionGates).toEqual(["confirm-promotion"]);
  return steps.some(({ routes }) => routes.canary === 100) ? "tests, switch" : "tests";
}

/** The series that the built-in checks count the canary's requests by. */
function measuredBy(ownProvider: string): string {
  const key = observerKey({ meshProvider: "kubernetes", ownProvider, targetIsService: false });
  const series = /\b[a-z_]+(?=\{)/.exec(observerFor(key).requests)?.[0];
  return `\`${series}\``;
}

function anchorsOf(text: string): string[] {
  return [...text.matchAll(/^#+ (.*)$/gm)].map(([, title = ""]) =>
    title
      .toLowerCase()
      .replaceAll(/[^\p{L}\p{N} _-]/gu, "")
      .replaceAll(" ", "-"),
  );
}
