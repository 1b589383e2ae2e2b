/** Job: pods until enough of them have succeeded, or too many have failed. */
import { type KubeFields, type KubeObject, RESOURCES } from "../../src/ports/kubernetes.ts";
import { rfc3339 } from "../clock.ts";
import { type ControllerContext, type Stop, startController, type Wiring } from "./context.ts";
import { editStatus, getByKey, isControlledBy, isTerminating, nameSuffix, namespaceOf } from "./objects.ts";
import { isFinished, isReady, podFromTemplate } from "./pods.ts";
import { JOB } from "./types.ts";

const FIRST_RETRY_MS = 10_000;

export function startJobs(context: ControllerContext): Stop {
  return startController(context, "job-controller", (wiring) => {
    wiring.onSelf(JOB);
    wiring.onOwned(RESOURCES.pod, JOB);
    return (key) => sync(context, wiring, key);
  });
}

function isOver(job: KubeObject): boolean {
  const conditions: KubeFields[] = job.status?.conditions ?? [];
  return conditions.some(({ type, status }) => (type === "Complete" || type === "Failed") && status === "True");
}

function sync(context: ControllerContext, wiring: Wiring, key: string): void {
  const { cluster, clock } = context;
  const job = getByKey(cluster, JOB, key);
  if (job === undefined || isTerminating(job)) return;
  if (isOver(job)) {
    expire(context, wiring, key, job);
    return;
  }
  const pods = cluster.list(RESOURCES.pod, namespaceOf(job)).filter((pod) => isControlledBy(pod, job));
  const succeeded = pods.filter((pod) => pod.status?.phase === "Succeeded").length;
  const failed = pods.filter((pod) => pod.status?.phase === "Failed").length;
  const active = pods.filter((pod) => !isFinished(pod) && !isTerminating(pod));
  const completions: number = job.spec?.completions ?? job.spec?.parallelism ?? 1;
  const lost = failed > (job.spec?.backoffLimit ?? 6);
  const done = succeeded >= completions;
  let started = active.length;
  if (done || lost) for (const pod of active) cluster.remove(RESOURCES.pod, namespaceOf(pod), pod.metadata.name);
  else if (job.spec?.suspend !== true) {
    const wanted = Math.min(job.spec?.parallelism ?? 1, completions - succeeded) - active.length;
    const wait = wanted > 0 ? retryWait(pods, failed, clock.now()) : 0;
    if (wait > 0) wiring.queue.addAfter(key, wait);
    else for (let i = 0; i < wanted; i += 1, started += 1) create(context, wiring, job);
  }
  const now = rfc3339(clock.now());
  editStatus(cluster, JOB, job, (copy) => {
    const status: KubeFields = { ...copy.status, startTime: copy.status?.startTime ?? now };
    const verdict = done ? COMPLETE : lost ? FAILED : undefined;
    const counters = { active: verdict ? 0 : started, ready: active.filter(isReady).length, succeeded, failed };
    for (const [name, count] of Object.entries(counters)) {
      if (count > 0 || name === "ready") status[name] = count;
      else delete status[name];
    }
    if (verdict !== undefined) {
      const stamped = { ...verdict, status: "True", lastProbeTime: now, lastTransitionTime: now };
      status.conditions = [...(status.conditions ?? []), stamped];
      if (done) status.completionTime = now;
    }
    copy.status = status;
  });
  if (done) wiring.events.normal(job, "Completed", "Job completed");
  else if (lost) wiring.events.warning(job, "BackoffLimitExceeded", FAILED.message);
}

const COMPLETE = {
  type: "Complete",
  reason: "CompletionsReached",
  message: "Reached expected number of succeeded pods",
};
const FAILED = {
  type: "Failed",
  reason: "BackoffLimitExceeded",
  message: "Job has reached the specified backoff limit",
};

/** Failed pods are replaced after a growing back-off. */
function retryWait(pods: readonly KubeObject[], failed: number, now: number): number {
  if (failed === 0) return 0;
  const ends = pods
    .filter((pod) => pod.status?.phase === "Failed")
    .flatMap((pod): KubeFields[] => pod.status?.containerStatuses ?? [])
    .map((container) => Date.parse(container.state?.terminated?.finishedAt ?? "") || 0);
  return Math.max(0, Math.max(0, ...ends) + FIRST_RETRY_MS * 2 ** (failed - 1) - now);
}

function create({ cluster, random }: ControllerContext, { events }: Wiring, job: KubeObject): void {
  const name = `${job.metadata.name}-${nameSuffix(random)}`;
  const pod = podFromTemplate(job.spec?.template ?? {}, job, name);
  const { uid = "" } = job.metadata;
  pod.metadata.labels = {
    ...pod.metadata.labels,
    "batch.kubernetes.io/job-name": job.metadata.name,
    "batch.kubernetes.io/controller-uid": uid,
    "job-name": job.metadata.name,
    "controller-uid": uid,
  };
  cluster.create(RESOURCES.pod, pod);
  events.normal(job, "SuccessfulCreate", `Created pod: ${name}`);
}

/** ttlSecondsAfterFinished. */
function expire({ cluster, clock }: ControllerContext, { queue }: Wiring, key: string, job: KubeObject): void {
  const ttl: unknown = job.spec?.ttlSecondsAfterFinished;
  const conditions: KubeFields[] = job.status?.conditions ?? [];
  const ended = conditions.map((entry) => Date.parse(entry.lastTransitionTime));
  if (typeof ttl !== "number") return;
  const wait = Math.max(...ended) + ttl * 1000 - clock.now();
  if (wait > 0) queue.addAfter(key, wait);
  else cluster.remove(JOB, namespaceOf(job), job.metadata.name);
}
