import { createSocket } from "node:dgram";
import { Resolver } from "node:dns/promises";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { RESOURCES } from "../../src/ports/kubernetes.ts";
import { type AddressBlock, claimAddressBlock } from "../addresses.ts";
import { createStore } from "../api-server/store.ts";
import { type Nameserver, startNameserver } from "./index.ts";

let addresses: AddressBlock;
let nameserver: Nameserver;
const resolver = new Resolver({ timeout: 2_000, tries: 1 });

beforeAll(async () => {
  addresses = await claimAddressBlock();
  const cluster = createStore();
  cluster.create(RESOURCES.namespace, { apiVersion: "v1", kind: "Namespace", metadata: { name: "test" } });
  cluster.create(RESOURCES.service, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "podinfo", namespace: "test" },
    spec: { clusterIP: `${addresses.prefix}.200.7`, ports: [{ port: 80 }] },
  });
  cluster.create(RESOURCES.service, {
    apiVersion: "v1",
    kind: "Service",
    metadata: { name: "headless", namespace: "test" },
    spec: { clusterIP: "None", ports: [{ port: 80 }] },
  });
  cluster.create(RESOURCES.endpoints, {
    apiVersion: "v1",
    kind: "Endpoints",
    metadata: { name: "headless", namespace: "test" },
    subsets: [{ addresses: [{ ip: "127.70.1.1" }, { ip: "127.70.1.2" }], ports: [{ port: 80 }] }],
  });
  nameserver = await startNameserver(cluster, { address: addresses.own(53) });
  resolver.setServers([`${nameserver.address}:${nameserver.port}`]);
});

afterAll(async () => {
  await nameserver.stop();
  await addresses.release();
});

describe("the nameserver, asked by Node's own resolver", () => {
  it.each(["podinfo.test", "podinfo.test.svc", "podinfo.test.svc.cluster.local", "PodInfo.Test"])(
    "%s",
    async (name) => {
      expect(await resolver.resolve4(name)).toEqual([`${addresses.prefix}.200.7`]);
    },
  );

  it("a headless Service is its pods", async () => {
    expect((await resolver.resolve4("headless.test")).sort()).toEqual(["127.70.1.1", "127.70.1.2"]);
  });

  it.each(["absent.test", "podinfo.elsewhere", "example.com", "a.b.c.d.e"])("%s does not exist", async (name) => {
    await expect(resolver.resolve4(name)).rejects.toMatchObject({ code: "ENOTFOUND" });
  });

  it("a name without IPv6 exists all the same", async () => {
    await expect(resolver.resolve6("podinfo.test")).rejects.toMatchObject({ code: "ENODATA" });
  });

  it("garbage is not answered, and the nameserver goes on", async () => {
    const socket = createSocket("udp4");
    for (const bytes of [[], [1], new Array(12).fill(255), [0, 1, 1, 0, 0, 1, 0, 0, 0, 0, 0, 0, 63, 1, 2]]) {
      await new Promise<void>((resolve, reject) => {
        socket.send(Buffer.from(bytes), nameserver.port, nameserver.address, (error) =>
          error === null ? resolve() : reject(error),
        );
      });
    }
    socket.close();
    expect(await resolver.resolve4("podinfo.test")).toHaveLength(1);
  });
});
