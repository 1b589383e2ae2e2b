/**
 * Strategic merge patch against two oracles: the patch that kubectl would compute must lead to the object it was
 * computed from, and `kubectl patch --local` must come to the same result for patches of any shape.
 */

import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { equal } from "../../../src/json/merge-patch.ts";
import { builtinSchema } from "../schema/index.ts";
import { fieldNode, isFields, type SchemaNode } from "../schema/node.ts";
import { strategicMergePatch } from "./index.ts";

const SEED = Number(process.env.SEED ?? 20_240_607);
const schema = builtinSchema("apps", "v1", "Deployment")!;

type Spec = Record<string, unknown>;

const word = fc.constantFrom("a", "b", "c", "d");
const optional = <T>(arbitrary: fc.Arbitrary<T>) => fc.option(arbitrary, { nil: undefined });
const keyed = (element: fc.Arbitrary<Spec>, key: string) =>
  fc.uniqueArray(element, { selector: (item) => String(item[key]), maxLength: 4 });
const compact = (value: unknown): unknown => JSON.parse(JSON.stringify(value));

const env = fc.record({ name: word, value: word });
const port = fc.record({
  containerPort: fc.constantFrom(80, 81, 82),
  name: optional(word),
  protocol: fc.constantFrom("TCP", "UDP"),
});
const container = fc.record({
  name: word,
  image: word,
  args: optional(fc.array(word, { maxLength: 3 })),
  env: optional(keyed(env, "name")),
  ports: optional(keyed(port, "containerPort")),
  resources: optional(fc.record({ limits: fc.dictionary(word, word, { maxKeys: 2 }) })),
});
const volume = fc.oneof(
  fc.record({ name: word, emptyDir: fc.constant({}) }),
  fc.record({ name: word, configMap: fc.record({ name: word }) }),
);
const strategy = fc.oneof(
  fc.constant<Spec>({ type: "Recreate" }),
  fc.record({ type: fc.constant("RollingUpdate"), rollingUpdate: fc.record({ maxSurge: fc.constantFrom(0, 1) }) }),
);
const deployment = fc
  .record({
    apiVersion: fc.constant("apps/v1"),
    kind: fc.constant("Deployment"),
    metadata: fc.record({
      name: fc.constant("app"),
      labels: optional(fc.dictionary(word, word, { maxKeys: 3 })),
      finalizers: optional(fc.uniqueArray(word, { maxLength: 3 })),
    }),
    spec: fc.record({
      replicas: optional(fc.nat(3)),
      strategy: optional(strategy),
      template: fc.record({
        spec: fc.record({
          containers: keyed(container, "name"),
          volumes: optional(keyed(volume, "name")),
          tolerations: optional(fc.array(fc.record({ key: word }), { maxLength: 2 })),
          nodeSelector: optional(fc.dictionary(word, word, { maxKeys: 2 })),
        }),
      }),
    }),
  })
  .map((object) => compact(object) as Spec);

/** The two-way patch from one object to another, with the directives kubectl writes. */
function difference(node: SchemaNode | undefined, before: Spec, after: Spec): Spec {
  const patch: Spec = {};
  for (const name of new Set([...Object.keys(before), ...Object.keys(after)])) {
    const [old, now] = [before[name], after[name]];
    if (equal(old, now)) continue;
    if (now === undefined) patch[name] = null;
    else Object.assign(patch, fieldDifference(fieldNode(node, name), name, old, now));
  }
  return patch;
}

function fieldDifference(node: SchemaNode | undefined, name: string, old: unknown, now: unknown): Spec {
  const strategies = node?.patch?.strategies ?? [];
  if (isFields(old) && isFields(now)) {
    const patch = difference(node, old, now);
    return { [name]: strategies.includes("retainKeys") ? { ...patch, $retainKeys: Object.keys(now) } : patch };
  }
  if (!Array.isArray(old) || !Array.isArray(now) || !strategies.includes("merge")) return { [name]: now };
  const key = node?.patch?.key;
  if (key === undefined) {
    const gone = old.filter((item) => !now.includes(item));
    const added = now.filter((item) => !old.includes(item));
    return { [`$deleteFromPrimitiveList/${name}`]: gone, [`$setElementOrder/${name}`]: now, [name]: added };
  }
  const elements = now.map((item: Spec) => {
    const same = old.find((other: Spec) => other[key] === item[key]) as Spec | undefined;
    const patch = { ...difference(node?.items, same ?? {}, item), [key]: item[key] };
    return strategies.includes("retainKeys") ? { ...patch, $retainKeys: Object.keys(item) } : patch;
  });
  const gone = old.filter((item: Spec) => !now.some((other: Spec) => other[key] === item[key]));
  const deletions = gone.map((item: Spec) => ({ [key]: item[key], $patch: "delete" }));
  const order = now.map((item: Spec) => ({ [key]: item[key] }));
  return { [name]: [...elements, ...deletions], [`$setElementOrder/${name}`]: order };
}

const directive = fc.constantFrom<Spec>({}, {}, {}, {}, { $patch: "delete" }, { $patch: "replace" });

/** Patches of any shape, nulls and directives included. */
const patchOf: fc.Arbitrary<Spec> = fc.record(
  {
    metadata: fc.record(
      {
        labels: fc.dictionary(word, fc.option(word, { nil: null }), { maxKeys: 3 }),
        finalizers: fc.uniqueArray(word, { maxLength: 3 }),
        "$deleteFromPrimitiveList/finalizers": fc.uniqueArray(word, { maxLength: 2 }),
      },
      { requiredKeys: [] },
    ),
    spec: fc.record(
      {
        replicas: fc.option(fc.nat(3), { nil: null }),
        strategy: fc.oneof(
          fc.constant<Spec | null>(null),
          fc.constant<Spec>({ $retainKeys: ["type"], type: "Recreate" }),
          strategy,
          fc.constant<Spec>({ $patch: "replace", type: "Recreate" }),
        ),
        template: fc.record({
          spec: fc.record(
            {
              containers: keyed(
                fc
                  .tuple(
                    fc.record(
                      {
                        name: word,
                        image: fc.option(word, { nil: null }),
                        args: fc.option(fc.array(word, { maxLength: 2 }), { nil: null }),
                        env: keyed(
                          fc.tuple(env, directive).map(([item, extra]) => ({ ...item, ...onElement(extra) })),
                          "name",
                        ),
                        ports: keyed(port as fc.Arbitrary<Spec>, "containerPort"),
                      },
                      { requiredKeys: ["name"] },
                    ),
                    directive,
                  )
                  .map(([item, extra]) => ({ ...item, ...onElement(extra) })),
                "name",
              ),
              volumes: keyed(volume as fc.Arbitrary<Spec>, "name"),
              tolerations: fc.array(fc.record({ key: word }), { maxLength: 2 }),
              nodeSelector: fc
                .tuple(fc.dictionary(word, word, { maxKeys: 2 }), directive)
                .map(([a, b]) => ({ ...a, ...b })),
            },
            { requiredKeys: [] },
          ),
        }),
      },
      { requiredKeys: [] },
    ),
  },
  { requiredKeys: [] },
);

/** In a keyed list, "replace" stands in an element of its own and "merge" is the default. */
function onElement(extra: Spec): Spec {
  return extra.$patch === "delete" ? extra : {};
}

describe("strategic merge patch", () => {
  it(`leads from any object to any other by the patch computed between them (SEED=${SEED})`, () => {
    const property = fc.property(deployment, deployment, (before, after) => {
      const patch = difference(schema.root, before, after);
      expect(strategicMergePatch(schema, before as never, patch)).toEqual(after);
    });
    fc.assert(property, { seed: SEED, numRuns: 500 });
  });

  it(`changes nothing when the patch is the object itself (SEED=${SEED})`, () => {
    const property = fc.property(deployment, (object) => {
      expect(strategicMergePatch(schema, object as never, object)).toEqual(object);
    });
    fc.assert(property, { seed: SEED, numRuns: 200 });
  });
});

/** A value that is both added and deleted is a coin toss in Go (the order of a map): not ours to compare. */
function unambiguous(patch: Spec): Spec {
  const copy = compact(patch) as { metadata?: Record<string, string[]> };
  const { metadata } = copy;
  const deleted = metadata?.["$deleteFromPrimitiveList/finalizers"] ?? [];
  if (metadata?.finalizers !== undefined) {
    metadata.finalizers = metadata.finalizers.filter((item) => !deleted.includes(item));
  }
  return copy;
}

/** Empty when there is no kubectl to ask. */
function kubectlVersion(): string {
  try {
    const text = execFileSync("kubectl", ["version", "--client", "-o", "json"], { encoding: "utf8", stdio: "pipe" });
    return (JSON.parse(text) as { clientVersion: { gitVersion: string } }).clientVersion.gitVersion;
  } catch {
    return "";
  }
}

const KUBECTL = kubectlVersion();
const PATCHES = Number(process.env.KUBECTL_PATCHES ?? 8);
const OBJECTS = 25;

/** One patch for many objects: starting kubectl is the expensive part. */
function patchedByKubectl(objects: readonly Spec[], patch: Spec): Spec[] {
  const folder = mkdtempSync(join(tmpdir(), "aviary-kubectl-"));
  try {
    const file = join(folder, "objects.json");
    writeFileSync(file, JSON.stringify({ apiVersion: "v1", kind: "List", items: objects }));
    const args = ["patch", "--local", "-f", file, "--type", "strategic", "-p", JSON.stringify(patch), "-o", "json"];
    const env = { ...process.env, HOME: folder, KUBECONFIG: join(folder, "none") };
    const text = execFileSync("kubectl", args, { encoding: "utf8", stdio: "pipe", env });
    return JSON.parse(`[${text.trim().replace(/^\}\n\{/gm, "},\n{")}]`) as Spec[];
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** What the server's decoder would make of nulls: nothing. */
function withoutNulls(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(withoutNulls);
  if (!isFields(value)) return value;
  const kept = Object.entries(value).filter(([, field]) => field !== null);
  return Object.fromEntries(kept.map(([name, field]) => [name, withoutNulls(field)]));
}

if (KUBECTL === "") process.stderr.write("no kubectl here: strategic merge patches are not compared with its own\n");
const describeWithKubectl = KUBECTL === "" ? () => undefined : describe;

describeWithKubectl(`strategic merge patch beside kubectl ${KUBECTL}`, () => {
  it(`comes to the same result (SEED=${SEED})`, () => {
    const patches = fc.sample(patchOf.map(unambiguous), { seed: SEED, numRuns: PATCHES });
    const objects = fc.sample(deployment, { seed: SEED, numRuns: OBJECTS });
    let compared = 0;
    for (const patch of patches) {
      const theirs = patchedByKubectl(objects, patch);
      const ours = objects.map((object) => strategicMergePatch(schema, object as never, patch));
      for (const [i, object] of objects.entries()) {
        // kubectl leaves directives standing inside lists that are new; a server's decoder would drop the word alone.
        if (JSON.stringify(theirs[i]).includes('"$')) continue;
        compared += 1;
        expect({ patch, object, result: ours[i] }).toEqual({ patch, object, result: withoutNulls(theirs[i]) });
      }
    }
    expect(compared).toBeGreaterThan((PATCHES * OBJECTS) / 2);
  });
});
