/** Every template of a Configuration becomes a Revision of its own, and none of them ever changes. */
import { equal } from "../../../src/json/merge-patch.ts";
import { apiVersionOf, type KubeObject } from "../../../src/ports/kubernetes.ts";
import { KNATIVE, KNATIVE_LABELS } from "../../crds/knative.ts";
import { type ControllerContext, type Stop, startController, type Wiring } from "../context.ts";
import { controllerRef, getByKey, isControlledBy, isTerminating, namespaceOf } from "../objects.ts";
import { conditionOf, isReady, type State, saveStatus, TRUE } from "./conditions.ts";

export function startConfigurations(context: ControllerContext): Stop {
  return startController(context, "configuration-controller", (wiring) => {
    wiring.onSelf(KNATIVE.configuration);
    wiring.onOwned(KNATIVE.revision, KNATIVE.configuration);
    return (key) => {
      const configuration = getByKey(context.cluster, KNATIVE.configuration, key);
      if (configuration !== undefined && !isTerminating(configuration)) sync(context, wiring, configuration);
    };
  });
}

function sync(context: ControllerContext, { events }: Wiring, configuration: KubeObject): void {
  const { cluster } = context;
  const revision = revisionOf(configuration);
  const live = cluster.get(KNATIVE.revision, namespaceOf(configuration), revision.metadata.name);
  if (live !== undefined && !(isControlledBy(live, configuration) && equal(live.spec, revision.spec))) {
    const message = `Revision creation failed with message: revision "${revision.metadata.name}" already exists.`;
    saveStatus(context, KNATIVE.configuration, configuration, { RevisionReady: failed(message) }, {});
    return;
  }
  const latest = live ?? cluster.create(KNATIVE.revision, revision);
  if (live === undefined) events.normal(configuration, "Created", `Created Revision "${latest.metadata.name}"`);
  const readyName = latestReady(context, configuration, latest);
  if (readyName !== undefined && readyName !== configuration.status?.latestReadyRevisionName) {
    events.normal(configuration, "LatestReadyUpdate", `LatestReadyRevisionName updated to "${readyName}"`);
  }
  saveStatus(
    context,
    KNATIVE.configuration,
    configuration,
    { RevisionReady: stateOf(latest) },
    { latestCreatedRevisionName: latest.metadata.name, latestReadyRevisionName: readyName },
  );
}

/** "podinfo-00002": by the generation, unless the template says its name. */
function revisionOf(configuration: KubeObject): KubeObject {
  const { name, namespace, generation = 1, labels } = configuration.metadata;
  const { metadata = {}, spec = {} } = configuration.spec?.template ?? {};
  const service = labels?.[KNATIVE_LABELS.service];
  return structuredClone({
    apiVersion: apiVersionOf(KNATIVE.revision),
    kind: KNATIVE.revision.kind,
    metadata: {
      ...metadata,
      name: metadata.name || `${name}-${String(generation).padStart(5, "0")}`,
      ...(namespace === undefined ? {} : { namespace }),
      labels: {
        ...metadata.labels,
        [KNATIVE_LABELS.configuration]: name,
        [KNATIVE_LABELS.generation]: String(generation),
        [KNATIVE_LABELS.routingState]: "pending",
        ...(service === undefined ? {} : { [KNATIVE_LABELS.service]: service }),
      },
      ownerReferences: [controllerRef(configuration)],
    },
    spec,
  });
}

const failed = (message: string): State => ({ status: "False", reason: "RevisionFailed", message });

function stateOf(revision: KubeObject): State {
  const state = conditionOf(revision, "Ready");
  if (isReady(revision)) return TRUE;
  const { name } = revision.metadata;
  return state?.status === "False"
    ? failed(`Revision "${name}" failed with message: ${state.message}.`)
    : { status: "Unknown" };
}

/** The newest of those that are ready, never older than the one before. */
function latestReady(
  { cluster }: ControllerContext,
  configuration: KubeObject,
  latest: KubeObject,
): string | undefined {
  const known: string | undefined = configuration.status?.latestReadyRevisionName;
  const generationOf = ({ metadata }: KubeObject) => Number(metadata.labels?.[KNATIVE_LABELS.generation] ?? 0);
  const newest = cluster
    .list(KNATIVE.revision, namespaceOf(configuration))
    .filter((revision) => isControlledBy(revision, configuration) && isReady(revision))
    .filter((revision) => generationOf(revision) <= generationOf(latest))
    .sort((a, b) => generationOf(b) - generationOf(a))[0];
  return newest?.metadata.name ?? known;
}
