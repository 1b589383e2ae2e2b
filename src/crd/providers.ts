/** The resources that Canaries refer to: where metrics come from and where alerts go. */
import { type CrdObject, column, crd } from "./definition.ts";
import { boolean, list, map, object, oneOfRequired, type Schema, string } from "./schema.ts";

const METRIC_SOURCES = [
  "prometheus",
  "influxdb",
  "datadog",
  "externalmetrics",
  "stackdriver",
  "cloudwatch",
  "newrelic",
  "graphite",
  "dynatrace",
  "keptn",
  "splunk",
];

const ALERT_CHANNELS = ["slack", "msteams", "discord", "rocket", "gchat", "generic"];

/** The CustomResourceDefinition of MetricTemplate. */
export function metricTemplateCrd(): CrdObject {
  const provider = object(
    {
      type: string({ enum: METRIC_SOURCES, about: "What answers the query." }),
      address: string({ about: "URL of the API." }),
      headers: map(list(string()), { about: "Sent with each request (prometheus)." }),
      secretRef: secretRef("A Secret with the credentials, in the namespace of the template."),
      region: string({ about: "Region of the cloud (cloudwatch)." }),
      insecureSkipVerify: boolean({ about: "Do not verify the certificate." }),
    },
    { required: ["type"] },
  );
  const query = string({
    about: "A Go template: {{ namespace }}, {{ target }}, {{ interval }}, {{ variables.name }} …",
  });
  return crd({
    kind: "MetricTemplate",
    plural: "metrictemplates",
    columns: [column("Provider", ".spec.provider.type")],
    schema: object(
      { spec: object({ provider, query }, { required: ["provider", "query"] }) },
      { about: METRIC_TEMPLATE },
    ),
  });
}

/** The CustomResourceDefinition of AlertProvider. */
export function alertProviderCrd(): CrdObject {
  const spec = object(
    {
      type: string({ enum: ALERT_CHANNELS, about: "What takes the alerts." }),
      channel: string({ about: "Default: general." }),
      username: string({ about: "Who speaks. Default: flagger." }),
      address: string({ about: "URL of the incoming webhook." }),
      proxy: string({ about: "URL of an HTTP proxy." }),
      secretRef: secretRef(
        "A Secret whose key address holds the URL instead; its key token is sent along (slack, generic).",
      ),
    },
    { oneOf: oneOfRequired(["type", "address"], ["type", "secretRef"]) },
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
  return object({ name: string() }, { required: ["name"], about });
}
