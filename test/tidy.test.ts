/** Style as a test: what STYLE.md says about sizes and imports, checked over the source tree. */
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative } from "node:path";
import { describe, expect, it } from "vitest";

import { PROJECT_ROOT as ROOT } from "../src/project-root.ts";

const MAX_LINES = { source: 400, test: 700 };
const MAX_COLUMNS = 120;
/** By so much a line of source with a literal may be longer. */
const LITERAL_EXCESS = 20;

const ADAPTER = ["core", "go", "ports", "async", "net", "json"];
const SHELL = [...ADAPTER, "routers", "services", "workloads", "metrics", "notifiers", "gates", "kube", "recorders"];

/** Who may import whom, by the folder below src/. A module may always import itself. Every module has a row. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  go: [],
  json: [],
  core: ["go"],
  crd: [...ADAPTER, "routers", "metrics", "notifiers"],
  ports: ["core"],
  async: ["ports"],
  net: ["ports", "async"],
  time: ["ports", "async"],
  routers: ADAPTER,
  services: [...ADAPTER, "routers"],
  workloads: ADAPTER,
  metrics: ADAPTER,
  notifiers: ADAPTER,
  gates: ADAPTER,
  kube: ADAPTER,
  recorders: ADAPTER,
  loadtester: ["core", "go", "ports", "async", "net"],
  testing: ["core", "go", "ports", "async", "json", "services", "routers", "workloads", "operator"],
  operator: SHELL,
  simulate: [...ADAPTER, "routers", "services", "workloads", "operator", "recorders"],
  console: [...ADAPTER, "cli", "metrics"],
  cli: [...SHELL, "console", "crd", "loadtester", "operator", "simulate", "time"],
};

/** Beside src/: what of it the sandbox and the pages of the console may import, and who may import them. */
const BESIDE_SRC = {
  sandbox: { mayImport: /^src\/(ports|async|json|go)\/|^src\/project-root\.ts$/, importedBy: /^src\/cli\// },
  console: { mayImport: /^src\/console\/types\.ts$/, importedBy: /^$/ },
} as const;

/** Modules without raw JSON of Kubernetes: adapters name the fields that they read. */
const TYPED = /^src\/(workloads|services|routers\/(?!corpus\.ts))/;

/** Folders of a family that its members share. */
const SHARED = ["src/workloads/config-tracking/", "src/workloads/copied/"];

/** Adapters that are families: the folders inside them must not import each other (only files at the family's top). */
const FAMILIES = ["routers", "workloads", "metrics", "notifiers"];

/**
 * Names of adapters. Shared modules must not contain them: what an adapter knows is in the adapter's own row, and
 * shared code asks the row. `kubernetes`, `prometheus` and `generic` are words of the field, too: as a provider, the
 * first is found by its quotes.
 */
const ADAPTER_NAMES = [
  ...["routers", "metrics", "notifiers"].flatMap(membersOf),
  ...["app mesh", "linkerd", "osm", "keda"],
].filter((name) => !["kubernetes", "prometheus", "generic", "template"].includes(name));
const NAMES_ADAPTER = new RegExp(`(?<![a-z])(?:${ADAPTER_NAMES.join("|")})|["']kubernetes["']`, "i");

/** Modules that hold adapters, or imitate what adapters talk to. */
const ADAPTER_MODULES = /^src\/(routers|workloads|metrics|notifiers|services|testing|simulate\/(?!invariants\/))/;

/** Files of shared modules that name adapters, and why each of them may. */
const MAY_NAME: readonly (readonly [files: RegExp, because: string])[] = [
  [/^src\/crd\//, "the fields, kinds and descriptions of Flagger's CRDs"],
  [/^src\/ports\/kubernetes\.ts$/, "kinds that more than one module works with"],
  [
    /^src\/core\/texts\/cures\.ts$/,
    "a table of the resources in the API server's messages, and the fields that name them",
  ],
  [/^src\/core\/spec\/cross-namespace-refs\.ts$/, "a text of Flagger's: gloo upstream"],
  [/^src\/operator\/cluster\/write-error-text\.ts$/, "texts of Flagger's, by kind"],
  [/^src\/operator\/process\/(flags|outgoing)\.ts$/, "Flagger's flags for Slack, Teams, NGINX and Contour"],
  [/^src\/operator\/notify\/alerting\.ts$/, "the receiver that these flags name"],
  [/^src\/operator\/process\/clusters\.ts$/, "API groups that are in the cluster of the Canaries, not of the mesh"],
  [/^src\/cli\/kinds\.ts$/, "the short names of kubectl"],
  [/^src\/cli\/(commands\/convert|convert\/.*|table)\.ts$/, "`aviary convert nginx` is about two providers"],
  [/^src\/cli\/(commands\/(demo|sandbox)|demo\/.*)\.ts$/, "the meshes of the sandbox"],
  [/^src\/cli\/commands\/delete\.ts$/, "what a mesh leaves in every namespace, and people do not make"],
  [/^src\/simulate\/invariants\/objects\.ts$/, "the fields that people own, by kind"],
];

function membersOf(family: string): string[] {
  const folders = readdirSync(join(ROOT, "src", family), { withFileTypes: true }).filter((one) => one.isDirectory());
  return folders.map(({ name }) => name).filter((name) => name !== "golden");
}

function files(dir: string): string[] {
  return readdirSync(join(ROOT, dir), { withFileTypes: true }).flatMap((entry) => {
    const path = join(dir, entry.name);
    if (entry.isDirectory()) return entry.name === "golden" ? [] : files(path);
    return /\.tsx?$/.test(entry.name) ? [path] : [];
  });
}

const textOf = (path: string): string => readFileSync(join(ROOT, path), "utf8");

const ALL = ["src", "sandbox", "console", "test", "bench"].flatMap(files);
const SOURCES = ALL.map((path) => ({ path, text: textOf(path) }));

function importsOf(source: { path: string; text: string }): string[] {
  const found = [...source.text.matchAll(/(?:from|import\()\s*"(\.[^"]+)"/g)].map((match) => match[1] ?? "");
  return found.map((spec) => relative(ROOT, join(ROOT, source.path, "..", spec)));
}

/** A command is loaded when it runs (`import(`): such an import ties nothing at the start. */
function staticImportsOf({ path, text }: { path: string; text: string }): string[] {
  const found = [...text.matchAll(/(?:from|import) "(\.[^"]+)"/g)].map((match) => match[1] ?? "");
  return found.map((spec) => relative(ROOT, join(ROOT, path, "..", spec)));
}

/** @returns the files of one circle in order; empty when there is none */
function circleIn(edges: ReadonlyMap<string, readonly string[]>): readonly string[] {
  const done = new Set<string>();
  const trail: string[] = [];
  const visit = (path: string): readonly string[] => {
    if (done.has(path)) return [];
    if (trail.includes(path)) return [...trail.slice(trail.indexOf(path)), path];
    trail.push(path);
    for (const target of edges.get(path) ?? []) {
      const circle = visit(target);
      if (circle.length > 0) return circle;
    }
    trail.pop();
    done.add(path);
    return [];
  };
  for (const path of edges.keys()) {
    const circle = visit(path);
    if (circle.length > 0) return circle;
  }
  return [];
}

const isTest = (path: string) => path.endsWith(".test.ts") || path.startsWith("test/");

const isComment = (line: string) => /^\s*(?:\/\/|\/?\*)/.test(line);
/** A literal that the formatter cannot break. */
const hasLiteral = (line: string) => /["'`/]/.test(line);

/** The formatter breaks all code but literals. Tests show what was printed, however long it is. */
function isTooLong(line: string, path: string): boolean {
  if (line.length <= MAX_COLUMNS) return false;
  if (isComment(line)) return true;
  return !isTest(path) && (!hasLiteral(line) || line.length > MAX_COLUMNS + LITERAL_EXCESS);
}

describe("the source tree is tidy", () => {
  it("has something to check", () => {
    expect(SOURCES.length).toBeGreaterThan(5);
  });

  it("keeps files short", () => {
    const long = SOURCES.filter(
      ({ path, text }) => text.split("\n").length > (isTest(path) ? MAX_LINES.test : MAX_LINES.source),
    );
    expect(long.map(({ path, text }) => `${path}: ${text.split("\n").length} lines`)).toEqual([]);
  });

  it("keeps lines short", () => {
    const long = SOURCES.flatMap(({ path, text }) =>
      text.split("\n").flatMap((line, i) => (isTooLong(line, path) ? [`${path}:${i + 1}`] : [])),
    );
    expect(long).toEqual([]);
  });

  it("finds files by fileURLToPath: a URL's pathname is no path once a folder has a space in its name", () => {
    const scripts = readdirSync(join(ROOT, "scripts"), { recursive: true, encoding: "utf8" })
      .filter((name) => name.endsWith(".mjs"))
      .map((name) => `scripts/${name}`);
    const all = [...SOURCES, ...[...scripts, "bin/aviary"].map((path) => ({ path, text: textOf(path) }))];
    const broken = all.filter(({ text }) =>
      /import\.meta\.url\s*\)\s*\.pathname|new URL\([^)]*import\.meta[^)]*\)\.pathname/.test(text),
    );
    expect(broken.map(({ path }) => path)).toEqual([]);
  });

  it("lets no module import what it may not", () => {
    // A file at the top of src/ puts the modules together, or belongs to all of them.
    const broken = SOURCES.filter(({ path }) => path.split("/").length > 2 && !isTest(path)).flatMap((source) => {
      const [tree, module = ""] = source.path.split("/");
      if (tree !== "src") return [];
      return importsOf(source)
        .filter((target) => target.startsWith("src/") && target.split("/").length > 2)
        .filter((target) => {
          const other = target.split("/")[1] ?? "";
          return other !== module && !MAY_IMPORT[module]?.includes(other);
        })
        .map((target) => `${source.path} imports ${target}`);
    });
    expect(broken).toEqual([]);
  });

  it("has no circle of imports, types included: each file stands above what it names", () => {
    const edges = new Map(SOURCES.map((source) => [source.path, staticImportsOf(source)]));
    expect(circleIn(edges)).toEqual([]);
  });

  it("says of every module what it may import, and of no module that is gone", () => {
    const modules = readdirSync(join(ROOT, "src"), { withFileTypes: true }).filter((entry) => entry.isDirectory());
    expect(Object.keys(MAY_IMPORT).sort()).toEqual(modules.map(({ name }) => name).sort());
  });

  it.each(Object.entries(BESIDE_SRC))("keeps %s apart from src", (tree, { mayImport, importedBy }) => {
    const broken = SOURCES.filter(({ path }) => !isTest(path)).flatMap((source) => {
      const isInside = source.path.startsWith(`${tree}/`);
      return importsOf(source)
        .filter((target) =>
          isInside
            ? !target.startsWith(`${tree}/`) && !mayImport.test(target)
            : source.path.startsWith("src/") && target.startsWith(`${tree}/`) && !importedBy.test(source.path),
        )
        .map((target) => `${source.path} imports ${target}`);
    });
    expect(broken).toEqual([]);
  });

  it("names every module in ARCHITECTURE.md", () => {
    const text = textOf("ARCHITECTURE.md");
    const modules = [...Object.keys(MAY_IMPORT), ...Object.keys(BESIDE_SRC)];
    expect(modules.filter((module) => !new RegExp(`[\`/ ]${module}/`).test(text))).toEqual([]);
  });

  it("names every file of the core in ARCHITECTURE.md, in the row of its folder", () => {
    const [, table = ""] = textOf("ARCHITECTURE.md").split("| folder in `src/core/` |");
    let folder = "";
    const named = (table.split("\n\n", 1)[0] ?? "").split("\n").flatMap((row) => {
      const [first = "", , files = ""] = row.split("|").slice(1);
      folder = /`(\w+)\/`/.exec(first)?.[1] ?? folder;
      return [...files.matchAll(/`([\w-]+\.ts)`/g)].map(([, file]) => `src/core/${folder}/${file}`);
    });
    const hasTable = /^src\/core\/(phases|intents|judges)\//;
    const files = SOURCES.map(({ path }) => path).filter((path) => /^src\/core\/\w+\//.test(path) && !isTest(path));
    expect(named.filter((path) => !hasTable.test(path)).sort()).toEqual(
      files.filter((path) => !hasTable.test(path)).sort(),
    );
  });

  it("the modules of the operator import only those below them in ARCHITECTURE.md", () => {
    const [, table = ""] = textOf("ARCHITECTURE.md").split("| module in `src/operator/` |");
    const modules = [
      ...table
        .split("\n\n", 1)
        .join()
        .matchAll(/^\| `([^`]+?)\/?` \|/gm),
    ].map(([, module = ""]) => module);
    const moduleIn = (path: string) => path.slice("src/operator/".length).split("/")[0] ?? "";
    const inside = SOURCES.filter(({ path }) => path.startsWith("src/operator/") && !isTest(path));
    const edges = inside.flatMap((source) =>
      importsOf(source)
        .filter((target) => target.startsWith("src/operator/") && moduleIn(target) !== moduleIn(source.path))
        .map((target) => ({ path: source.path, target })),
    );
    expect([...new Set(inside.map(({ path }) => moduleIn(path)))].sort()).toEqual([...modules].sort());
    const up = edges.filter(({ path, target }) => modules.indexOf(moduleIn(target)) < modules.indexOf(moduleIn(path)));
    expect(up.map(({ path, target }) => `${path} imports ${target}`)).toEqual([]);
  });

  it("types what these modules read and write of Kubernetes, instead of raw JSON", () => {
    const raw = SOURCES.filter(({ path }) => TYPED.test(path) && !isTest(path));
    expect(raw.filter(({ text }) => /\bKubeFields\b/.test(text)).map(({ path }) => path)).toEqual([]);
  });

  it("names no adapter in shared code", () => {
    const shared = SOURCES.filter(
      ({ path }) => path.startsWith("src/") && !isTest(path) && !ADAPTER_MODULES.test(path),
    );
    const named = shared.flatMap(({ path, text }) =>
      text.split("\n").flatMap((line, i) => {
        if (isComment(line) || !NAMES_ADAPTER.test(line)) return [];
        return [{ path, at: `${path}:${i + 1}: ${line.trim().slice(0, 100)}` }];
      }),
    );
    const allowed = (path: string) => MAY_NAME.some(([files]) => files.test(path));
    expect(named.filter(({ path }) => !allowed(path)).map(({ at }) => at)).toEqual([]);
    // An exception that is needed no more is gone.
    expect(MAY_NAME.filter(([files]) => !named.some(({ path }) => files.test(path))).map(([files]) => files)).toEqual(
      [],
    );
  });

  it("has a docstring on every name that core and ports export", () => {
    // What is one thing alone, or has the names of Kubernetes, is explained at the head of its file.
    const atHead = /^src\/(core\/phases\/\w[\w-]*|ports\/kubernetes-types)\.ts$/;
    const rules = /^export const \w+: PhaseRules</;
    const bare = SOURCES.filter(({ path }) => /^src\/(core|ports)\//.test(path) && !isTest(path)).flatMap((source) => {
      const lines = source.text.split("\n").filter((line) => !line.startsWith("// biome-ignore"));
      const isBare = (line: string, i: number) =>
        /^export (?:async )?(?:function\*?|const|interface|type|class) \w/.test(line) &&
        !lines[i - 1]?.endsWith("*/") &&
        !(atHead.test(source.path) && (rules.test(line) || source.path.startsWith("src/ports/")));
      return lines.flatMap((line, i) => (isBare(line, i) ? [`${source.path}: ${line}`] : []));
    });
    expect(bare).toEqual([]);
  });

  it("keeps the members of a family apart", () => {
    const broken = SOURCES.filter(({ path }) => FAMILIES.some((family) => path.startsWith(`src/${family}/`))).flatMap(
      (source) => {
        const [, family, member] = source.path.split("/");
        if (source.path.split("/").length < 4) return [];
        return importsOf(source)
          .filter((target) => target.startsWith(`src/${family}/`) && target.split("/").length > 3)
          .filter((target) => target.split("/")[2] !== member && !SHARED.some((shared) => target.startsWith(shared)))
          .map((target) => `${source.path} imports ${target}`);
      },
    );
    expect(broken).toEqual([]);
  });
});

/** Words that newcomers stumble over: an actor without a name, and phrases that are not technical English. */
const RIDDLES =
  /\b(nobody|somebody|whoever|whatever|as ever|in vain|be it|such a one|of ours|told of|heard of|takes? (?:it|the release|everything) back|taken back|the \w+ of before|(?:is|are|was|were) said(?! to))\b/i;

/** Texts of events that alerts may look for: they stay as they are. */
const CONTRACT = /scaled to zero by somebody else/;

/** Folders and pages that are held to plain English: comments, messages, test titles, text. */
const PLAIN = [
  ...["AGENTS.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "Makefile", "README.md", "SECURITY.md", "STYLE.md"],
  ...["bench", "bin", "console", "docs", "examples", "sandbox", "src"],
  ...["test/chaos", "test/charts", "test/e2e", "test/fuzz"],
];

describe("plain English", () => {
  const everyFile = (path: string): string[] => {
    if (path.endsWith("/generated")) return [];
    if (!statSync(join(ROOT, path)).isDirectory()) return [path];
    return readdirSync(join(ROOT, path)).flatMap((name) => everyFile(join(path, name)));
  };

  it.each(PLAIN)("%s names its actors", (module) => {
    const riddles = everyFile(module).flatMap((path) =>
      textOf(path)
        .split("\n")
        .flatMap((line, i) =>
          RIDDLES.test(line.replace(CONTRACT, "")) ? [`${path}:${i + 1}: ${line.trim().slice(0, 100)}`] : [],
        ),
    );
    expect(riddles).toEqual([]);
  });
});
