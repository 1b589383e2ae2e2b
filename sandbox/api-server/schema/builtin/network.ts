/** Services, EndpointSlices and Ingresses. */
import { equal } from "../../../../src/json/merge-patch.ts";
import type { KubeObject } from "../../../../src/ports/kubernetes.ts";
import { duplicate, type FieldError, forbidden, invalid, required } from "../errors.ts";
import type { Fields } from "../node.ts";
import { fieldsOf, immutable, labelErrors, listOf } from "./metadata.ts";
import { dnsLabel, dnsSubdomain, named, portNumber, portReference } from "./names.ts";
import { oneOf } from "./pods.ts";

const PROTOCOLS = ["SCTP", "TCP", "UDP"];

/** A Service: its ports, its kind, and the cluster IP that stays what it is. */
export function serviceErrors(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  const spec = fieldsOf(object.spec);
  const ports = listOf(spec.ports);
  const headless = spec.clusterIP === "None";
  const external = spec.type === "ExternalName";
  return [
    ...(ports.length === 0 && !headless && !external ? [required("spec.ports")] : []),
    ...servicePortErrors(ports),
    ...labelErrors("spec.selector", spec.selector),
    ...oneOf("spec.type", spec.type, ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]),
    ...oneOf("spec.sessionAffinity", spec.sessionAffinity, ["ClientIP", "None"]),
    ...(external ? externalErrors(spec) : []),
    ...(headless && (spec.type === "NodePort" || spec.type === "LoadBalancer")
      ? [invalid("spec.clusterIPs[0]", "None", `may not be set to 'None' for ${spec.type} services`)]
      : []),
    ...clusterIpErrors(spec, fieldsOf(old?.spec)),
  ];
}

function externalErrors(spec: Fields): FieldError[] {
  const name = typeof spec.externalName === "string" ? spec.externalName.replace(/\.$/, "") : "";
  return [
    ...(spec.clusterIP !== undefined && spec.clusterIP !== ""
      ? [forbidden("spec.clusterIPs", "may not be set when `type` is 'ExternalName'")]
      : []),
    ...(name === "" ? [required("spec.externalName")] : named(dnsSubdomain, "spec.externalName", name)),
  ];
}

function clusterIpErrors(spec: Fields, old: Fields): FieldError[] {
  const before = old.clusterIP;
  if (before === undefined || before === "" || spec.type === "ExternalName" || old.type === "ExternalName") return [];
  if (spec.clusterIP === undefined || spec.clusterIP === "") {
    return [invalid("spec.clusterIPs[0]", null, "primary clusterIP can not be unset")];
  }
  if (spec.clusterIP === before) return [];
  return [invalid("spec.clusterIPs[0]", [spec.clusterIP], "may not change once set")];
}

function servicePortErrors(ports: readonly Fields[]): FieldError[] {
  const names = new Set<unknown>();
  const numbers = new Set<string>();
  return ports.flatMap((port, index) => {
    const at = `spec.ports[${index}]`;
    const { name = "", protocol = "TCP" } = port;
    const number = `${port.port}/${protocol}`;
    const sameName = name !== "" && names.has(name) ? [duplicate(`${at}.name`, name)] : [];
    const sameNumber = numbers.has(number) ? [duplicate(at, { protocol, port: port.port })] : [];
    names.add(name);
    numbers.add(number);
    return [
      ...(name === "" && ports.length > 1 ? [required(`${at}.name`)] : []),
      ...(name === "" ? [] : named(dnsLabel, `${at}.name`, name)),
      ...sameName,
      ...portNumber(`${at}.port`, port.port),
      ...oneOf(`${at}.protocol`, port.protocol, PROTOCOLS),
      ...(port.targetPort === 0 || port.targetPort === "" ? [] : portReference(`${at}.targetPort`, port.targetPort)),
      ...sameNumber,
    ];
  });
}

/** An EndpointSlice. */
export function endpointSliceErrors(object: KubeObject, old: KubeObject | undefined): FieldError[] {
  const endpoints = listOf(object.endpoints).flatMap((endpoint, index) =>
    Array.isArray(endpoint.addresses) && endpoint.addresses.length === 0
      ? [required(`endpoints[${index}].addresses`, "must contain at least 1 address")]
      : [],
  );
  const ports = listOf(object.ports).flatMap((port, index) => [
    ...oneOf(`ports[${index}].protocol`, port.protocol, PROTOCOLS),
  ]);
  return [
    ...oneOf("addressType", object.addressType, ["FQDN", "IPv4", "IPv6"]),
    ...endpoints,
    ...ports,
    ...(old === undefined ? [] : immutable("addressType", object.addressType, old.addressType)),
  ];
}

/** An Ingress: rules or a default backend, absolute paths. */
export function ingressErrors(object: KubeObject): FieldError[] {
  const spec = fieldsOf(object.spec);
  const rules = listOf(spec.rules);
  const nothing = rules.length === 0 && spec.defaultBackend === undefined;
  const paths = rules.flatMap((rule, i) =>
    listOf(fieldsOf(rule.http).paths).flatMap((path, j) => pathErrors(`spec.rules[${i}].http.paths[${j}]`, path)),
  );
  const words = "either `defaultBackend` or `rules` must be specified";
  return [...(nothing ? [invalid("spec", spec, words)] : []), ...paths];
}

const PATH_TYPES = ["Exact", "ImplementationSpecific", "Prefix"];

function pathErrors(at: string, { path, pathType, backend }: Fields): FieldError[] {
  const absolute = typeof path === "string" && path.startsWith("/");
  const mustBe = pathType === "Exact" || pathType === "Prefix" || (path !== undefined && path !== "");
  const { service, resource } = fieldsOf(backend);
  const { name, port } = fieldsOf(service);
  const noPort = service !== undefined && (port === undefined || equal(port, {}));
  return [
    ...oneOf(`${at}.pathType`, pathType, PATH_TYPES),
    ...(mustBe && !absolute ? [invalid(`${at}.path`, path ?? "", "must be an absolute path")] : []),
    ...(backend !== undefined && service === undefined && resource === undefined
      ? [required(`${at}.backend`, "either `backend.service` or `backend.resource` is required")]
      : []),
    ...(name === "" ? [required(`${at}.backend.service.name`)] : []),
    ...(noPort ? [required(`${at}.backend.service`, "port name or number is required")] : []),
    ...portNumber(`${at}.backend.service.port.number`, fieldsOf(port).number),
  ];
}
