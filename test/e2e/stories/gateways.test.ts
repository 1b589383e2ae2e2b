/** Releases under traffic by the sandbox's imitations of a Gateway API gateway and of ingress-nginx. */
import { Agent, request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { type Fixture, startFixture } from "./fixture.ts";
import { BAD, deployment, GOOD, gate, PORT } from "./manifests.ts";
import { type Stage, type Story, stage } from "./story.ts";
import { byCanary } from "./users.ts";

let fixture: Fixture;

beforeAll(async () => {
  fixture = await startFixture();
});

afterAll(() => fixture.stop());

/** How a Canary names its gateway, and what has to be there for it. */
interface Gateway {
  readonly short: string;
  readonly spec: KubeFields;
  readonly service: KubeFields;
  readonly objects: (namespace: string) => readonly KubeObject[];
}

const gatewayApi: Gateway = {
  short: "gwa",
  spec: { provider: "gatewayapi:v1" },
  service: { gatewayRefs: [{ name: "public" }] },
  objects: (namespace) => [
    {
      apiVersion: "gateway.networking.k8s.io/v1",
      kind: "Gateway",
      metadata: { namespace, name: "public" },
      spec: { gatewayClassName: "sandbox", listeners: [{ name: "http", protocol: "HTTP", port: 80 }] },
    },
  ],
};

const nginx: Gateway = {
  short: "ngx",
  spec: { provider: "nginx", ingressRef: { apiVersion: "networking.k8s.io/v1", kind: "Ingress", name: "podinfo" } },
  service: {},
  objects: (namespace) => {
    const backend = { service: { name: "podinfo", port: { number: PORT } } };
    const paths = [{ path: "/", pathType: "Prefix", backend }];
    const spec = { ingressClassName: "nginx", rules: [{ host: `${namespace}.example.com`, http: { paths } }] };
    return [{ apiVersion: "networking.k8s.io/v1", kind: "Ingress", metadata: { namespace, name: "podinfo" }, spec }];
  },
};

const PROVIDERS = [
  ["the Gateway API", gatewayApi],
  ["ingress-nginx", nginx],
] as const;

function tell(gateway: Gateway, name: string, plot: Stage): Promise<Story> {
  const namespace = `${gateway.short}-${name}`;
  return stage(fixture, namespace, {
    people: ({ ingress }) => [{ doors: [ingress] }],
    ...plot,
    target: [deployment(namespace, { version: "6.0.0", replicas: 1 }), ...gateway.objects(namespace)],
    spec: gateway.spec,
    service: gateway.service,
  });
}

const REQUESTS = 2_000;
const AT_ONCE = 8;

/** Asks many times while the split stands still. @returns answers of the canary; every answer must be good */
async function canaryAnswers({ doors }: Story, version: string): Promise<number> {
  const agent = new Agent({ connections: AT_ONCE });
  let left = REQUESTS;
  let met = 0;
  const worker = async () => {
    for (; left > 0; ) {
      left -= 1;
      const { url, host = "" } = doors.ingress;
      const { statusCode, body } = await request(url, { dispatcher: agent, headers: { host } });
      const text = await body.text();
      expect(statusCode, text).toBe(200);
      if (text.includes(version)) met += 1;
    }
  };
  await Promise.all(Array.from({ length: AT_ONCE }, worker));
  await agent.close();
  return met;
}

describe.concurrent.each(PROVIDERS)("%s", (_name, gateway) => {
  it.concurrent("a good release goes up by its weights, and is promoted", async () => {
    // The last step stands still until the gate is opened.
    const hooks = [gate("confirm-promotion", "/gate/check")];
    const story = await tell(gateway, "good", { analysis: { stepWeights: [10, 30] }, hooks });
    await story.release(GOOD);
    await story.untilPhase("WaitingPromotion");
    const met = await canaryAnswers(story, "6.0.1");
    // Five standard deviations: once in a million runs.
    expect(Math.abs(met - REQUESTS * 0.3)).toBeLessThanOrEqual(5 * Math.sqrt(REQUESTS * 0.3 * 0.7));
    await story.turn("gate", "open");
    const { dropped, injected, failedByPrimary, versions } = await story.end("Succeeded");
    expect({ dropped, injected, failedByPrimary }).toEqual({ dropped: [], injected: 0, failedByPrimary: 0 });
    expect(versions).toEqual({ "6.0.0": expect.any(Number), "6.0.1": expect.any(Number) });
  });

  it.concurrent("a bad release is rolled back by the gateway's metrics", async () => {
    // The gateway counts the requests of users only, and the canary fails a third of its share: each check must see
    // some of these. The first checks may see none on a busy machine, which are failed checks, too.
    const analysis = { stepWeights: [30, 60], threshold: 15 };
    const story = await tell(gateway, "bad", { analysis, requestsPerSecond: 40 });
    await story.release(BAD);
    const { dropped, failedByPrimary } = await story.end("Failed");
    expect(story.timeline().join("\n")).toContain("Halt podinfo advancement success rate N < 99%");
    expect({ dropped, failedByPrimary }).toEqual({ dropped: [], failedByPrimary: 0 });
  });

  it.concurrent("an A/B test sends those who match to the canary, and no others", async () => {
    const match = [{ headers: { "x-canary": { exact: "insider" } } }];
    const story = await tell(gateway, "ab", {
      analysis: { iterations: 3, match },
      people: ({ ingress }) => [
        { doors: [ingress] },
        { doors: [ingress], headers: { "x-canary": "insider" } },
        { doors: [ingress], headers: { "x-canary": "outsider" } },
      ],
    });
    await story.release(GOOD);
    const { dropped, failedByPrimary, answers } = await story.end("Succeeded");
    expect([...new Set(answers.filter(byCanary).map(({ person }) => person))]).toEqual([1]);
    expect({ dropped, failedByPrimary }).toEqual({ dropped: [], failedByPrimary: 0 });
  });
});

describe("the Gateway API", () => {
  it.concurrent("a mirrored release meets copies first: a bad one meets no user", async () => {
    const story = await tell(gatewayApi, "mirror", { analysis: { stepWeights: [50], mirror: true, threshold: 3 } });
    await story.release(BAD);
    const { dropped, injected, failedByPrimary, versions } = await story.end("Failed");
    expect({ dropped, injected, failedByPrimary }).toEqual({ dropped: [], injected: 0, failedByPrimary: 0 });
    expect(Object.keys(versions)).toEqual(["6.0.0"]);
  });
});
