import { createSocket } from "node:dgram";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { request } from "undici";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createDispatcher } from "./dispatcher.ts";
import { servicePorts } from "./service-ports.ts";

const server = createServer((incoming, response) => response.end(incoming.headers.host));
const nameserver = createSocket("udp4");
let env: Record<string, string>;
let port: number;

beforeAll(async () => {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  port = (server.address() as AddressInfo).port;
  // Knows every name of namespace test, and no other.
  nameserver.on("message", (query, from) => {
    const end = query.indexOf(0, 12) + 5;
    const head = Buffer.from(query.subarray(0, end));
    const known = head
      .subarray(12, end - 4)
      .toString("latin1")
      .endsWith("\u0004test\0");
    head.writeUInt16BE(known ? 0x8180 : 0x8183, 2);
    head.writeUInt16BE(known ? 1 : 0, 6);
    head.writeUInt32BE(0, 8);
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, 127, 0, 0, 1]);
    nameserver.send(known ? Buffer.concat([head, answer]) : head, from.port, from.address);
  });
  await new Promise<void>((resolve) => nameserver.bind(0, "127.0.0.1", resolve));
  const address = `127.0.0.1:${nameserver.address().port}`;
  env = { AVIARY_NAMESERVER: address, AVIARY_PORT_SHIFT: String(port - 80) };
});

afterAll(async () => {
  nameserver.close();
  await new Promise((resolve) => server.close(resolve));
});

describe("port 80 of a Service in the sandbox of a user who may not open it", () => {
  it("is asked at the shifted port, and the Service reads its own name", async () => {
    const dispatcher = createDispatcher({ env });
    const answer = await request("http://flagger-loadtester.test/", { dispatcher });
    expect(await answer.body.text()).toBe("flagger-loadtester.test");
    const again = await request(`http://flagger-loadtester.test:${port}/`, { dispatcher });
    expect(await again.body.text()).toBe(`flagger-loadtester.test:${port}`);
    await dispatcher.close();
  });

  it.each([
    ["a Service by its address", "127.0.200.1", 443, (shift: number) => 443 + shift],
    ["a port that needs no root", "podinfo.test", 9898, () => 9898],
    ["another host", "hooks.slack.example", 443, () => 443],
    ["an address outside the sandbox", "10.1.2.3", 80, () => 80],
  ])("%s", async (_, host, asked, expected) => {
    expect(await servicePorts(env)?.(host, asked)).toBe(expected(port - 80));
  });

  it("is an exception of the sandbox: without the variable every port is where it says", () => {
    expect(servicePorts({ AVIARY_NAMESERVER: "127.0.0.1:1" })).toBeUndefined();
    expect(servicePorts({ AVIARY_PORT_SHIFT: "20000" })).toBeUndefined();
    expect(() => servicePorts({ ...env, AVIARY_PORT_SHIFT: "many" })).toThrow(
      'AVIARY_PORT_SHIFT is "many": expected a whole number, such as 20000',
    );
  });
});
