import { expect, it } from "vitest";
import { bareVariablesIn } from "../template.ts";

it.each([
  ['{ns="{{ variables.ns }}"}', ["variables.ns"]],
  ["{{ variables.ns }}{{ variables.ns }} {{variables.other}}", ["variables.ns", "variables.other"]],
  ['{{ index variables "a-b" }}', ['index variables "a-b"']],
  ['{{ printf "%s" variables.ns }}', ['printf "%s" variables.ns']],
  ['{{ printf "%q or %v" variables.ns variables.x }}', ['printf "%q or %v" variables.ns variables.x']],
  ["{{ variables.ns | print }}", ["variables.ns | print"]],
  ["{{ $x := variables.ns }}{{ $x }}", ["$x"]],
  ["{{ with variables.ns }}{{ . }}{{ end }}", ["."]],
  ["{{ range $k, $v := variables }}{{ $v }}{{ end }}", ["$v"]],
  ["{{ if variables.ns }}{{ (variables.ns) }}{{ end }}", ["(variables.ns)"]],
])("%s shows variables of the Canary as they are", (template, bare) => {
  expect(bareVariablesIn(template)).toEqual(bare);
});

it.each([
  '{ns={{ printf "%q" variables.ns }}}',
  '{ns={{ variables.ns | printf "%q" }}}',
  '{{ $x := printf "%q" variables.ns }}{{ $x }}',
  "{{ urlquery variables.ns }}{{ js variables.ns }}{{ len variables.ns }}",
  '{ns="{{ namespace }}", pod=~"{{ target }}-.*"}[{{ interval }}]',
  '{{ if eq variables.kind "a" }}a{{ else }}b{{ end }}',
  "{{ this is no template",
])("%s shows none", (template) => {
  expect(bareVariablesIn(template)).toEqual([]);
});
