/** Content negotiation: the first form in the Accept header that the server can answer with counts. */

export interface Wish {
  readonly form: "json" | "Table" | "PartialObjectMetadata" | "PartialObjectMetadataList";
  /** Version of the form: meta.k8s.io/v1 or v1beta1. */
  readonly version: string;
}

interface MediaType {
  readonly type: string;
  readonly parameters: ReadonlyMap<string, string>;
}

/** The media types of an Accept header, in the client's order. */
export function mediaTypes(accept: string): readonly MediaType[] {
  return accept.split(",").flatMap((entry) => {
    const [type = "", ...rest] = entry.split(";").map((part) => part.trim());
    if (type === "") return [];
    const parameters = rest.map((part) => part.split("=", 2)).map(([key = "", value = ""]) => [key, value] as const);
    return [{ type, parameters: new Map(parameters) }];
  });
}

const FORMS: ReadonlySet<string> = new Set(["Table", "PartialObjectMetadata", "PartialObjectMetadataList"]);
const JSON_TYPES: ReadonlySet<string> = new Set(["application/json", "application/*", "*/*"]);

/** undefined when JSON is not acceptable in any form. An absent header accepts everything. */
export function wishOf(accept: string): Wish | undefined {
  const types = accept.trim() === "" ? mediaTypes("*/*") : mediaTypes(accept);
  for (const { type, parameters } of types) {
    if (!JSON_TYPES.has(type)) continue;
    const form = parameters.get("as");
    if (form === undefined) return { form: "json", version: "v1" };
    const version = parameters.get("v") ?? "v1";
    const known = parameters.get("g") === "meta.k8s.io" && (version === "v1" || version === "v1beta1");
    if (known && FORMS.has(form)) return { form: form as Wish["form"], version };
  }
  return undefined;
}
