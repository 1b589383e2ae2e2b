import { createServer, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { expect, it } from "vitest";
import { until } from "../../testing/until.ts";
import { startUserTraffic } from "./traffic.ts";

it("the demo's users wait for their answers when too many of them wait already", async () => {
  const open: ServerResponse[] = [];
  let most = 0;
  let answered = 0;
  const server = createServer((_request, response) => {
    open.push(response);
    most = Math.max(most, open.length);
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const url = `http://127.0.0.1:${(server.address() as AddressInfo).port}/`;
  const traffic = startUserTraffic({ url, host: "podinfo.example.com", requestsPerSecond: 2000 });
  const answerOne = () => {
    if (open.length < 32) return;
    open.shift()?.end("ok");
    answered += 1;
  };
  try {
    await until("many were answered, one at a time while 32 waited", () => {
      answerOne();
      return answered >= 200;
    });
    expect(most).toBe(32);
  } finally {
    const stopped = traffic.stop();
    await until("all are answered", () => {
      for (const response of open.splice(0)) response.end("ok");
      return traffic.totals().open === 0;
    });
    await stopped;
    server.close();
  }
  expect(traffic.totals()).toMatchObject({ failed: 0, refused: 0 });
});
