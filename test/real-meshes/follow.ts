/** How long a proxy takes to follow its object: from the write of new weights to the first user that they lead. */
import { Agent } from "node:http";
import { type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import type { Fixture } from "../e2e/stories/fixture.ts";
import { byCanary } from "../e2e/stories/users.ts";
import { visitOf } from "./rollout.ts";
import { ask } from "./users.ts";
import type { Way } from "./ways.ts";
import type { RealWorld } from "./world.ts";

/** Asked so many times in a row, the proxy has settled. */
const SETTLED = 5;
const PATIENCE_MS = 60_000;

/**
 * The operator goes for good, so that nothing repairs what is written here; then all users are led to the one and the
 * other in turn. @returns milliseconds
 */
export async function followTimes(world: RealWorld, way: Way, namespace: string, turns: number): Promise<number[]> {
  const { fixture } = world;
  const { cluster } = fixture.sandbox;
  await dismissOperator(fixture);
  const target = { type: RESOURCES.deployment, namespace, name: "podinfo" };
  const live = await fixture.until(target, "there", (object) => object !== undefined);
  cluster.update(target.type, { ...live, spec: { ...live.spec, replicas: 1 } });
  await fixture.until(target, "ready", (object) => object?.status?.availableReplicas === 1);
  const visit = visitOf(world, way, namespace);
  const agent = new Agent({ keepAlive: visit.keepAlive });
  const untilLed = async (toCanary: boolean, times: number): Promise<number> => {
    const began = performance.now();
    for (let inARow = 0; inARow < times; ) {
      const answer = await ask(agent, visit);
      inARow = answer.status === 200 && byCanary(answer) === toCanary ? inARow + 1 : 0;
      if (inARow === times) return answer.doneAt;
      if (answer.doneAt - began > PATIENCE_MS) throw new Error(`${way.provider} on ${way.mesh} does not follow`);
    }
    return began;
  };
  const times: number[] = [];
  for (let turn = 0; turn < turns; turn += 1) {
    const toCanary = turn % 2 === 0;
    setWeight(world, way, namespace, toCanary ? 100 : 0);
    const written = performance.now();
    times.push((await untilLed(toCanary, 1)) - written);
    await untilLed(toCanary, SETTLED);
  }
  agent.destroy();
  return times;
}

function dismissOperator({ sandbox, until }: Fixture): Promise<unknown> {
  const { cluster } = sandbox;
  cluster.remove(RESOURCES.deployment, "istio-system", "flagger");
  const pods = cluster
    .list(RESOURCES.pod, "istio-system")
    .filter(({ metadata }) => metadata.labels?.["app"] === "flagger");
  return Promise.all(
    pods.map(({ metadata: { name } }) =>
      until({ type: RESOURCES.pod, namespace: "istio-system", name }, "gone", (object) => object === undefined),
    ),
  );
}

function setWeight({ fixture }: RealWorld, { split }: Way, namespace: string, weight: number): void {
  const { cluster } = fixture.sandbox;
  const live = cluster.get(split.type, namespace, split.name);
  if (live === undefined) throw new Error(`${split.type.kind} ${namespace}/${split.name} is not there`);
  const copy: KubeObject = structuredClone(live);
  split.setWeight(copy, weight);
  cluster.update(split.type, copy);
}

/** The smallest of the times that so many percent of them do not exceed. */
export function percentile(times: readonly number[], percent: number): number {
  const sorted = times.toSorted((a, b) => a - b);
  return sorted[Math.max(0, Math.ceil((sorted.length * percent) / 100) - 1)] ?? 0;
}
