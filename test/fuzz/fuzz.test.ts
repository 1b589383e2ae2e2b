/**
 * Random and hostile inputs to every reader of foreign text. A reader answers or refuses; it never breaks, hangs, grows
 * without bound or says more than a message holds. A short run with a fixed seed is part of the tests; `npm run fuzz`
 * is the long one:
 *
 *   FUZZ_RUNS=100000 FUZZ_SEED=7 npm run fuzz
 */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { UserError } from "../../src/cli/command.ts";
import { parseDocuments } from "../../src/cli/manifests.ts";
import { PHASES } from "../../src/core/phases/table.ts";
import { planFor } from "../../src/core/plan/plan.ts";
import { parseSpec } from "../../src/core/spec/parse.ts";
import { fromWire } from "../../src/core/status/status.ts";
import { parseDuration } from "../../src/go/duration.ts";
import { parseQuantity } from "../../src/go/hash/quantity.ts";
import { readKubeconfig } from "../../src/kube/kubeconfig.ts";
import { refusalOf } from "../../src/loadtester/admission.ts";
import { parsePayload } from "../../src/loadtester/payload.ts";
import { redacted } from "../../src/loadtester/redact.ts";
import { readCommandLine } from "../../src/loadtester/words.ts";
import { parseExternalMetric } from "../../src/metrics/externalmetrics/externalmetrics.ts";
import { parseKeptnQuery } from "../../src/metrics/keptn/keptn.ts";
import { MetricError } from "../../src/metrics/metric-error.ts";
import { readAnswer } from "../../src/metrics/prometheus/answer.ts";
import { dataPoints } from "../../src/metrics/splunk/signalflow.ts";
import { renderQuery, TemplateError } from "../../src/metrics/template.ts";
import { createEgress } from "../../src/net/egress.ts";
import { httpUrl } from "../../src/net/http-url.ts";
import { clean, show } from "../../src/net/show.ts";
import { KubeError } from "../../src/ports/kube.ts";
import { aWireCanary } from "../../src/testing/canary.ts";
import { MESH } from "../../src/testing/story.ts";
import { PARSE_OPTIONS } from "../../src/testing/tables.ts";
import { broken } from "./broken.ts";
import { type Tally, tally } from "./tally.ts";

const RUNS = Number(process.env["FUZZ_RUNS"] ?? "300");
const SEED = Number(process.env["FUZZ_SEED"] ?? "1");
/** The limit follows the number of runs: the slowest reader takes 35 ms for an input when the machine is busy. */
const LONG = 60_000 + RUNS * 200;

function hold<T>(count: Tally, inputs: fc.Arbitrary<T>, check: (input: T) => void): void {
  fc.assert(fc.property(inputs, count.of(check)), { numRuns: RUNS, seed: SEED });
}

/** The refusal of `work`, in a message of bounded length. @throws any other error */
function refused(work: () => unknown, kinds: readonly (abstract new (...args: never[]) => Error)[]): void {
  try {
    work();
  } catch (error) {
    if (!(error instanceof Error) || !kinds.some((kind) => error instanceof kind)) throw error;
    expect(error.message.length).toBeLessThan(8192);
  }
}

const text = fc.oneof(
  fc.string({ unit: "binary", maxLength: 300 }),
  fc.constantFrom(
    "",
    "\0",
    "\x1b[2J",
    "__proto__",
    "constructor",
    "../..",
    "-1",
    "1e309",
    "x".repeat(5000),
    "{{",
    "1m",
  ),
);
const json = fc.oneof(
  fc.json({ maxDepth: 6 }),
  text,
  fc.integer({ min: 1, max: 3000 }).map((depth) => `${"[".repeat(depth)}${"]".repeat(depth)}`),
);

describe("Canary specs", () => {
  const count = tally("Canary specs");
  /** A valid spec with one part replaced by a random value. */
  const spec = fc.tuple(fc.nat(), fc.jsonValue({ maxDepth: 4 }), text).map(([where, value, key]) => {
    const good = aWireCanary({
      analysis: {
        metrics: [{ name: "m", query: "q", thresholdRange: { max: 1 } }],
        webhooks: [{ name: "w", url: "http://x" }],
        match: [{ headers: { a: { exact: "b" } } }],
      },
    }).spec;
    const wrong = broken(good, (parts) => where % parts, value) as Record<string, unknown>;
    return where % 7 === 0 ? { ...wrong, [key]: value } : wrong;
  });

  it("are read or refused, and every accepted spec has a plan", { timeout: LONG }, () => {
    hold(count, spec, (wire) => {
      const parsed = parseSpec(wire as never, "test", PARSE_OPTIONS);
      if (parsed.kind === "valid") expect(planFor(parsed.spec, MESH).steps.length).toBeLessThan(20_000);
    });
    hold(count, fc.jsonValue({ maxDepth: 5 }), (wire) => void parseSpec(wire as never, "test", PARSE_OPTIONS));
  });
});

describe("statuses of Canaries", () => {
  const count = tally("statuses of Canaries");
  /** The last two become neither a number nor a text. */
  const odd: readonly unknown[] = [null, -1, 1e99, [], {}, [null], { toString: 0 }, { toString: false, valueOf: null }];
  const value = fc.oneof(fc.jsonValue({ maxDepth: 2 }), text, fc.constantFrom<unknown>(...odd));
  const fields =
    "step stage hold drain recovery primaryWeight skipping restarted run cause paused approved acted said owedAlerts";
  const memory = fc.oneof(
    value,
    fc.dictionary(fc.constantFrom(...fields.split(" "), "phaseSince", "gate", "names"), value),
  );
  const status = fc.record(
    {
      phase: fc.constantFrom(...PHASES, "x"),
      ...{ failedChecks: value, canaryWeight: value, iterations: value, lastAppliedSpec: value, conditions: value },
      ...{ lastPromotedSpec: value, lastTransitionTime: value, trackedConfigs: value, aviary: memory },
    },
    { requiredKeys: [] },
  );

  it("are read or refused", { timeout: LONG }, () => {
    const hints = { intervalMs: 15_000, iterations: 0, weights: [10, 20], mirror: false };
    hold(count, status, (wire) => refused(() => fromWire(wire as never, hints), [RangeError]));
  });
});

describe("metric templates", () => {
  const count = tally("metric templates");
  const { block } = fc.letrec((tie) => ({
    block: fc.array(tie("statement"), { maxLength: 5 }).map((parts) => parts.join("")),
    statement: fc.oneof(
      { maxDepth: 5 },
      fc.constantFrom(
        "text ",
        "{{ name }}",
        "{{ $x }}",
        "{{ . }}",
        "{{ break }}",
        '{{ template "t0" }}',
        "{{- /* c */ -}}",
      ),
      fc.tuple(fc.integer({ min: 0, max: 4 }), tie("block")).map(([n, body]) => `{{ define "t${n}" }}${body}{{ end }}`),
      fc.integer({ min: 0, max: 4 }).map((n) => `{{ template "t${n}" . }}`),
      fc.tuple(tie("value"), tie("block")).map(([value, body]) => `{{ range ${value} }}${body}{{ end }}`),
      fc.tuple(tie("value"), tie("block"), tie("block")).map(([v, a, b]) => `{{ if ${v} }}${a}{{ else }}${b}{{ end }}`),
      fc.tuple(tie("value"), tie("block")).map(([value, body]) => `{{ with $x := ${value} }}${body}{{ end }}`),
      tie("value").map((value) => `{{ $x := ${value} }}{{ $x = print $x $x }}{{ $x }}`),
      tie("value").map((value) => `{{ ${value} }}`),
    ),
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom("1", "1000000", "2.5e300", '"a"', "variables", "variables.v", "name", "nil", "true", "$", "'c'"),
      fc
        .tuple(fc.constantFrom("d", "s", "q", "f", "v", "x", "c"), fc.nat({ max: 2_000_000_000 }), tie("value"))
        .map(([verb, width, value]) => `(printf "%${width}.${width % 7}${verb}" ${value})`),
      fc
        .tuple(fc.constantFrom("len", "html", "js", "urlquery", "print", "not", "index", "slice", "eq"), tie("value"))
        .map(([name, value]) => `(${name} ${value})`),
      fc.tuple(tie("value"), tie("value")).map(([a, b]) => `(${a} | print ${b})`),
    ),
  }));
  const model = { name: "n", namespace: "ns", target: "t", service: "s", ingress: "i", route: "r", interval: "1m" };
  const variables = { v: "x".repeat(500), "key-with-dash": "d" };

  it("render within their fuel, or say why not", { timeout: LONG }, () => {
    hold(
      count,
      fc.oneof(
        block,
        text,
        text.map((inner) => `{{ ${inner} }}`),
      ),
      (template) => {
        refused(() => {
          const query = renderQuery(String(template), { ...model, variables });
          expect(query.length).toBeLessThanOrEqual(262_144);
        }, [TemplateError]);
      },
    );
  });
});

describe("answers of metric servers", () => {
  const count = tally("answers of metric servers");
  it("in JSON are a number, no number, or an error of bounded length", { timeout: LONG }, () => {
    const value = fc.oneof(fc.jsonValue(), fc.constantFrom("NaN", "+Inf", "1e309", "0x1", "1", "", " 1"));
    const vector = fc.array(fc.oneof(fc.record({ value: fc.tuple(fc.double(), value) }), fc.jsonValue()), {
      maxLength: 4,
    });
    const answer = fc.oneof(
      json,
      vector.map((result) => JSON.stringify({ data: { result } })),
    );
    hold(count, answer, (body) => refused(() => readAnswer(body), [MetricError]));
  });

  it("in SignalFlow's bytes are points, or an error", { timeout: LONG }, () => {
    const bytes = fc.uint8Array({ maxLength: 200 });
    const message = fc.tuple(fc.integer({ min: 0, max: 3 }), bytes).map(([flags, rest]) => {
      return Buffer.concat([Buffer.from([1, 5, flags, 0]), Buffer.alloc(16), rest]);
    });
    hold(count, fc.oneof(message, bytes.map(Buffer.from)), (input) =>
      refused(() => dataPoints(Buffer.from(input)), [Error]),
    );
  });

  it("are requested by names only, for any query", { timeout: LONG }, () => {
    hold(count, fc.oneof(text, fc.webPath(), fc.webUrl()), (query) => {
      refused(() => parseKeptnQuery(query), [MetricError]);
      refused(() => parseExternalMetric(query), [MetricError]);
      parseDuration(query);
    });
  });
});

describe("foreign texts", () => {
  const count = tally("foreign texts");
  const address = fc.oneof(
    text,
    fc.webUrl({ withQueryParameters: true, withFragments: true }),
    fc
      .tuple(fc.constantFrom("http:", "http://", "https:/", "http:\\\\", " http://"), text, text)
      .map(([scheme, user, host]) => {
        return `${scheme}${user}:S3CR3T@${host}`;
      }),
  );

  it("are shown in one line without control characters, addresses without secrets", { timeout: LONG }, () => {
    hold(count, fc.tuple(text, address), ([foreign, url]) => {
      expect(clean(foreign)).not.toMatch(/[\p{Cc}\u202a-\u202e\u2066-\u2069]/u);
      expect(show(url)).not.toMatch(/\p{Cc}/u);
      expect(show(url)).not.toContain("S3CR3T@");
      httpUrl(url);
    });
  });

  it("as addresses never lead to a cloud's metadata", { timeout: LONG }, () => {
    const egress = createEgress({ allowLocal: true, denyCidrs: [], apiServers: [], trusted: [] });
    const forms = [
      "169.254.169.254",
      "2852039166",
      "0xa9fea9fe",
      "0251.0376.0251.0376",
      "169.254.43518",
      "[::ffff:a9fe:a9fe]",
    ];
    hold(count, fc.tuple(fc.constantFrom(...forms), fc.webPath(), fc.nat({ max: 65_535 })), ([host, path, port]) => {
      const url = httpUrl(`http://${host}:${port}${path}`);
      expect(url === undefined || egress.refusal(url.hostname) !== undefined).toBe(true);
    });
    hold(count, fc.ipV4(), (ip) => {
      expect(egress.refusal(`::ffff:${ip}`) === undefined).toBe(egress.refusal(ip) === undefined);
    });
  });
});

describe("quantities of pod templates and of metric servers", () => {
  const count = tally("quantities");
  const digits = fc.oneof(
    fc.stringMatching(/^[0-9]{0,30}$/),
    fc.integer({ min: 1, max: 100_000 }).map((many) => "9".repeat(many)),
  );
  const exponent = fc.integer({ min: -2_000_000_000, max: 2_000_000_000 }).map((power) => `e${power}`);
  const unit = fc.oneof(exponent, fc.constantFrom("", "n", "u", "m", "k", "M", "E", "Ki", "Ei", "e", "E9", "x"));
  const quantity = fc
    .tuple(fc.constantFrom("", "-", "+"), digits, fc.constantFrom("", "."), digits, unit)
    .map((parts) => parts.join(""));

  it("are read or refused", { timeout: LONG }, () => {
    hold(count, fc.oneof(quantity, text), (input) => refused(() => parseQuantity(input), [RangeError]));
  });
});

describe("requests to the load tester", () => {
  const count = tally("requests to the load tester");
  it("are read or refused", { timeout: LONG }, () => {
    const headers = fc.dictionary(
      fc.constantFrom("host", "origin", "content-type", "authorization", "x-aviary-signature", "sec-fetch-site"),
      text,
    );
    hold(count, fc.tuple(json, headers), ([body, given]) => {
      parsePayload(body);
      expect(refusalOf({ headers: given, path: "/", body }, "TOKEN-OF-32-CHARACTERS", 0)).toBeDefined();
      refusalOf({ headers: given, path: "/", body }, "", 0);
    });
  });

  it("name commands that are read and logged, however they are quoted", { timeout: LONG }, () => {
    hold(count, fc.oneof(text, fc.string({ unit: fc.constantFrom(..."ab '\"\\$|;&()`-=:/@") })), (line) => {
      readCommandLine(line);
      redacted(line);
    });
  });
});

describe("files", () => {
  const count = tally("files");
  const yaml = fc.oneof(
    text,
    json,
    fc
      .jsonValue({ maxDepth: 4 })
      .map((value) => JSON.stringify({ clusters: value, users: [value], "current-context": value })),
    fc.constantFrom(
      "a: &a [*a]",
      "a: &a [x,x]\nb: &b [*a,*a]\nc: [*b,*b]",
      "---\n".repeat(50),

      "\t",
    ),
  );

  it("of kubeconfigs and manifests are read or refused in a sentence", { timeout: LONG }, async () => {
    const folder = mkdtempSync(join(tmpdir(), "aviary-fuzz-"));
    const file = join(folder, "file");
    try {
      await fc.assert(
        fc.asyncProperty(yaml, async (content) => {
          writeFileSync(file, content);
          count.of(() => refused(() => parseDocuments(file), [UserError]))(content);
          const failure = await readKubeconfig(file).then(
            () => undefined,
            (error: unknown) => error,
          );
          expect(failure === undefined || failure instanceof KubeError).toBe(true);
        }),
        { numRuns: RUNS, seed: SEED },
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
