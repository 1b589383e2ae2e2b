/** The description of the API against the routes and against real answers. */
import { describe, expect, it } from "vitest";
import type { Schema } from "../json/schema.ts";
import { faultsOf } from "./described.ts";
import { OPERATIONS, openApi } from "./openapi.ts";
import { ROUTES } from "./routes.ts";

/** Routes that are not in the table: how a person signs in, the stream, the badge, and the description itself. */
const OTHERS = [
  ...["GET /api/v1/stream", "GET /api/v1/login", "POST /api/v1/login", "POST /api/v1/logout"],
  ...["GET /api/v1/openapi.json", "GET /badge/{namespace}/{name}.svg"],
];

it("describes every route, and no route that does not exist", () => {
  const routes = ROUTES.map(({ method, path }) => `${method} ${path.replace(/:(\w+)/g, "{$1}")}`);
  expect(Object.keys(OPERATIONS).sort()).toEqual([...routes, ...OTHERS].sort());
});

it("has a summary, each name of the path as a parameter, and an error for each operation", () => {
  const { paths } = openApi("/x/");
  for (const [path, methods] of Object.entries(paths)) {
    for (const operation of Object.values(methods) as Record<string, unknown>[]) {
      expect(operation["summary"]).toMatch(/^[A-Z]/);
      const named = (operation["parameters"] as { name: string; in: string }[]).filter((one) => one.in === "path");
      expect(named.map(({ name }) => `{${name}}`)).toEqual(path.match(/\{\w+\}/g) ?? []);
      expect(Object.keys(operation["responses"] as object)).toContain("default");
    }
  }
});

describe("the check of answers that console.test.ts uses", () => {
  it.each<readonly [string, unknown, Schema, readonly string[]]>([
    [
      "an unknown field",
      { a: 1, b: 2 },
      { type: "object", properties: { a: {} }, additionalProperties: false },
      [".b is not described"],
    ],
    ["a field that is missing", {}, { type: "object", required: ["a"] }, [".a is missing"]],
    [
      "a wrong type",
      [{ a: "1" }],
      { type: "array", items: { type: "object", properties: { a: { type: "number" } } } },
      ["[0].a is no number"],
    ],
    ["a foreign word", "x", { type: "string", enum: ["y"] }, [" is none of y"]],
  ])("finds %s", (_, value, schema, faults) => expect(faultsOf(value, schema)).toEqual(faults));
});
