/**
 * A Route splits its requests between Revisions. Its status says how, and the mesh goes by that: it changes when all
 * Revisions that are asked for can answer, and until then everything stays as it is.
 */
import { type KubeFields, type KubeObject, RESOURCES } from "../../../src/ports/kubernetes.ts";
import { rfc3339 } from "../../clock.ts";
import { KNATIVE, KNATIVE_DOMAIN, KNATIVE_LABELS, KNATIVE_PORT } from "../../crds/knative.ts";
import { type ControllerContext, type Stop, startController } from "../context.ts";
import { controllerRef, edit, getByKey, isControlledBy, isTerminating, keyOf, namespaceOf } from "../objects.ts";
import { conditionOf, isReady, type State, saveStatus, TRUE } from "./conditions.ts";
import { deploymentName } from "./revisions.ts";

export function startRoutes(context: ControllerContext): Stop {
  const { cluster } = context;
  return startController(context, "route-controller", (wiring) => {
    const routesThere = ({ metadata }: KubeObject) => cluster.list(KNATIVE.route, metadata.namespace ?? "").map(keyOf);
    wiring.onSelf(KNATIVE.route);
    wiring.on(KNATIVE.configuration, routesThere);
    wiring.on(KNATIVE.revision, routesThere);
    return (key) => {
      const route = getByKey(cluster, KNATIVE.route, key);
      if (route !== undefined && !isTerminating(route)) sync(context, route);
    };
  });
}

function sync(context: ControllerContext, route: KubeObject): void {
  const { name } = route.metadata;
  const { targets, state } = assigned(context, route);
  const taken = placeholders(context, route, targets);
  const traffic: readonly KubeFields[] = state.status === "True" ? targets : (route.status?.traffic ?? []);
  mark(context, route, [...traffic, ...targets]);
  const url = `http://${name}.${namespaceOf(route)}.${KNATIVE_DOMAIN}`;
  const address = { url: `http://${name}.${namespaceOf(route)}.svc.cluster.local` };
  saveStatus(
    context,
    KNATIVE.route,
    route,
    { AllTrafficAssigned: state, IngressReady: taken ?? TRUE, CertificateProvisioned: TRUE },
    { url, address, ...(traffic.length === 0 ? {} : { traffic }) },
  );
}

interface Assignment {
  /** With the names of Revisions, as far as they are known. */
  readonly targets: readonly KubeFields[];
  /** Whether all of them can answer. */
  readonly state: State;
}

function assigned(context: ControllerContext, route: KubeObject): Assignment {
  const targets: KubeFields[] = [];
  let state: State = TRUE;
  const wanted: readonly KubeFields[] = route.spec?.traffic ?? [];
  for (const { configurationName, revisionName: pinned, ...target } of wanted) {
    const revisionName = pinned ?? latestReadyOf(context, route, configurationName);
    const problem =
      revisionName === undefined
        ? missing(`Configuration "${configurationName}" is waiting for a Revision to become ready.`)
        : problemOf(context, route, revisionName);
    if (problem !== undefined && state.status !== "False") state = problem;
    if (revisionName === undefined) continue;
    const url = target.tag && `http://${target.tag}-${route.metadata.name}.${namespaceOf(route)}.${KNATIVE_DOMAIN}`;
    targets.push({ ...target, revisionName, ...(url && { url }) });
  }
  return { targets, state };
}

const missing = (message: string): State => ({ status: "Unknown", reason: "RevisionMissing", message });

function latestReadyOf({ cluster }: ControllerContext, route: KubeObject, name: string): string | undefined {
  return cluster.get(KNATIVE.configuration, namespaceOf(route), name)?.status?.latestReadyRevisionName;
}

function problemOf({ cluster }: ControllerContext, route: KubeObject, name: string): State | undefined {
  const revision = cluster.get(KNATIVE.revision, namespaceOf(route), name);
  if (revision === undefined) {
    const message = `Revision "${name}" referenced in traffic not found.`;
    return { status: "False", reason: "RevisionMissing", message };
  }
  const service = route.metadata.labels?.[KNATIVE_LABELS.service];
  if (service !== undefined && revision.metadata.labels?.[KNATIVE_LABELS.service] !== service) {
    const message = `Revision "${name}" does not belong to Service "${service}".`;
    return { status: "False", reason: "RevisionNotOwned", message };
  }
  if (conditionOf(revision, "Ready")?.status === "False") {
    return { status: "False", reason: "RevisionMissing", message: `Revision "${name}" failed to become ready.` };
  }
  if (!isReady(revision)) return missing(`Revision "${name}" is not yet ready.`);
  // Knative's activator holds requests for a Revision at rest until it has a pod; here the split waits for it instead.
  const deployment = cluster.get(RESOURCES.deployment, namespaceOf(route), deploymentName(name));
  const awake = (deployment?.status?.availableReplicas ?? 0) > 0 && deployment?.spec?.replicas !== 0;
  return awake ? undefined : missing(`Revision "${name}" is waking up.`);
}

/** Says on each Revision of the Route's Service whether requests may come to it. */
function mark({ cluster, clock }: ControllerContext, route: KubeObject, targets: readonly KubeFields[]): void {
  const named = new Set(targets.map(({ revisionName }) => revisionName));
  const service = route.metadata.labels?.[KNATIVE_LABELS.service] ?? "";
  for (const revision of cluster.list(KNATIVE.revision, namespaceOf(route))) {
    const { labels = {}, name } = revision.metadata;
    if (labels[KNATIVE_LABELS.service] !== service) continue;
    const before = labels[KNATIVE_LABELS.routingState];
    const after = named.has(name) ? "active" : before === "active" ? "reserve" : before;
    if (after === before || after === undefined) continue;
    edit(cluster, KNATIVE.revision, revision, ({ metadata }) => {
      metadata.labels = { ...metadata.labels, [KNATIVE_LABELS.routingState]: after };
      metadata.annotations = { ...metadata.annotations, [KNATIVE_LABELS.routingStateModified]: rfc3339(clock.now()) };
    });
  }
}

/**
 * Services without pods of their own, by whose names the Route is asked inside the cluster: one for the Route, one for
 * each tag. @returns why one cannot be had
 */
function placeholders(
  { cluster }: ControllerContext,
  route: KubeObject,
  targets: readonly KubeFields[],
): State | undefined {
  const namespace = namespaceOf(route);
  const tags = targets.flatMap(({ tag }): string[] => (tag ? [tag] : []));
  const names = [route.metadata.name, ...tags.map((tag) => `${tag}-${route.metadata.name}`)];
  for (const { metadata } of cluster.list(RESOURCES.service, namespace).filter((each) => isControlledBy(each, route))) {
    if (!names.includes(metadata.name)) cluster.remove(RESOURCES.service, namespace, metadata.name);
  }
  for (const name of names) {
    const live = cluster.get(RESOURCES.service, namespace, name);
    if (live !== undefined && !isControlledBy(live, route)) {
      const message = `There is an existing placeholder Service "${name}" that we do not own.`;
      return { status: "False", reason: "NotOwned", message };
    }
    if (live !== undefined) continue;
    const labels = { ...route.metadata.labels, [KNATIVE_LABELS.route]: route.metadata.name };
    cluster.create(RESOURCES.service, {
      apiVersion: "v1",
      kind: "Service",
      metadata: { name, namespace, labels, ownerReferences: [controllerRef(route)] },
      spec: { ports: [{ name: "http", port: KNATIVE_PORT }] },
    });
  }
  return undefined;
}
