/**
 * A fake is a program that passes the suite of the real thing. Every imitation of an API server in this repository runs
 * the rows of cases.ts; a row that it does not serve is named, with the reason. With KUBE_APISERVER and ETCD (paths of
 * two programs that are not part of this repository) the real kube-apiserver runs them, too.
 */
import { afterAll, beforeAll, describe, it } from "vitest";
import { startApiServer } from "../../sandbox/api-server/index.ts";
import { crds } from "../../src/crd/index.ts";
import { type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import { startStubCluster } from "../../src/testing/stub-cluster.ts";
import { startToyApiServer } from "../../src/testing/toy-api-server.ts";
import { startKubeApiServer } from "../chaos/kube-apiserver.ts";
import { CASES } from "./cases.ts";
import type { Subject } from "./subject.ts";
import { overHttp, simulated, transportTo } from "./subjects.ts";

interface Running {
  readonly subject: Subject;
  stop(): Promise<void>;
}

interface Server {
  readonly name: string;
  start(): Promise<Running>;
  /** Rows that it does not serve. */
  readonly without: readonly { readonly because: string; readonly cases: readonly string[] }[];
}

const NAMESPACES = ["here", "elsewhere"];
const GARBAGE = { because: "a controller does it, and none runs", cases: ["deletes what a deleted object owns"] };

const { KUBE_APISERVER: apiServer, ETCD: etcd } = process.env;

/** Real rules: namespaces and kinds must exist. */
async function withKinds(subject: Subject): Promise<Subject> {
  for (const crd of crds()) await subject.create(RESOURCES.crd, crd as unknown as KubeObject);
  const create: Subject["create"] = async (type, object) => {
    const { namespace } = object.metadata;
    if (
      namespace !== undefined &&
      (await subject.get({ type: RESOURCES.namespace, namespace: "", name: namespace })) === undefined
    ) {
      const space = { apiVersion: "v1", kind: "Namespace", metadata: { name: namespace } };
      await subject.create(RESOURCES.namespace, space);
    }
    return subject.create(type, object);
  };
  return { ...subject, create };
}

const SERVERS: readonly Server[] = [
  {
    name: "the sandbox's API server",
    async start() {
      const server = await startApiServer({ addresses: { service: () => "127.66.128.9", releaseService: () => {} } });
      const transport = transportTo(server);
      return {
        subject: await withKinds(overHttp(transport)),
        stop: () => transport.close().then(() => server.stop()),
      };
    },
    without: [GARBAGE],
  },
  {
    name: "the simulated API server",
    start: async () => ({ subject: simulated(), stop: async () => {} }),
    without: [
      {
        because: "the simulated operator patches, and never replaces",
        cases: [
          "answers NotFound when what is missing is replaced",
          "replaces an object at its version, and refuses a stale one with Conflict",
          "lets one of two holders have a Lease",
        ],
      },
      {
        because: "a scenario may begin in the middle: its objects come with their status",
        cases: ["keeps no status of a Canary that is created with one"],
      },
      { because: "the simulated operator names no uid", cases: ["deletes no namesake when the uid is given"] },
      {
        because: "caches of the simulation (simulate/watches.ts) list all objects, and follow every change",
        cases: [
          "selects by name, which the operator asks for with a field selector",
          "selects Events by what they are about",
          "selects by labels",
          "answers in pages, which together are the list",
          "watches from the version of a list: every later change, in order, each with a higher version",
          "watches one namespace, or one name",
          "ends a watch when its time is up; where nothing happened, it got bookmarks at most",
          "answers 410 to a watch from a version that is too old",
        ],
      },
    ],
  },
  {
    name: "the toy API server",
    async start() {
      const server = await startToyApiServer();
      const transport = transportTo(server);
      const forget = () => {
        server.compact();
        return "1";
      };
      return { subject: overHttp(transport, forget), stop: () => transport.close().then(() => server.kill()) };
    },
    without: [
      GARBAGE,
      {
        because: "a test ends its watches",
        cases: ["ends a watch when its time is up; where nothing happened, it got bookmarks at most"],
      },
    ],
  },
  {
    name: "the stub of a large cluster",
    async start() {
      const server = await startStubCluster();
      const transport = transportTo(server);
      return { subject: overHttp(transport), stop: () => transport.close().then(() => server.close()) };
    },
    without: [
      GARBAGE,
      {
        because: "it keeps no past: a watch that begins late gets what is, and a test tells it what is too old",
        cases: [
          "watches from the version of a list: every later change, in order, each with a higher version",
          "ends a watch when its time is up; where nothing happened, it got bookmarks at most",
          "answers 410 to a watch from a version that is too old",
        ],
      },
    ],
  },
  ...(apiServer === undefined || etcd === undefined
    ? []
    : [
        {
          name: "the real kube-apiserver",
          async start() {
            const server = await startKubeApiServer({ apiServer, etcd });
            return { subject: await withKinds(overHttp(server.transport)), stop: server.stop };
          },
          without: [
            GARBAGE,
            {
              because: "its memory of a new cluster reaches back to the first version",
              cases: ["answers 410 to a watch from a version that is too old"],
            },
          ],
        },
      ]),
];

describe.each(SERVERS)("$name", ({ start, without }) => {
  let running: Running;
  beforeAll(async () => {
    running = await start();
  });
  afterAll(() => running?.stop());

  const left = new Set(without.flatMap(({ cases }) => cases));
  it("leaves out rows that there are", ({ expect }) => {
    const names = CASES.map((one) => one.it);
    expect([...left].filter((name) => !names.includes(name))).toEqual([]);
  });

  it.each(CASES.filter((one) => !left.has(one.it)))("$it", async ({ run, it: name }) => {
    const [here = "", elsewhere = ""] = NAMESPACES.map(
      (kind) => `${kind}-${CASES.findIndex((one) => one.it === name)}`,
    );
    await run(running.subject, { here, elsewhere });
  });
});
