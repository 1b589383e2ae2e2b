/** Holds JSON, bodies that people send and answers of the console, against its description in the words of OpenAPI. */

import type { Schema } from "../json/schema.ts";

/** What the JSON has that the description does not say, and the reverse. */
export function faultsOf(value: unknown, schema: Schema, place = ""): readonly string[] {
  const { type, properties = {}, required = [], additionalProperties, items, prefixItems } = schema;
  if (type === "array") {
    if (!Array.isArray(value)) return [`${place} is no list`];
    return value.flatMap((one, index) => faultsOf(one, items ?? prefixItems?.[index] ?? {}, `${place}[${index}]`));
  }
  if (type === "object") {
    if (typeof value !== "object" || value === null || Array.isArray(value)) return [`${place} is no object`];
    const missing = required.filter((name) => !Object.hasOwn(value, name)).map((name) => `${place}.${name} is missing`);
    const inner = Object.entries(value).flatMap(([name, field]) => {
      const own = Object.hasOwn(properties, name)
        ? properties[name]
        : typeof additionalProperties === "object"
          ? additionalProperties
          : undefined;
      if (own !== undefined) return faultsOf(field, own, `${place}.${name}`);
      return additionalProperties === false ? [`${place}.${name} is not described`] : [];
    });
    return [...missing, ...inner];
  }
  if (type !== undefined && typeof value !== type) return [`${place} is no ${type}`];
  return schema.enum?.includes(String(value)) === false ? [`${place} is none of ${schema.enum.join(", ")}`] : [];
}
