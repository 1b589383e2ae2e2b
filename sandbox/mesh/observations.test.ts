import { describe, expect, it } from "vitest";
import { createTelemetry, type Observation, type ServiceName } from "./observations.ts";
import { INGRESS_WORKLOAD, type Workload } from "./workload.ts";

const MINUTE = 60_000;

const service = (name: string): ServiceName => ({
  host: `${name}.test.svc.cluster.local`,
  name,
  namespace: "test",
  revision: false,
});
const workload = (name: string): Workload => ({ ...INGRESS_WORKLOAD, id: `test/${name}`, namespace: "test", name });

function request(name: string): Observation {
  return {
    source: INGRESS_WORKLOAD,
    destination: workload(name),
    service: service(name),
    code: 200,
    flags: "-",
    seenBySource: true,
    seenByDestination: true,
    durationMs: 1,
    requestBytes: 0,
    responseBytes: 10,
  };
}

/** Telemetry of a cluster in which "gone" has been deleted. */
function telemetryOf() {
  let at = 0;
  const gone = new Set<string>();
  const telemetry = createTelemetry({ now: () => at, exists: ({ name }) => !gone.has(name) });
  const workloads = () => {
    const names = telemetry
      .exposition()
      .join("")
      .matchAll(/istio_requests_total\{.*?destination_workload="(\w+)"/g);
    return [...new Set([...names].map(([, name]) => name))];
  };
  const advance = (ms: number) => {
    at += ms;
    return workloads();
  };
  return { telemetry, gone, advance };
}

describe("the series of the mesh", () => {
  it("stay while the workload and its Service exist, though nothing is asked of them", () => {
    const { telemetry, advance } = telemetryOf();
    telemetry.observe(request("podinfo"));
    expect(advance(120 * MINUTE)).toEqual(["podinfo"]);
  });

  it("go ten minutes after the workload went", () => {
    const { telemetry, gone, advance } = telemetryOf();
    for (const name of ["podinfo", "old"]) telemetry.observe(request(name));
    gone.add("old");
    advance(MINUTE);
    expect(advance(9 * MINUTE)).toEqual(["podinfo", "old"]);
    expect(advance(MINUTE)).toEqual(["podinfo"]);
    expect(telemetry.totals()).toHaveLength(1);
  });

  it("stay when the workload comes back in time", () => {
    const { telemetry, gone, advance } = telemetryOf();
    telemetry.observe(request("podinfo"));
    gone.add("podinfo");
    advance(9 * MINUTE);
    gone.delete("podinfo");
    advance(MINUTE);
    gone.add("podinfo");
    expect(advance(9 * MINUTE)).toEqual(["podinfo"]);
  });
});
