/**
 * The REST API in the words of OpenAPI 3.1, for clients that are not the console's own pages. A test holds it against
 * the answers.
 */
import { VERBS } from "../core/people/steering.ts";
import type { Schema } from "../json/schema.ts";
import { MODES } from "./types.ts";

const [text, number, flag]: readonly Schema[] = [{ type: "string" }, { type: "number" }, { type: "boolean" }];
const of = (...words: readonly string[]): Schema => ({ type: "string", enum: words });
const list = (items: Schema | undefined): Schema => ({ type: "array", ...(items === undefined ? {} : { items }) });
const map = (values: Schema): Schema => ({ type: "object", additionalProperties: values });
const point: Schema = { type: "array", prefixItems: [{ type: "number" }, { type: "number" }] };

/** A name that ends with "?" may be absent. */
function fields(parts: Readonly<Record<string, Schema | undefined>>): Schema {
  const names = Object.keys(parts);
  const properties = names.map((name) => [name.replace("?", ""), parts[name] ?? {}] as const);
  const required = names.filter((name) => !name.endsWith("?"));
  return { type: "object", properties: Object.fromEntries(properties), required, additionalProperties: false };
}

const all = (schema: Schema | undefined, names: string): Readonly<Record<string, Schema | undefined>> =>
  Object.fromEntries(names.split(" ").map((name) => [name, schema]));

const ROW = {
  ...all(text, "namespace name phase what strategy provider"),
  ...all(number, "weight step steps failedChecks threshold since"),
  ...{ ...all(flag, "running attention paused frozen? refused?"), gates: list(text) },
};
const STEP = fields({ weight: number, mirror: flag, gates: list(text) });
const COPY = fields({
  ...{ name: text, images: list(text) },
  pods: list(fields({ ...all(text, "name state ended? node?"), ready: flag, restarts: number })),
});
const CHECK = fields({
  ...all(text, "at check source? detail? of"),
  ...all(number, "step weight value? min? max? requests?"),
  ...all(flag, "passed forTheRecord?"),
});
const RUN_ROW = {
  ...all(text, "namespace id canary verdict sentence startedAt endedAt?"),
  ...{ images: map({ type: "string" }), by: list(text) },
};
const RUN = {
  ...RUN_ROW,
  ...all(text, "revision previousRevision strategy offSplit?"),
  ...all(number, "threshold intervalMs step gaps"),
  ...{ previousImages: map({ type: "string" }), changedConfigs: list(text), steps: list(STEP), checks: list(CHECK) },
  timeline: list(fields({ ...all(text, "at type message phase? reason?"), ...all(number, "step? weight?") })),
  people: list(fields(all(text, "at verb by outcome message reason?"))),
  "requests?": fields(all(number, "canary? canaryFailed? primary? primaryFailed?")),
};
const CANARY = fields({
  ...{ ...ROW, runId: text, revision: text, notShown: list(text), records: flag, intervalMs: number },
  ...{ "judgedAt?": number, plan: list(STEP), warnings: list(text), "canary?": COPY, "primary?": COPY },
  "hold?": fields({ ...all(text, "by reason?"), ...all(number, "at until?"), "freezeChecks?": flag }),
  events: list(fields({ at: number, type: text, message: text, count: number })),
  ...{ runs: list(fields(RUN_ROW)), "run?": fields(RUN) },
  verbs: list(fields({ verb: of(...VERBS), effect: text, "refusal?": text })),
});
const SERIES = fields({
  ...{ ...all(number, "from to stepMs"), ...all(text, "unmeasured? trouble?") },
  charts: list(
    fields({ check: text, unit: text, "min?": number, "max?": number, canary: list(point), primary: list(point) }),
  ),
  "share?": fields({ points: list(point), ...all(number, "percent requests at"), window: text }),
});
const FREEZE = fields({
  ...{ ...all(text, "namespace name from? until? by reason"), canaries: list(text) },
  ...{ runs: of("finish", "hold"), state: of("active", "later", "over") },
});
const INSIGHTS = fields({
  ...{ ...all(number, "days runs promoted rolledBack otherwise medianMs?"), records: flag },
  perDay: list(fields({ day: text, promoted: number, rolledBack: number })),
  checks: list(fields({ check: text, asked: number, failed: number })),
  canaries: list(fields({ namespace: text, canary: text, runs: number, rolledBack: number })),
});
const ME = fields({
  ...{ ...all(text, "user cluster steeringOff?"), groups: list(text), mode: of(...MODES), canSteer: flag },
});
const PROBLEM = fields({ error: text });

interface Operation {
  readonly does: string;
  /** Of the address after "?". */
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: Schema;
  readonly status?: number;
  /** Absent: no JSON. */
  readonly answer?: Schema;
  /** Answered to people who have not signed in. */
  readonly isOpen?: true;
}

const CANARY_PATH = "/api/v1/canaries/{namespace}/{name}";
const since = { since: "the last id that the client saw, as the list or the stream named it" };

export const OPERATIONS: Readonly<Record<string, Operation>> = {
  "GET /api/v1/me": { does: "Who the console takes you for", answer: ME },
  "GET /api/v1/rights": {
    does: "What you may do to canaries of a namespace, and why not",
    query: { namespace: "all namespaces when absent" },
    answer: fields({ rights: list(fields({ verb: text, "refusal?": text })) }),
  },
  "GET /api/v1/canaries": {
    does: "The canaries that you may list, each with one sentence",
    answer: fields({ rows: list(fields(ROW)), hidden: number, at: text, "absent?": flag, "trouble?": text }),
  },
  [`GET ${CANARY_PATH}`]: {
    does: "One canary: plan, pods, events, releases, and what each verb would do",
    answer: CANARY,
  },
  [`GET ${CANARY_PATH}/series`]: {
    does: "Its checks over time, of canary and primary, by the canary's own queries",
    query: { minutes: "1 to 1440; 15 when absent" },
    answer: SERIES,
  },
  [`POST ${CANARY_PATH}/actions`]: {
    does: "Asks the operator for a verb. Step, run and revision are those that you saw: when they have changed, nothing happens",
    body: fields({
      ...{ verb: of(...VERBS), "step?": number, "run?": text, "revision?": text },
      ...{ "reason?": text, "gate?": text, "for?": text },
    }),
    status: 202,
    answer: fields({ name: text, phase: of("Applied", "Expired", "Asked"), message: text, "at?": text, "run?": text }),
  },
  "GET /api/v1/runs": {
    does: "Releases on record, newest first, at most 500",
    query: { namespace: "all namespaces when absent", canary: "all canaries when absent" },
    answer: fields({ rows: list(fields(RUN_ROW)), records: flag, hidden: number, left: number, "trouble?": text }),
  },
  "GET /api/v1/runs/{namespace}/{name}": {
    does: "One release: every check, the timeline, the people",
    answer: fields(RUN),
  },
  "GET /api/v1/insights": {
    does: "Figures of the releases of the last days",
    query: { days: "1 to 365; 30 when absent" },
    answer: INSIGHTS,
  },
  "GET /api/v1/freezes": {
    does: "When no release begins",
    answer: fields({ rows: list(FREEZE), installed: flag, namespaces: list(text), "steeringOff?": text }),
  },
  "POST /api/v1/freezes/{namespace}": {
    does: "No release begins in the namespace until the freeze ends",
    body: fields({ "canaries?": list(text), "reason?": text, "until?": text, "runs?": of("finish", "hold") }),
    status: 201,
    answer: fields({ name: text }),
  },
  "POST /api/v1/freezes/{namespace}/{name}/thaw": { does: "Ends a freeze", answer: fields({ name: text }) },
  "GET /api/v1/checks": {
    does: "Whether the cluster has what the operator needs",
    answer: fields({
      findings: list(fields({ verdict: of("ok", "warning", "error"), what: text, "cure?": text })),
    }),
  },
  "GET /api/v1/stream": {
    does: "Server-sent events: row, gone and record of canaries that you may list, hello every 15 s, reset: read the list anew",
    query: since,
  },
  "GET /api/v1/login": { does: "The way to sign in", answer: fields({ mode: of(...MODES) }), isOpen: true },
  "POST /api/v1/login": {
    does: "Signs in by a token of the cluster, where the console takes tokens",
    body: fields({ token: text }),
    answer: fields({ user: text }),
    isOpen: true,
  },
  "POST /api/v1/logout": { does: "Signs out", answer: fields({}), isOpen: true },
  "GET /api/v1/openapi.json": { does: "This description", answer: { type: "object" }, isOpen: true },
  "GET /badge/{namespace}/{name}.svg": { does: "The state of a canary as an image" },
};

/** @param path as routes.ts writes it @returns undefined: no body is described, and what comes is not read */
export const bodyOf = (method: string, path: string): Schema | undefined =>
  OPERATIONS[`${method} ${path.replace(/:(\w+)/g, "{$1}")}`]?.body;

const json = (schema: Schema) => ({ content: { "application/json": { schema } } });

function operationOf(key: string, { does, query = {}, body, status = 200, answer, isOpen }: Operation) {
  const inPath = [...key.matchAll(/\{(\w+)\}/g)].map(([, name]) => ({
    name,
    in: "path",
    required: true,
    schema: text,
  }));
  const inQuery = Object.entries(query).map(([name, description]) => ({
    name,
    in: "query",
    description,
    schema: text,
  }));
  return {
    summary: does,
    parameters: [...inPath, ...inQuery],
    ...(body === undefined ? {} : { requestBody: { required: true, ...json(body) } }),
    responses: {
      [status]: { description: "as asked", ...(answer === undefined ? {} : json(answer)) },
      default: { description: "what is the matter, and what to do", ...json(PROBLEM) },
    },
    ...(isOpen === true ? { security: [] } : {}),
  };
}

/** @param basePath the path below which the console is served */
export function openApi(basePath: string) {
  const paths: Record<string, Record<string, unknown>> = {};
  for (const [key, operation] of Object.entries(OPERATIONS)) {
    const [method = "", path = ""] = key.split(" ");
    paths[path] = { ...paths[path], [method.toLowerCase()]: operationOf(key, operation) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Aviary's console",
      version: "v1",
      description:
        "Bodies are JSON of at most 64 KB. Who you are is told by the cookie of a sign-in or by a bearer token.",
    },
    servers: [{ url: basePath }],
    security: [{ cookie: [] }, { token: [] }],
    components: {
      securitySchemes: {
        cookie: { type: "apiKey", in: "cookie", name: "aviary-session-0" },
        token: { type: "http", scheme: "bearer" },
      },
    },
    paths,
  };
}
