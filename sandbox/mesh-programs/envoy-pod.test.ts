/** Envoy in a pod shares the ports of this machine with other pods. */
import { expect, it } from "vitest";
import { stringify } from "yaml";
import { adaptBootstrap } from "./envoy-pod.ts";

const at = (address: string, port_value: number) => ({ socket_address: { address, port_value } });
const cluster = (name: string, address: unknown) => ({
  name,
  load_assignment: { endpoints: [{ lb_endpoints: [{ endpoint: { address } }] }] },
});

it("the administrator's port is the pod's own, and the control plane is found without its name", () => {
  const bootstrap = stringify({
    admin: { address: at("127.0.0.1", 19_000) },
    node: { locality: { zone: "$(ENVOY_SERVICE_ZONE)" } },
    static_resources: {
      listeners: [{ name: "stats", address: at("0.0.0.0", 19_001) }],
      clusters: [
        cluster("prometheus_stats", at("127.0.0.1", 19_000)),
        cluster("xds_cluster", at("envoy-gateway.envoy-gateway-system.svc.cluster.local.", 18_000)),
        { name: "by-xds" },
      ],
    },
  });
  const adapted = JSON.parse(
    adaptBootstrap(bootstrap, "127.9.1.4", { envoy: "/bin/envoy", xdsPort: 4001, statsPort: 4002 }),
  );
  expect(adapted).toEqual({
    admin: { address: at("127.9.1.4", 19_000) },
    node: { locality: { zone: "$(ENVOY_SERVICE_ZONE)" } },
    static_resources: {
      listeners: [{ name: "stats", address: at("127.0.0.1", 4002) }],
      clusters: [
        cluster("prometheus_stats", at("127.9.1.4", 19_000)),
        cluster("xds_cluster", at("127.0.0.1", 4001)),
        { name: "by-xds" },
      ],
    },
  });
});
