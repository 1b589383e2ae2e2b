import { expect, it } from "vitest";
import { KubeError } from "../../ports/kube.ts";
import { SILENT_LOG } from "../../ports/log.ts";
import type { Recorder } from "../../ports/recorder.ts";
import { aCanary } from "../../testing/canary.ts";
import { ReadFailure } from "../cluster/read-failure.ts";
import { WriteFailure } from "../cluster/write.ts";
import { createSessions } from "../sessions.ts";
import { createComplaints } from "./complaints.ts";

const KEY = "test/podinfo";

function stage() {
  const said: string[] = [];
  const recorder = { announce: (_about: unknown, { message }: { message: string }) => void said.push(message) };
  const store = { load: () => ({ kind: "canary", canary: aCanary() }) as const };
  const complaints = createComplaints(SILENT_LOG, store, recorder as unknown as Recorder, createSessions());
  const fail = (error: Error, times = 1) => {
    for (let time = 0; time < times; time += 1) complaints.failed(KEY, error, 1000);
    return said.splice(0);
  };
  return { fail, settle: () => complaints.settled(KEY) };
}

it.each([
  ["a write that is refused", new WriteFailure("service x create error: no", new KubeError(403, "Forbidden", "no"))],
  ["an object that cannot be read", new ReadFailure("cannot read services")],
])("%s is announced at once, and once", (_, error) => {
  const { fail, settle } = stage();
  expect(fail(error, 5)).toEqual([error.message]);
  settle();
  expect(fail(error, 5)).toEqual([error.message]);
});

it("an error without words for users is announced once, when it lasts: else they would see a Canary that does nothing", () => {
  const { fail, settle } = stage();
  const error = new Error("router podinfo.test failed to unMarshal annotation x");
  expect(fail(error)).toEqual([]);
  settle();
  expect(fail(error)).toEqual([]);
  expect(fail(error, 5)).toEqual([`nothing is done for this Canary, because its turns fail: ${error.message}`]);
  expect(fail(new Error("another"), 2)).toHaveLength(1);
});

it.each([
  ["an API server that is away", new KubeError(0, "Unreachable", "connect ECONNREFUSED")],
  ["an API server that fails", new KubeError(500, "InternalError", "etcd is away")],
  ["another writer", new KubeError(409, "Conflict", "the object has been modified")],
])("%s is no news of any Canary", (_, error) => {
  expect(stage().fail(error, 5)).toEqual([]);
});
