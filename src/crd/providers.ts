/** The resources that Canaries refer to: where metrics come from and where alerts go. */
import { BOUNDS } from "../core/spec/bounds.ts";
import { PROVIDER_NAMES } from "../metrics/table.ts";
import { NOTIFIERS } from "../notifiers/table.ts";
import { type CrdObject, column, crd } from "./definition.ts";
import { boolean, list, map, object, oneOfRequired, type Schema, string, url } from "./schema.ts";

/** The CustomResourceDefinition of MetricTemplate. */
export function metricTemplateCrd(): CrdObject {
  const provider = object(
    {
      type: string({ enum: PROVIDER_NAMES, about: "What answers the query." }),
      address: url({ mayBeEmpty: true, about: "URL of the API. CloudWatch, Google Cloud and Keptn ignore it." }),
      headers: map(list(string()), { about: "Headers of each request, by name (prometheus)." }),
      secretRef: secretRef("A Secret with the credentials, in the namespace of the template."),
      region: string({ about: "Region of the cloud (cloudwatch)." }),
      insecureSkipVerify: boolean({ about: "Do not verify the certificate of the API." }),
    },
    { required: ["type"], about: "The service that answers the query." },
  );
  const query = string({
    maxLength: BOUNDS.query,
    about: "A Go template: {{ namespace }}, {{ target }}, {{ interval }}, {{ variables.name }} …",
  });
  return crd({
    kind: "MetricTemplate",
    plural: "metrictemplates",
    columns: [column("Provider", ".spec.provider.type")],
    schema: object(
      {
        spec: object({ provider, query }, { required: ["provider", "query"], about: "The query, and who answers it." }),
      },
      { about: METRIC_TEMPLATE },
    ),
  });
}

/** The CustomResourceDefinition of AlertProvider. */
export function alertProviderCrd(): CrdObject {
  const spec = object(
    {
      type: string({ enum: Object.keys(NOTIFIERS), about: "What takes the alerts." }),
      channel: string({ about: "Channel that the alerts are posted to. Default: general." }),
      username: string({ about: "Name under which the alerts are posted. Default: flagger." }),
      address: url({ mayBeEmpty: true, about: "URL of the incoming webhook." }),
      proxy: string({ maxLength: BOUNDS.url, about: "URL of an HTTP proxy for the alerts." }),
      secretRef: secretRef(
        "A Secret whose key address holds the URL instead; its key token is sent along (slack, generic).",
      ),
    },
    { oneOf: oneOfRequired(["type", "address"], ["type", "secretRef"]), about: "Where the alerts go." },
  );
  return crd({
    kind: "AlertProvider",
    plural: "alertproviders",
    columns: [column("Type", ".spec.type")],
    schema: object({ spec }, { about: "A channel that alerts about rollouts are sent to." }),
  });
}

const METRIC_TEMPLATE = "A query that judges rollouts, and the service that answers it.";

function secretRef(about: string): Schema {
  return object({ name: string({ about: "Name of the Secret." }) }, { required: ["name"], about });
}
