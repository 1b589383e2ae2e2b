/**
 * Users with browsers, for strategies that distinguish them: each has headers and keeps its cookies, and is sent where
 * the VirtualService's rules say. They send a request every few seconds.
 */
import { type KubeFields, RESOURCES } from "../ports/kubernetes.ts";
import type { Role } from "./mesh.ts";
import { type Chance, createChance } from "./random.ts";
import type { Universe } from "./watcher.ts";

export interface Visitor {
  readonly name: string;
  /** Lower-case names; the headers of an A/B test. */
  readonly headers: Readonly<Record<string, string>>;
  readonly cookies: Map<string, { readonly value: string; readonly until: number }>;
}

export interface Visit {
  readonly visitor: Visitor;
  readonly role: Role;
  /** The canary's weight in the rule for users without a cookie. Percent. */
  readonly share: number;
  /** Users are not distinguished: all requests go the same way. */
  readonly everyone: boolean;
}

const EVERY_MS = 5_000;
const COUNT = 10;

/** @param headers of every other visitor @param told called for every visit */
export function watchVisitors(universe: Universe, headers: Visitor["headers"], told: (visit: Visit) => void): void {
  const { api, refs, schedule, scenario } = universe;
  const chance = createChance(7).fork("visitors");
  const visitors = Array.from({ length: COUNT }, (_, i): Visitor => {
    return { name: `visitor ${i + 1}`, headers: i % 2 === 0 ? headers : {}, cookies: new Map() };
  });
  let rules: readonly KubeFields[] = [];
  api.onChange(({ kind, object, type }) => {
    if (kind !== RESOURCES.virtualService || object.metadata.name !== refs.routes.name) return;
    schedule.after(scenario.meshLagMs, () => {
      rules = type === "deleted" ? [] : (object.spec?.http ?? []);
    });
  });
  const come = () => {
    for (const visitor of visitors) {
      const role = visit(visitor, rules, schedule.now(), chance);
      if (role !== undefined) {
        const split = rules.find(sendsCanary);
        told({ visitor, role, share: shareOf(split), everyone: split?.match === undefined });
      }
    }
    schedule.after(EVERY_MS, come);
  };
  schedule.after(EVERY_MS, come);
}

/** The share of the users who match, or of those who do not. */
function shareOf(rule: KubeFields): number {
  return weightTo("canary", rule);
}

/** The rule that splits: not a rule for a cookie, whose users are known already. */
function sendsCanary(rule: KubeFields): boolean {
  const byCookie = (rule.match ?? []).some(({ headers }: KubeFields) => headers?.Cookie?.regex !== undefined);
  return !byCookie && rule.route?.some(({ destination }: KubeFields) => destination.host.endsWith("-canary"));
}

function weightTo(role: Role, rule: KubeFields): number {
  const routes: readonly KubeFields[] = rule?.route ?? [];
  const found = routes.find(({ destination }) => destination.host.endsWith(`-${role}`));
  return found === undefined ? 0 : routes.length === 1 ? 100 : (found.weight ?? 0);
}

function visit(visitor: Visitor, rules: readonly KubeFields[], now: number, chance: Chance): Role | undefined {
  const headers = headersOf(visitor, now);
  const rule = rules.find(({ match }) => match === undefined || match.some((one: KubeFields) => meets(one, headers)));
  if (rule === undefined) return undefined;
  const role: Role = chance.next() * 100 < weightTo("canary", rule) ? "canary" : "primary";
  const route = rule.route.find(({ destination }: KubeFields) => destination.host.endsWith(`-${role}`));
  for (const from of [rule, route]) keep(visitor, from?.headers?.response?.add?.["Set-Cookie"], now);
  return role;
}

function headersOf({ headers, cookies }: Visitor, now: number): Readonly<Record<string, string>> {
  const valid = [...cookies].filter(([, { until }]) => until > now).map(([name, { value }]) => `${name}=${value}`);
  return valid.length === 0
    ? headers
    : { ...headers, cookie: [headers["cookie"], ...valid].filter(Boolean).join("; ") };
}

function meets({ headers = {} }: KubeFields, own: Readonly<Record<string, string>>): boolean {
  return Object.entries<KubeFields>(headers).every(([name, { exact, regex, prefix }]) => {
    const value = own[name.toLowerCase()];
    if (value === undefined) return false;
    if (exact !== undefined) return value === exact;
    if (prefix !== undefined) return value.startsWith(prefix);
    return regex === undefined || new RegExp(`^(?:${regex})$`).test(value);
  });
}

/** "c=abc; Max-Age=60; Path=/" */
function keep({ cookies }: Visitor, text: string | undefined, now: number): void {
  const [, name = "", value = ""] = /^([^=]+)=([^;]*)/.exec(text ?? "") ?? [];
  if (name === "") return;
  const age = Number(/Max-Age=(-?\d+)/.exec(text ?? "")?.[1] ?? Number.POSITIVE_INFINITY);
  cookies.set(name, { value, until: now + age * 1000 });
}
