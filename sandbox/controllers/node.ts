/** The one node, always ready. */
import type { KubeObject } from "../../src/ports/kubernetes.ts";
import { rfc3339 } from "../clock.ts";
import { type ControllerContext, type Stop, startController } from "./context.ts";
import { editStatus } from "./objects.ts";
import { NODE, NODE_LABELS, NODE_NAME } from "./types.ts";

/** Registers the node, again when it was deleted. */
export function startNode(context: ControllerContext): Stop {
  const { cluster, clock } = context;
  return startController(context, "node-controller", (wiring) => {
    wiring.on(NODE, (_node, event) => (event === "DELETED" ? [NODE_NAME] : []));
    wiring.queue.add(NODE_NAME);
    return () => {
      if (cluster.get(NODE, "", NODE_NAME) !== undefined) return;
      const node = {
        apiVersion: "v1",
        kind: "Node",
        metadata: { name: NODE_NAME, labels: { ...NODE_LABELS } },
        spec: {},
      };
      const created = cluster.create(NODE, node);
      editStatus(cluster, NODE, created, (copy) => {
        copy.status = nodeStatus(rfc3339(clock.now()));
      });
    };
  });
}

function nodeStatus(now: string): KubeObject["status"] {
  const capacity = { cpu: "8", memory: "16Gi", pods: "1000" };
  const condition = (type: string, status: string, reason: string, message: string) => {
    return { type, status, reason, message, lastHeartbeatTime: now, lastTransitionTime: now };
  };
  return {
    capacity,
    allocatable: capacity,
    conditions: [
      condition("MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"),
      condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
      condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
      condition("Ready", "True", "KubeletReady", "the sandbox is running"),
    ],
    addresses: [
      { type: "InternalIP", address: "127.0.0.1" },
      { type: "Hostname", address: NODE_NAME },
    ],
    nodeInfo: {
      machineID: "",
      systemUUID: "",
      bootID: "",
      kernelVersion: "",
      osImage: "Aviary sandbox",
      containerRuntimeVersion: `node://${process.version.slice(1)}`,
      kubeletVersion: "v1.33.0",
      kubeProxyVersion: "",
      operatingSystem: "linux",
      architecture: NODE_LABELS["kubernetes.io/arch"] ?? "amd64",
    },
  };
}
