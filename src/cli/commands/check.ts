/** Whether an installation can work: cluster, definitions, rights, operator, and what each Canary refers to. */

import { STEERING_GROUP } from "../../core/people/steering.ts";
import { doubtsOf, doubtText } from "../../core/spec/doubts.ts";
import { serverVersion } from "../../kube/client.ts";
import { isForbidden } from "../../ports/kube.ts";
import { type KubeFields, type KubeObject, RESOURCES } from "../../ports/kubernetes.ts";
import { STEERING } from "../../ports/steering.ts";
import { systemClock } from "../../time/system-clock.ts";
import { routerFor, SPEC_RULES } from "../adapters.ts";
import { asUserError, CLUSTER_OPTIONS, type ClusterClient, connectCluster } from "../cluster.ts";
import { coloured } from "../colour.ts";
import { humanAge } from "../columns.ts";
import type { Command } from "../command.ts";
import { describeOptions, type OptionSpec, OUTPUT, oneOf, readOptions, refuseWords } from "../options.ts";
import { type Facts, factsOf } from "../steer/facts.ts";
import { NAMESPACE } from "../steer/options.ts";
import { listed } from "../steer/seen.ts";

const OPTIONS = {
  ...NAMESPACE,
  ...OUTPUT,
  ...CLUSTER_OPTIONS,
} as const satisfies Record<string, OptionSpec>;

export interface Finding {
  readonly verdict: "ok" | "warning" | "error";
  readonly what: string;
  /** What to do, when it is not ok. */
  readonly cure?: string;
}

export const checkCommand: Command = {
  help: `Usage: aviary check [OPTIONS]

Looks at the cluster, the definitions, your rights, the operator, and at what each Canary refers to. Changes nothing.
Without -n, Canaries of all namespaces are checked. Exit code 1 when there is an error.

Examples:
  aviary check
  aviary check -n test -o json

${describeOptions(OPTIONS)}`,
  async run({ argv, env, out, signal }) {
    const options = readOptions(argv, OPTIONS);
    refuseWords(options);
    const asJson = oneOf(options, "output", ["text", "json"]) === "json";
    const client = await connectCluster(options, env);
    try {
      const findings = await findingsOf(client, options.text("namespace") ?? "", signal);
      const paint = coloured(env);
      const sign = { ok: paint.good("ok     "), warning: paint.warn("warning"), error: paint.bad("error  ") };
      if (asJson) out(`${JSON.stringify(findings, null, 2)}\n`);
      else
        for (const { verdict, what, cure } of findings) {
          out(`${sign[verdict]} ${what}${cure === undefined ? "" : `: ${cure}`}\n`);
        }
      return findings.some(({ verdict }) => verdict === "error") ? 1 : 0;
    } catch (error) {
      throw asUserError(error);
    }
  },
};

/**
 * @param namespace of the Canaries that are looked at; "": all
 * @param known these Canaries; absent: they are listed
 */
export async function findingsOf(
  client: ClusterClient,
  namespace: string,
  signal: AbortSignal,
  known?: readonly KubeObject[],
): Promise<readonly Finding[]> {
  const leases = await listed(client, RESOURCES.lease, "", { fieldSelector: `metadata.name=${LEASE}` }, signal);
  return [
    await cluster(client, signal),
    ...(await definitions(client, signal)),
    ...(await rights(client, signal)),
    ...(await operator(client, leases, signal)),
    ...(await strayFreezes(client, leases, signal)),
    ...(await canaries(client, known ?? (await listed(client, RESOURCES.canary, namespace, {}, signal)), signal)),
  ];
}

const ok = (what: string): Finding => ({ verdict: "ok", what });
const warning = (what: string, cure: string): Finding => ({ verdict: "warning", what, cure });
const problem = (what: string, cure: string): Finding => ({ verdict: "error", what, cure });

async function cluster({ transport, name }: ClusterClient, signal: AbortSignal): Promise<Finding> {
  return ok(`cluster ${name}, Kubernetes ${await serverVersion(transport, signal)}`);
}

async function definitions(client: ClusterClient, signal: AbortSignal): Promise<readonly Finding[]> {
  const served = async (group: string, version: string) => {
    const path = `/apis/${group}/${version}`;
    const list: KubeFields = await client.transport.send({ method: "GET", path }, signal).catch(() => undefined);
    return (list?.resources ?? []).map(({ name }: { name: string }) => name) as readonly string[];
  };
  const [own, steering] = await Promise.all([served("flagger.app", "v1beta1"), served(STEERING_GROUP, "v1alpha1")]);
  const needed = ["canaries", "metrictemplates", "alertproviders"].filter((name) => !own.includes(name));
  return [
    needed.length === 0
      ? ok("definitions of flagger.app are installed")
      : problem(`definitions are missing: ${needed.join(", ")}`, "aviary apply deploy/crds"),
    steering.includes("canaryactions") && steering.includes("canaryruns")
      ? ok(`definitions of ${STEERING_GROUP} are installed`)
      : warning(`definitions of ${STEERING_GROUP} are missing: no record, no verbs`, "aviary apply deploy/crds"),
  ];
}

/** What the commands need; the operator says in events what it may not do. */
const ASKED: readonly (readonly [group: string, resource: string, verb: string, use: string])[] = [
  ["flagger.app", "canaries", "list", "list, show, status"],
  ["", "events", "list", "why, describe"],
  ["", "pods", "list", "show"],
  [STEERING_GROUP, "canaryactions", "create", "pause, promote, abort and the other verbs"],
];

async function rights({ transport }: ClusterClient, signal: AbortSignal): Promise<readonly Finding[]> {
  const path = "/apis/authorization.k8s.io/v1/selfsubjectaccessreviews";
  return await Promise.all(
    ASKED.map(async ([group, resource, verb, use]) => {
      const spec = { resourceAttributes: { group, resource, verb } };
      const body = { apiVersion: "authorization.k8s.io/v1", kind: "SelfSubjectAccessReview", spec };
      const review: KubeFields = await transport
        .send({ method: "POST", path, body }, signal)
        .catch((error: unknown) => {
          if (isForbidden(error)) return undefined;
          throw error;
        });
      return review?.status?.allowed === true
        ? ok(`you may ${verb} ${resource}`)
        : warning(`you may not ${verb} ${resource} in all namespaces (${use})`, "ask for a role");
    }),
  );
}

const LEASE = "flagger-leader-election";

async function operator(
  client: ClusterClient,
  leases: readonly KubeObject[],
  signal: AbortSignal,
): Promise<readonly Finding[]> {
  const deployments = await listed(client, RESOURCES.deployment, "", { part: operatorPart }, signal);
  const found = deployments.filter(runsOperator);
  const pods = found.map(({ metadata, status }) => {
    const where = `operator ${metadata.name}.${metadata.namespace}`;
    const ready: number = status?.readyReplicas ?? 0;
    return ready > 0 ? ok(`${where}: ${ready} ready`) : problem(`${where} has no ready pod`, "look at its log");
  });
  const held = leases.map(({ metadata, spec }) => {
    const age = systemClock.now() - (Date.parse(spec?.renewTime ?? "") || 0);
    const limit = (spec?.leaseDurationSeconds ?? 60) * 1000;
    const where = `lease ${metadata.name}.${metadata.namespace}`;
    return age < limit
      ? ok(`${where} is held by ${spec?.holderIdentity}`)
      : warning(`${where} was renewed ${humanAge(age)} ago`, "is an operator running?");
  });
  if (found.length > 0 || held.length > 0) return [...pods, ...held];
  return [warning("no operator is found in this cluster", "aviary apply deploy, or make sure that it runs elsewhere")];
}

/** Freezes of the whole cluster that no operator counts, because they are in another namespace than its Lease. */
async function strayFreezes(client: ClusterClient, leases: readonly KubeObject[], signal: AbortSignal) {
  const homes = leases.map(({ metadata }) => String(metadata.namespace));
  if (homes.length === 0) return [];
  const freezes = await listed(client, STEERING.freeze, "", {}, signal);
  const stray = freezes.filter(({ metadata, spec }) => {
    return spec?.scope === "cluster" && !homes.includes(String(metadata.namespace));
  });
  return stray.map(({ metadata }) =>
    warning(
      `canaryfreeze ${metadata.name}.${metadata.namespace} has spec.scope cluster and freezes nothing`,
      `create it in the namespace of the operator's Lease: ${homes.join(", ")}`,
    ),
  );
}

const runsOperator = ({ spec }: KubeObject): boolean => (spec?.template?.spec?.containers ?? []).some(isOperator);

/** A cluster may have thousands of Deployments: of those that run no operator nothing is asked. */
const operatorPart = (deployment: KubeObject): KubeObject => {
  const { apiVersion, kind, metadata } = deployment;
  return runsOperator(deployment) ? deployment : { apiVersion, kind, metadata: { name: metadata.name } };
};

function isOperator({ image = "", command = [], args = [] }: KubeFields): boolean {
  const name = String(image).split("/").at(-1)?.split(/[:@]/)[0];
  return (
    name === "flagger" || (name === "aviary" && [...command, ...args].some((word) => /operator|flagger/.test(word)))
  );
}

async function canaries(client: ClusterClient, all: readonly KubeObject[], signal: AbortSignal) {
  const [spaces, findings] = await Promise.all([
    spaceFindings(client, all.map(factsOf), signal),
    Promise.all(all.map((canary) => canaryFindings(client, canary, signal))),
  ]);
  return all.length === 0 ? [ok("there are no Canaries")] : [...spaces, ...findings.flat()];
}

/** What concerns all Canaries of a namespace, once for each namespace. */
async function spaceFindings({ kube }: ClusterClient, all: readonly Facts[], signal: AbortSignal) {
  const labelled = all.flatMap(({ namespace, spec }) => {
    const sidecars = spec && routerFor(spec)?.sidecars;
    return sidecars === undefined ? [] : [[namespace, sidecars] as const];
  });
  const found = await Promise.all(
    [...new Map(labelled)].map(async ([name, { label, askedBy }]) => {
      const space = await kube.get({ type: RESOURCES.namespace, namespace: "", name }, signal);
      if (askedBy(space?.metadata.labels ?? {})) return [];
      return [warning(`namespace ${name} has no sidecars`, `label it ${label}, restart its pods`)];
    }),
  );
  return found.flat();
}

async function canaryFindings(client: ClusterClient, canary: KubeObject, signal: AbortSignal) {
  const facts = factsOf(canary);
  const name = `canary ${facts.name}.${facts.namespace}`;
  if (facts.spec === undefined || facts.refusal !== undefined)
    return [problem(`${name} is refused`, facts.refusal ?? facts.what)];
  const found: Finding[] = doubtsOf(facts.spec, SPEC_RULES).map((doubt) =>
    doubt.always ? problem(name, doubtText(doubt)) : warning(name, doubtText(doubt)),
  );
  found.push(...(await missingReferences(client, facts, signal)));
  if (facts.phase === "")
    found.push(warning(`${name} was not taken up yet`, "does the operator watch this namespace?"));
  return found.length === 0 ? [ok(`${name}: ${facts.phase}, ${facts.what}`)] : found;
}

async function missingReferences({ kube }: ClusterClient, { name, namespace, spec }: Facts, signal: AbortSignal) {
  const types = [RESOURCES.deployment, RESOURCES.daemonSet, RESOURCES.statefulSet];
  const target = types.find(({ kind }) => kind === spec?.targetRef.kind);
  const templates = (spec?.analysis.metrics ?? []).flatMap(({ templateRef }) =>
    templateRef === undefined ? [] : [{ ...templateRef, type: RESOURCES.metricTemplate }],
  );
  const providers = (spec?.analysis.alerts ?? []).map(({ providerRef }) => ({
    ...providerRef,
    type: RESOURCES.alertProvider,
  }));
  const wanted = [
    ...(target === undefined || spec === undefined ? [] : [{ type: target, namespace, name: spec.targetRef.name }]),
    ...templates,
    ...providers,
  ];
  const found = await Promise.all(
    wanted.map(async (ref) => ((await kube.get(ref, signal)) === undefined ? [ref] : [])),
  );
  return found.flat().map((ref) => {
    const what = `${ref.type.kind} ${ref.name}.${ref.namespace}`;
    return problem(`canary ${name}.${namespace}: ${what} does not exist`, "apply it, or mend the reference");
  });
}
