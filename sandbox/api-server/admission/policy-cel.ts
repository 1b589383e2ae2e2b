/**
 * CEL as a ValidatingAdmissionPolicy speaks it: the language of CRD rules, and `authorizer`, which asks what the caller
 * may do.
 */

import type { User } from "../authorization/attributes.ts";
import type { Authorizer } from "../authorization/rbac.ts";
import { celEnvironmentWith } from "../schema/cel-library.ts";

interface Asked {
  readonly group: string;
  readonly resource: string;
  readonly subresource: string;
  readonly namespace: string;
  readonly name: string;
}

type Decide = (asked: Asked & { readonly verb: string }) => { readonly allowed: boolean; readonly reason: string };

class CelAuthorizer {
  constructor(readonly decide: Decide) {}
}

class ResourceCheck {
  constructor(
    readonly decide: Decide,
    readonly asked: Asked,
  ) {}

  with(part: Partial<Asked>): ResourceCheck {
    return new ResourceCheck(this.decide, { ...this.asked, ...part });
  }
}

class CelDecision {
  constructor(
    readonly isAllowed: boolean,
    readonly why: string,
  ) {}
}

const ANY: Asked = { group: "", resource: "", subresource: "", namespace: "", name: "" };

const cel = celEnvironmentWith((environment) =>
  environment
    .registerType("Authorizer", CelAuthorizer)
    .registerType("ResourceCheck", ResourceCheck)
    .registerType("AuthorizerDecision", CelDecision)
    .registerFunction(
      "Authorizer.group(string): ResourceCheck",
      ({ decide }: CelAuthorizer, group: string) => new ResourceCheck(decide, { ...ANY, group }),
    )
    .registerFunction("ResourceCheck.resource(string): ResourceCheck", (check: ResourceCheck, resource: string) =>
      check.with({ resource }),
    )
    .registerFunction("ResourceCheck.subresource(string): ResourceCheck", (check: ResourceCheck, subresource: string) =>
      check.with({ subresource }),
    )
    .registerFunction("ResourceCheck.namespace(string): ResourceCheck", (check: ResourceCheck, namespace: string) =>
      check.with({ namespace }),
    )
    .registerFunction("ResourceCheck.name(string): ResourceCheck", (check: ResourceCheck, name: string) =>
      check.with({ name }),
    )
    .registerFunction(
      "ResourceCheck.check(string): AuthorizerDecision",
      ({ decide, asked }: ResourceCheck, verb: string) => {
        const { allowed, reason } = decide({ ...asked, verb });
        return new CelDecision(allowed, reason);
      },
    )
    .registerFunction("AuthorizerDecision.allowed(): bool", ({ isAllowed }: CelDecision) => isAllowed)
    .registerFunction("AuthorizerDecision.reason(): string", ({ why }: CelDecision) => why),
);

/** @throws Error for an expression that cannot be parsed or evaluated */
export function evaluatePolicy(
  expression: string,
  variables: Readonly<Record<string, unknown>>,
  authorizer: Authorizer,
  user: User,
): unknown {
  const decide: Decide = (asked) => authorizer.decide(user, asked);
  return cel.evaluate(expression, { ...variables, authorizer: new CelAuthorizer(decide) });
}
