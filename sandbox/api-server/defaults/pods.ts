/**
 * What the API server fills into pods and pod templates. Controllers compare and hash templates after defaulting, so a
 * missing default here would look like a change.
 */
import type { KubeFields } from "../../../src/ports/kubernetes.ts";

const FILE_MODE = 0o644;

const each = (list: unknown, fill: (item: KubeFields) => void): void => {
  if (Array.isArray(list)) list.forEach(fill);
};

/** Fills a PodSpec in place; templates and pods alike. */
export function defaultPodSpec(spec: KubeFields): void {
  spec.restartPolicy ??= "Always";
  spec.terminationGracePeriodSeconds ??= 30;
  spec.dnsPolicy ??= "ClusterFirst";
  spec.securityContext ??= {};
  spec.schedulerName ??= "default-scheduler";
  // The deprecated name of the same field.
  const account = spec.serviceAccountName ?? spec.serviceAccount;
  if (account !== undefined) {
    spec.serviceAccountName = account;
    spec.serviceAccount = account;
  }
  each(spec.containers, (container) => defaultContainer(container, spec));
  each(spec.initContainers, (container) => defaultContainer(container, spec));
  each(spec.ephemeralContainers, (container) => defaultContainer(container, spec));
  each(spec.volumes, defaultVolume);
}

/** Fills what only pods get, not templates: what admission plugins add. */
export function defaultPod(pod: KubeFields): void {
  const { spec } = pod;
  if (spec === undefined) return;
  each(spec.containers, requestWhatIsLimited);
  each(spec.initContainers, requestWhatIsLimited);
  defaultPodSpec(spec);
  spec.enableServiceLinks ??= true;
  spec.serviceAccountName ??= "default";
  spec.serviceAccount ??= spec.serviceAccountName;
  spec.priority ??= 0;
  spec.preemptionPolicy ??= "PreemptLowerPriority";
  spec.tolerations ??= [];
  for (const key of ["node.kubernetes.io/not-ready", "node.kubernetes.io/unreachable"]) {
    const tolerated = spec.tolerations.some((toleration: KubeFields) => toleration.key === key);
    if (!tolerated) {
      spec.tolerations.push({ key, operator: "Exists", effect: "NoExecute", tolerationSeconds: 300 });
    }
  }
}

function requestWhatIsLimited(container: KubeFields): void {
  const limits = container.resources?.limits;
  if (limits === undefined) return;
  container.resources.requests = { ...limits, ...container.resources.requests };
}

function defaultContainer(container: KubeFields, spec: KubeFields): void {
  container.terminationMessagePath ??= "/dev/termination-log";
  container.terminationMessagePolicy ??= "File";
  container.imagePullPolicy ??= pullPolicy(container.image ?? "");
  container.resources ??= {};
  each(container.ports, (port) => {
    port.protocol ??= "TCP";
    if (spec.hostNetwork === true) port.hostPort ??= port.containerPort;
  });
  each(container.env, (variable) => {
    const fieldRef = variable.valueFrom?.fieldRef;
    if (fieldRef !== undefined) fieldRef.apiVersion ??= "v1";
    const resource = variable.valueFrom?.resourceFieldRef;
    if (resource !== undefined) resource.divisor ??= "0";
  });
  for (const name of ["livenessProbe", "readinessProbe", "startupProbe"]) {
    if (container[name] !== undefined) defaultProbe(container[name]);
  }
  defaultHttpGet(container.lifecycle?.postStart?.httpGet);
  defaultHttpGet(container.lifecycle?.preStop?.httpGet);
}

/** Images without a tag, or tagged "latest", may change under their name. */
function pullPolicy(image: string): string {
  if (image.includes("@")) return "IfNotPresent";
  const lastPart = image.slice(image.lastIndexOf("/") + 1);
  const tag = lastPart.includes(":") ? lastPart.slice(lastPart.indexOf(":") + 1) : "latest";
  return tag === "latest" ? "Always" : "IfNotPresent";
}

function defaultProbe(probe: KubeFields): void {
  probe.timeoutSeconds ??= 1;
  probe.periodSeconds ??= 10;
  probe.successThreshold ??= 1;
  probe.failureThreshold ??= 3;
  defaultHttpGet(probe.httpGet);
  if (probe.grpc !== undefined) probe.grpc.service ??= "";
}

function defaultHttpGet(httpGet: KubeFields): void {
  if (httpGet === undefined) return;
  httpGet.path ??= "/";
  httpGet.scheme ??= "HTTP";
}

function defaultVolume(volume: KubeFields): void {
  if (Object.keys(volume).every((field) => field === "name")) volume.emptyDir = {};
  for (const source of ["secret", "configMap", "downwardAPI", "projected"]) {
    if (volume[source] !== undefined) volume[source].defaultMode ??= FILE_MODE;
  }
  if (volume.hostPath !== undefined) volume.hostPath.type ??= "";
  each(volume.downwardAPI?.items, defaultDownwardItem);
  each(volume.projected?.sources, (source) => {
    if (source.serviceAccountToken !== undefined) source.serviceAccountToken.expirationSeconds ??= 3600;
    each(source.downwardAPI?.items, defaultDownwardItem);
  });
}

function defaultDownwardItem(item: KubeFields): void {
  if (item.fieldRef !== undefined) item.fieldRef.apiVersion ??= "v1";
}
