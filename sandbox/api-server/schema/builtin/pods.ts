/** Pod specs, alone and inside the templates of workloads. */
import { equal } from "../../../../src/json/merge-patch.ts";
import type { KubeObject } from "../../../../src/ports/kubernetes.ts";
import { parseQuantity } from "../../../quantity.ts";
import { duplicate, type FieldError, forbidden, invalid, notSupported, required } from "../errors.ts";
import { copyJson, type Fields } from "../node.ts";
import { fieldsOf, labelErrors, listOf } from "./metadata.ts";
import { dnsLabel, dnsSubdomain, named, portName, portNumber, portReference } from "./names.ts";

/** What is wrong with a pod spec at `path`. Fields that the schema requires are reported by the schema. */
export function podSpecErrors(path: string, value: unknown): FieldError[] {
  const spec = fieldsOf(value);
  const volumes = new Set(listOf(spec.volumes).map(({ name }) => name));
  const containers = listOf(spec.containers);
  const all = (field: string) =>
    listOf(spec[field]).flatMap((container, i) => containerErrors(`${path}.${field}[${i}]`, container, volumes));
  return [
    ...volumeErrors(`${path}.volumes`, spec.volumes),
    ...(Array.isArray(spec.containers) && containers.length === 0 ? [required(`${path}.containers`)] : []),
    ...all("containers"),
    ...all("initContainers"),
    ...duplicateNames(path, spec),
    ...oneOf(`${path}.restartPolicy`, spec.restartPolicy, ["Always", "OnFailure", "Never"]),
    ...oneOf(`${path}.dnsPolicy`, spec.dnsPolicy, ["ClusterFirstWithHostNet", "ClusterFirst", "Default", "None"]),
    ...named(dnsSubdomain, `${path}.serviceAccountName`, spec.serviceAccountName || undefined),
    ...labelErrors(`${path}.nodeSelector`, spec.nodeSelector),
    ...positive(
      `${path}.activeDeadlineSeconds`,
      spec.activeDeadlineSeconds,
      "must be between 1 and 2147483647, inclusive",
    ),
    ...notNegative(`${path}.terminationGracePeriodSeconds`, spec.terminationGracePeriodSeconds),
  ];
}

/** A pod template: its labels, its spec. */
export function templateErrors(path: string, value: unknown): FieldError[] {
  const template = fieldsOf(value);
  const labels = labelErrors(`${path}.metadata.labels`, fieldsOf(template.metadata).labels);
  return [...labels, ...podSpecErrors(`${path}.spec`, template.spec)];
}

/** A value outside a fixed list; absent values are the business of defaults. */
export function oneOf(path: string, value: unknown, allowed: readonly string[]): FieldError[] {
  return value === undefined || allowed.includes(String(value)) ? [] : [notSupported(path, value, allowed)];
}

/** Numbers that must be zero or more. */
export function notNegative(path: string, value: unknown): FieldError[] {
  return typeof value === "number" && value < 0 ? [invalid(path, value, "must be greater than or equal to 0")] : [];
}

function positive(path: string, value: unknown, words = "must be greater than 0"): FieldError[] {
  return typeof value === "number" && value <= 0 ? [invalid(path, value, words)] : [];
}

function duplicateNames(path: string, spec: Fields): FieldError[] {
  const seen = new Set<unknown>();
  return ["containers", "initContainers"].flatMap((field) =>
    listOf(spec[field]).flatMap(({ name }, index) => {
      if (seen.has(name)) return [duplicate(`${path}.${field}[${index}].name`, name)];
      seen.add(name);
      return [];
    }),
  );
}

function volumeErrors(path: string, volumes: unknown): FieldError[] {
  const seen = new Set<unknown>();
  return listOf(volumes).flatMap((volume, index) => {
    const at = `${path}[${index}]`;
    const { name, ...sources } = volume;
    const extra = Object.keys(sources).slice(1);
    const again = seen.has(name) ? [duplicate(`${at}.name`, name)] : [];
    seen.add(name);
    return [
      ...(name === "" ? [required(`${at}.name`)] : named(dnsLabel, `${at}.name`, name)),
      ...again,
      ...extra.map((source) => forbidden(`${at}.${source}`, "may not specify more than 1 volume type")),
    ];
  });
}

function containerErrors(path: string, container: Fields, volumes: ReadonlySet<unknown>): FieldError[] {
  const { name, image } = container;
  const noImage = image === undefined || image === "";
  const padded = typeof image === "string" && image.trim() !== image;
  return [
    ...(name === "" ? [required(`${path}.name`)] : named(dnsLabel, `${path}.name`, name)),
    ...(noImage ? [required(`${path}.image`)] : []),
    ...(padded ? [invalid(`${path}.image`, image, "must not have leading or trailing whitespace")] : []),
    ...oneOf(`${path}.imagePullPolicy`, container.imagePullPolicy, ["Always", "IfNotPresent", "Never"]),
    ...portErrors(`${path}.ports`, container.ports),
    ...envErrors(`${path}.env`, container.env),
    ...mountErrors(`${path}.volumeMounts`, container.volumeMounts, volumes),
    ...resourceErrors(`${path}.resources`, container.resources),
    ...["livenessProbe", "readinessProbe", "startupProbe"].flatMap((probe) =>
      probeErrors(`${path}.${probe}`, probe, container[probe]),
    ),
  ];
}

function portErrors(path: string, ports: unknown): FieldError[] {
  const names = new Set<unknown>();
  return listOf(ports).flatMap((port, index) => {
    const at = `${path}[${index}]`;
    const again = port.name !== undefined && names.has(port.name) ? [duplicate(`${at}.name`, port.name)] : [];
    names.add(port.name);
    return [
      ...(port.name === "" ? [] : named(portName, `${at}.name`, port.name)),
      ...again,
      ...(port.containerPort === 0
        ? [required(`${at}.containerPort`)]
        : portNumber(`${at}.containerPort`, port.containerPort)),
      ...(port.hostPort === 0 ? [] : portNumber(`${at}.hostPort`, port.hostPort)),
      ...oneOf(`${at}.protocol`, port.protocol, ["SCTP", "TCP", "UDP"]),
    ];
  });
}

const ENV_WORDS = "a valid environment variable name must consist only of printable ASCII characters other than '='";

function envErrors(path: string, env: unknown): FieldError[] {
  return listOf(env).flatMap((variable, index) => {
    const at = `${path}[${index}]`;
    const { name, value, valueFrom } = variable;
    const sources = Object.keys(fieldsOf(valueFrom)).length;
    return [
      ...(name === "" ? [required(`${at}.name`)] : []),
      ...(typeof name === "string" && /[^\x20-\x7e]|=/.test(name) ? [invalid(`${at}.name`, name, ENV_WORDS)] : []),
      ...(valueFrom !== undefined && (value ?? "") !== ""
        ? [invalid(`${at}.valueFrom`, "", "may not be specified when `value` is not empty")]
        : []),
      ...(sources > 1 ? [invalid(`${at}.valueFrom`, "", "may not have more than one field specified at a time")] : []),
    ];
  });
}

function mountErrors(path: string, mounts: unknown, volumes: ReadonlySet<unknown>): FieldError[] {
  const paths = new Set<unknown>();
  return listOf(mounts).flatMap(({ name, mountPath }, index) => {
    const at = `${path}[${index}]`;
    const missing: FieldError = {
      path: `${at}.name`,
      message: `Not found: ${JSON.stringify(name)}`,
      reason: "FieldValueNotFound",
    };
    const again = paths.has(mountPath);
    paths.add(mountPath);
    return [
      ...(typeof name === "string" && name !== "" && !volumes.has(name) ? [missing] : []),
      ...(name === "" ? [required(`${at}.name`)] : []),
      ...(mountPath === "" ? [required(`${at}.mountPath`)] : []),
      ...(again ? [invalid(`${at}.mountPath`, mountPath, "must be unique")] : []),
    ];
  });
}

function resourceErrors(path: string, resources: unknown): FieldError[] {
  const { limits, requests } = fieldsOf(resources);
  const most = fieldsOf(limits);
  return Object.entries(fieldsOf(requests)).flatMap(([name, request]) => {
    const limit = most[name];
    const [asked, allowed] = [parseQuantity(request), parseQuantity(limit)];
    if (asked === undefined || allowed === undefined || asked <= allowed) return [];
    return [invalid(`${path}.requests`, String(request), `must be less than or equal to ${name} limit of ${limit}`)];
  });
}

const HANDLERS = ["exec", "httpGet", "tcpSocket", "grpc"];

function probeErrors(path: string, kind: string, value: unknown): FieldError[] {
  if (value === undefined) return [];
  const probe = fieldsOf(value);
  const handlers = HANDLERS.filter((handler) => probe[handler] !== undefined);
  const counts = ["initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"];
  const needsOne =
    kind !== "readinessProbe" && typeof probe.successThreshold === "number" && probe.successThreshold > 1;
  return [
    ...(handlers.length === 0 ? [required(path, "must specify a handler type")] : []),
    ...handlers.slice(1).map((handler) => forbidden(`${path}.${handler}`, "may not specify more than 1 handler type")),
    ...["httpGet", "tcpSocket"].flatMap((handler) => {
      const at = fieldsOf(probe[handler]).port;
      return portReference(`${path}.${handler}.port`, at);
    }),
    ...counts.flatMap((count) => notNegative(`${path}.${count}`, probe[count])),
    ...(needsOne ? [invalid(`${path}.successThreshold`, probe.successThreshold, "must be 1")] : []),
  ];
}

const POD_UPDATE =
  "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`," +
  "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations)," +
  "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)";

/** A pod; on an update, only a few fields of its spec may change. */
export function podErrors(pod: KubeObject, old: KubeObject | undefined): FieldError[] {
  if (old === undefined) return podSpecErrors("spec", pod.spec);
  if (equal(frozen(pod.spec), frozen(old.spec))) return podSpecErrors("spec", pod.spec);
  return [forbidden("spec", POD_UPDATE)];
}

/** The spec without what may change, what the scheduler writes once, and what defaults fill in. */
function frozen(value: unknown): Fields {
  const spec = copyJson(fieldsOf(value));
  for (const field of ["containers", "initContainers"]) {
    for (const container of listOf(spec[field])) delete container.image;
  }
  for (const field of ["activeDeadlineSeconds", "tolerations", "terminationGracePeriodSeconds", "nodeName"]) {
    delete spec[field];
  }
  delete spec.ephemeralContainers;
  return spec;
}
