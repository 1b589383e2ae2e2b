/** A scenario as people write it: checked field by field, with curves as on the command line. */
import { type Curve, parseCurve } from "./curve.ts";
import type { Behaviour, HookBehaviour, Scenario, UserAction } from "./scenario.ts";
import { HEALTHY, REFERENCES } from "./scenario.ts";

type Read<T> = (value: unknown, at: string) => T;
type Fields = Readonly<Record<string, unknown>>;

/** @throws RangeError that names the wrong field and the right form */
export function readScenario(parsed: unknown): Partial<Scenario> {
  if (parsed === null || parsed === undefined) return {};
  return fields(parsed, "the scenario", READERS) as Partial<Scenario>;
}

const curve: Read<Curve> = (value, at) => {
  const found = typeof value === "string" ? parseCurve(value) : value;
  if (typeof found === "number" && Number.isFinite(found)) return found;
  if (isFields(found) && (found["over"] === "time" || found["over"] === "weight") && isPoints(found["points"])) {
    return found as Curve;
  }
  throw wrong(at, value, '2, "0@0s,5@90s" (over time) or "0@0w,5@30w" (over the weight)');
};

const isPoints = (value: unknown): boolean =>
  Array.isArray(value) && value.every((point) => Array.isArray(point) && point.length === 2);

const amount: Read<number> = (value, at) => {
  if (typeof value === "number" && value >= 0) return value;
  throw wrong(at, value, "a number, not below 0");
};

const truth: Read<boolean> = (value, at) => {
  if (typeof value === "boolean") return value;
  throw wrong(at, value, "true or false");
};

const text: Read<string> = (value, at) => {
  if (typeof value === "string") return value;
  throw wrong(at, value, "text");
};

const object: Read<unknown> = (value, at) => {
  if (isFields(value)) return value;
  throw wrong(at, value, "an object");
};

const manifest: Read<unknown> = (value, at) => {
  const { apiVersion, kind, metadata } = Object(value) as Fields;
  const { name } = Object(metadata) as Fields;
  if ([apiVersion, kind, name].every((word) => typeof word === "string" && word !== "")) return value;
  throw wrong(at, value, "an object with apiVersion, kind and metadata.name");
};

const crash: Read<"start" | number> = (value, at) => {
  if (value === "start" || typeof value === "number") return value;
  throw wrong(at, value, "start, or milliseconds");
};

const behaviour: Read<Behaviour> = (value, at) => ({
  ...HEALTHY,
  ...fields(value, at, {
    errorRate: curve,
    errorRateAsPrimary: curve,
    latencyMs: curve,
    readyAfterMs: amount,
    crash,
    crashAsPrimary: crash,
  }),
});

const HOOKS = ["passes", "passes-late", "fails", "hangs", "opens", "fails-first"];

const hook: Read<HookBehaviour> = (value, at) =>
  fields(value, at, { kind: oneOf(HOOKS), afterMs: amount, calls: amount }) as HookBehaviour;

const ACTIONS = [
  ...["release", "scale-primary", "scale-target", "edit-canary", "delete-canary", "delete-target", "delete-routes"],
  ...["edit-routes", "delete-primary", "restore-target", "edit-config", "edit-secret", "edit-scaler", "lose-pods"],
  ...["delete-scaler", "drop-config", "rename-config", "delete-foreign", "delete-reference", "restore-reference"],
  ...["relabel-target", "pause", "resume", "move-target"],
];

const action: Read<UserAction> = (value, at) =>
  fields(value, at, {
    afterMs: amount,
    kind: oneOf(ACTIONS),
    image: text,
    replicas: amount,
    spec: object,
    value: text,
    label: text,
    max: amount,
    of: oneOf(["target", "primary", ...REFERENCES]),
    all: truth,
    forMs: amount,
  }) as UserAction;

const READERS: Readonly<Record<string, Read<unknown>>> = {
  canary: manifest,
  target: manifest,
  objects: listOf(manifest),
  image: text,
  impatient: truth,
  behaviours: namedBy(behaviour),
  rps: curve,
  matched: amount,
  metrics: namedBy(curve),
  metricGaps: listOf((value, at) => fields(value, at, { fromMs: amount, toMs: amount })),
  hooks: namedBy(hook),
  users: listOf(action),
  patienceMs: amount,
  nodes: amount,
  meshLagMs: amount,
  stamps: truth,
  meshShare: amount,
};

function fields(value: unknown, at: string, readers: Readonly<Record<string, Read<unknown>>>): Fields {
  if (!isFields(value)) throw wrong(at, value, `an object with ${Object.keys(readers).join(", ")}`);
  const read = Object.entries(value).map(([name, field]) => {
    const reader = readers[name];
    if (reader === undefined) {
      throw new RangeError(`${at} has no field "${name}": use one of ${Object.keys(readers).join(", ")}`);
    }
    return [name, reader(field, at === "the scenario" ? name : `${at}.${name}`)];
  });
  return Object.fromEntries(read);
}

function listOf<T>(read: Read<T>): Read<readonly T[]> {
  return (value, at) => {
    if (!Array.isArray(value)) throw wrong(at, value, "a list");
    return value.map((item, i) => read(item, `${at}[${i}]`));
  };
}

function namedBy<T>(read: Read<T>): Read<Readonly<Record<string, T>>> {
  return (value, at) => {
    if (!isFields(value)) throw wrong(at, value, "an object");
    return Object.fromEntries(Object.entries(value).map(([name, item]) => [name, read(item, `${at}.${name}`)]));
  };
}

function oneOf(words: readonly string[]): Read<string> {
  return (value, at) => {
    if (typeof value === "string" && words.includes(value)) return value;
    throw wrong(at, value, `one of ${words.join(", ")}`);
  };
}

function isFields(value: unknown): value is Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function wrong(at: string, found: unknown, wanted: string): RangeError {
  return new RangeError(`${at} must be ${wanted}, found ${JSON.stringify(found)}`);
}
