import { createSocket } from "node:dgram";
import { createServer, request as httpRequest } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { type AddressInfo, connect, type Server, type Socket } from "node:net";
import { generate } from "selfsigned";
import { request } from "undici";
import { afterEach, describe, expect, it } from "vitest";
import { createDispatcher } from "./dispatcher.ts";
import { proxyChoice } from "./proxy-choice.ts";

let cleanUp: (() => unknown)[] = [];
afterEach(async () => {
  for (const clean of cleanUp.toReversed()) await clean();
  cleanUp = [];
});

async function listen(server: Server): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const sockets = new Set<Socket>();
  server.on("connection", (socket) => sockets.add(socket));
  cleanUp.push(() => {
    server.close();
    for (const socket of sockets) socket.destroy();
  });
  return (server.address() as AddressInfo).port;
}

/** Knows one name, and answers NXDOMAIN for all others. */
async function startNameserver(name: string, address: string): Promise<string> {
  const socket = createSocket("udp4");
  const wanted = Buffer.concat([
    ...name.split(".").map((label) => Buffer.from(`${String.fromCharCode(label.length)}${label}`)),
    Buffer.alloc(1),
  ]);
  socket.on("message", (query, from) => {
    const end = query.indexOf(0, 12) + 5;
    const known = query.subarray(12, end - 4).equals(wanted);
    const head = Buffer.from(query.subarray(0, end));
    head.writeUInt16BE(known ? 0x8180 : 0x8183, 2);
    head.writeUInt16BE(known ? 1 : 0, 6);
    head.writeUInt32BE(0, 8);
    const answer = Buffer.from([0xc0, 12, 0, 1, 0, 1, 0, 0, 0, 0, 0, 4, ...address.split(".").map(Number)]);
    socket.send(known ? Buffer.concat([head, answer]) : head, from.port, from.address);
  });
  await new Promise<void>((resolve) => socket.bind(0, "127.0.0.1", resolve));
  cleanUp.push(() => socket.close());
  return `127.0.0.1:${socket.address().port}`;
}

describe("outgoing connections", () => {
  it("resolve names with the sandbox's nameserver, and other names with the machine's resolver", async () => {
    const port = await listen(createServer((incoming, response) => response.end(incoming.headers.host)));
    const nameserver = await startNameserver("podinfo-canary.test", "127.0.0.1");
    const dispatcher = createDispatcher({ env: { AVIARY_NAMESERVER: nameserver } });
    cleanUp.push(() => dispatcher.destroy());
    for (const host of ["podinfo-canary.test", "localhost"]) {
      const answer = await request(`http://${host}:${port}/`, { dispatcher });
      expect(await answer.body.text()).toBe(`${host}:${port}`);
    }
    await expect(request(`http://no-such-name.invalid:${port}/`, { dispatcher })).rejects.toThrow("no-such-name");
    expect(() => createDispatcher({ env: { AVIARY_NAMESERVER: "nonsense" } })).toThrow("expected an IP address");
  });

  it("complete short names with the search domains of the pod's namespace", async () => {
    const port = await listen(createServer((incoming, response) => response.end(incoming.headers.host)));
    const nameserver = await startNameserver("prometheus.test.svc.cluster.local", "127.0.0.1");
    const env = {
      AVIARY_NAMESERVER: nameserver,
      AVIARY_SEARCH: "test.svc.cluster.local svc.cluster.local cluster.local",
    };
    const dispatcher = createDispatcher({ env });
    cleanUp.push(() => dispatcher.destroy());
    const known = ["prometheus", "prometheus.test", "prometheus.test.svc", "prometheus.test.svc.cluster.local"];
    for (const host of [...known, "localhost"]) {
      const answer = await request(`http://${host}:${port}/`, { dispatcher });
      expect(await answer.body.text()).toBe(`${host}:${port}`);
    }
    await expect(request(`http://prometheus.:${port}/`, { dispatcher })).rejects.toThrow("prometheus.");
  });

  it("go through the environment's proxy, with a tunnel only for https", async () => {
    const seen: string[] = [];
    const targetPort = await listen(createServer((_, response) => response.end("target")));
    const proxy = createServer((incoming, response) => {
      seen.push(`${incoming.method} ${incoming.url}`);
      httpRequest({ port: targetPort, host: "127.0.0.1" }, (answer) => answer.pipe(response)).end();
    });
    proxy.on("connect", (incoming, client) => {
      seen.push(`CONNECT ${incoming.url}`);
      const target = connect(targetPort, "127.0.0.1", () => client.write("HTTP/1.1 200 OK\r\n\r\n"));
      target.pipe(client).pipe(target);
      target.on("error", () => client.destroy());
      client.on("error", () => target.destroy());
    });
    const proxyUrl = `http://127.0.0.1:${await listen(proxy)}`;
    const dispatcher = createDispatcher({ env: { HTTP_PROXY: proxyUrl, https_proxy: proxyUrl, NO_PROXY: ".local" } });
    cleanUp.push(() => dispatcher.destroy());
    const answer = await request("http://slack.example/hook", { dispatcher });
    expect(await answer.body.text()).toBe("target");
    await expect(request("https://slack.example/hook", { dispatcher })).rejects.toThrow();
    const direct = await request(`http://127.0.0.1:${targetPort}/`, { dispatcher });
    expect(await direct.body.text()).toBe("target");
    expect(seen).toEqual(["GET http://slack.example/hook", "CONNECT slack.example:443"]);
  });

  it("check certificates through a tunnel as without one", async () => {
    const extensions = [{ name: "subjectAltName" as const, altNames: [{ type: 2 as const, value: "kube.example" }] }];
    const ca = await generate([{ name: "commonName", value: "kube" }], { keyType: "ec", extensions });
    const target = createHttpsServer({ key: ca.private, cert: ca.cert }, (_, response) => response.end("inside"));
    const targetPort = await listen(target);
    const proxy = createServer();
    proxy.on("connect", (_, client) => {
      const through = connect(targetPort, "127.0.0.1", () => client.write("HTTP/1.1 200 OK\r\n\r\n"));
      through.pipe(client).pipe(through);
      through.on("error", () => client.destroy());
      client.on("error", () => through.destroy());
    });
    const proxyUrl = `http://127.0.0.1:${await listen(proxy)}`;
    const trusting = createDispatcher({ proxy: proxyUrl, tls: { ca: ca.cert }, env: {} });
    const strict = createDispatcher({ proxy: proxyUrl, env: {} });
    cleanUp.push(
      () => trusting.destroy(),
      () => strict.destroy(),
    );
    const answer = await request("https://kube.example/", { dispatcher: trusting });
    expect(await answer.body.text()).toBe("inside");
    await expect(request("https://kube.example/", { dispatcher: strict })).rejects.toThrow("self-signed");
  });

  it.each([
    ["http://example.com/", "", true],
    ["http://example.com/", "example.com", false],
    ["http://api.example.com/", "example.com", false],
    ["http://badexample.com/", "example.com", true],
    ["http://example.com/", ".example.com", true],
    ["http://x.svc/", "a, *.svc", false],
    ["http://10.96.0.1/", "10.0.0.0/8", false],
    ["http://11.96.0.1/", "10.0.0.0/8", true],
    ["http://[fd00::1]/", "fd00::/8", false],
    ["http://example.com:8080/", "example.com:8080", false],
    ["http://example.com/", "example.com:8080", true],
    ["http://example.com/", "*", false],
    ["http://127.9.9.9/", "", false],
    ["http://localhost:1/", "", false],
  ])("to %s with NO_PROXY=%s use the proxy: %s", (url, noProxy, expected) => {
    const choose = proxyChoice({ HTTP_PROXY: "proxy:3128", NO_PROXY: noProxy });
    expect(choose(new URL(url))).toBe(expected ? "http://proxy:3128" : undefined);
  });
});
