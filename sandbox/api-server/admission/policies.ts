/**
 * ValidatingAdmissionPolicies and their bindings, as far as a policy needs no parameters: which of them match a write,
 * and what they have against it. Deletes are not reviewed. What the sandbox cannot evaluate is an error of the policy,
 * and refuses as `failurePolicy` says.
 */
import type { KubeFields, KubeObject } from "../../../src/ports/kubernetes.ts";
import { ApiError } from "../../cluster.ts";
import type { User } from "../authorization/attributes.ts";
import type { Authorizer } from "../authorization/rbac.ts";
import { resourceName, type Target } from "../resource.ts";
import type { Store } from "../store.ts";
import { evaluatePolicy } from "./policy-cel.ts";

export const ADMISSION_GROUP = "admissionregistration.k8s.io";

export interface Write {
  readonly target: Target;
  readonly subresource: string;
  readonly operation: "CREATE" | "UPDATE";
  readonly object: KubeObject;
  readonly old: KubeObject | undefined;
  readonly user: User;
  readonly dryRun: boolean;
}

/** @throws ApiError with the reason of the validation that fails, 422 by default */
export function requireAdmitted(store: Store, authorizer: Authorizer, write: Write): void {
  const { group } = write.target.resource;
  if (group === ADMISSION_GROUP) return;
  for (const binding of listed(store, "validatingadmissionpolicybindings")) {
    const { policyName, validationActions = [] } = binding.spec ?? {};
    const policy = listed(store, "validatingadmissionpolicies").find(({ metadata }) => metadata.name === policyName);
    if (policy === undefined || !validationActions.includes("Deny")) continue;
    if (!matches(policy.spec?.matchConstraints, write, store)) continue;
    if (binding.spec?.matchResources !== undefined && !matches(binding.spec.matchResources, write, store)) continue;
    const denied = denial(policy, write, authorizer);
    if (denied !== undefined) throw refusal(policy, binding, denied, write);
  }
}

function listed(store: Store, plural: string): readonly KubeObject[] {
  return store.collection({ storage: { group: ADMISSION_GROUP, version: "v1", plural } }).list("");
}

interface Denial {
  readonly message: string;
  readonly reason: string;
}

function denial(policy: KubeObject, write: Write, authorizer: Authorizer): Denial | undefined {
  const { validations = [], matchConditions = [], variables = [], failurePolicy = "Fail" } = policy.spec ?? {};
  const known = inputOf(write);
  const evaluate = (expression: string) => evaluatePolicy(expression, known, authorizer, write.user);
  try {
    const composed: Record<string, unknown> = {};
    for (const { name, expression } of variables as readonly KubeFields[]) {
      composed[String(name)] = evaluate(String(expression));
      known["variables"] = composed;
    }
    const conditions: readonly KubeFields[] = matchConditions;
    if (!conditions.every(({ expression }) => evaluate(String(expression)) === true)) return undefined;
    for (const { expression, message, messageExpression, reason = "Invalid" } of validations as readonly KubeFields[]) {
      if (evaluate(String(expression)) === true) continue;
      const computed = messageExpression === undefined ? undefined : evaluate(String(messageExpression));
      const said = typeof computed === "string" && computed !== "" ? computed : message;
      return { message: String(said ?? `failed expression: ${String(expression).trim()}`), reason: String(reason) };
    }
    return undefined;
  } catch (error) {
    if (failurePolicy === "Ignore") return undefined;
    const why = error instanceof Error ? error.message.split("\n")[0] : String(error);
    return { message: `expression resulted in error: ${why}`, reason: "Invalid" };
  }
}

function inputOf({ target, subresource, operation, object, old, user, dryRun }: Write): Record<string, unknown> {
  const { resource, version } = target;
  const { name, namespace = "" } = object.metadata;
  const { username, groups, uid = "", extra = {} } = user;
  return {
    object: celJson(object),
    oldObject: old === undefined ? null : celJson(old),
    request: {
      ...{ operation, name, namespace, dryRun, subResource: subresource },
      userInfo: { username, groups: [...groups], uid, extra },
      kind: { group: resource.group, version: version.name, kind: resource.kind },
      resource: { group: resource.group, version: version.name, resource: resource.plural },
    },
  };
}

/** Whole numbers are int in CEL. */
function celJson(value: unknown): unknown {
  if (typeof value === "number") return Number.isInteger(value) ? BigInt(value) : value;
  if (Array.isArray(value)) return value.map(celJson);
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, field]) => [key, celJson(field)]));
}

function matches(constraints: KubeFields | undefined, write: Write, store: Store): boolean {
  if (constraints === undefined) return true;
  const { resourceRules, excludeResourceRules = [], namespaceSelector, objectSelector } = constraints;
  const rules: readonly KubeFields[] | undefined = resourceRules;
  if (rules !== undefined && !rules.some((rule) => covers(rule, write))) return false;
  if ((excludeResourceRules as readonly KubeFields[]).some((rule) => covers(rule, write))) return false;
  const { namespace, labels } = write.object.metadata;
  if (!carries(objectSelector, labels)) return false;
  if (namespace === undefined) return true;
  const home = store.collection({ storage: { group: "", version: "v1", plural: "namespaces" } }).get("", namespace);
  return carries(namespaceSelector, home?.metadata.labels);
}

function covers(rule: KubeFields, { target, subresource, operation, object }: Write): boolean {
  const { resource, version } = target;
  const has = (list: readonly string[] | undefined, value: string) =>
    list === undefined || list.includes("*") || list.includes(value);
  const named = subresource === "" ? resource.plural : `${resource.plural}/${subresource}`;
  const resources: readonly string[] = rule.resources ?? [];
  const isMeant = resources.some((one) =>
    subresource === "" ? one === "*" || one === named : one === "*/*" || one === named || one === `*/${subresource}`,
  );
  const names: readonly string[] = rule.resourceNames ?? [];
  const isNamed = names.length === 0 || names.includes(object.metadata.name);
  return (
    isMeant &&
    isNamed &&
    has(rule.operations, operation) &&
    has(rule.apiGroups, resource.group) &&
    has(rule.apiVersions, version.name)
  );
}

/** Reads the matchLabels of a label selector. The sandbox does not evaluate expressions: they match. */
function carries(selector: KubeFields | undefined, labels: Readonly<Record<string, string>> = {}): boolean {
  return Object.entries(selector?.matchLabels ?? {}).every(([key, value]) => labels[key] === value);
}

const CODES: Readonly<Record<string, number>> = {
  Unauthorized: 401,
  Forbidden: 403,
  Invalid: 422,
  RequestEntityTooLarge: 413,
};

function refusal(policy: KubeObject, binding: KubeObject, { message, reason }: Denial, write: Write): ApiError {
  const { resource } = write.target;
  const { name } = write.object.metadata;
  const said =
    `ValidatingAdmissionPolicy '${policy.metadata.name}' with binding '${binding.metadata.name}' ` +
    `denied request: ${message}`;
  const subject = `${resourceName(resource)}${name === "" ? "" : ` "${name}"`}`;
  return new ApiError(CODES[reason] ?? 422, reason, `${subject} is forbidden: ${said}`, {
    ...(name !== "" && { name }),
    ...(resource.group !== "" && { group: resource.group }),
    kind: resource.plural,
    causes: [{ message: said }],
  });
}
