/** Who I am, and what this console may do. */

import type { ComponentChildren } from "preact";
import { me } from "../api.ts";
import { Loading } from "../parts.tsx";
import { useTitle } from "./reading.ts";

export function Fact({ name, children }: { name: string; children: ComponentChildren }) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>{children}</dd>
    </div>
  );
}

export function MePage() {
  useTitle("Me");
  if (me.value === undefined) return <Loading what="who you are" />;
  const { user, mode, cluster, steeringOff } = me.value;
  const modes = {
    local: "the identity of your kubeconfig",
    none: "no authentication: read-only",
    token: "your bearer token",
  };
  return (
    <>
      <h1>Me</h1>
      <dl class="facts">
        <Fact name="User">{user}</Fact>
        <Fact name="By">{modes[mode]}</Fact>
        <Fact name="Cluster">{cluster}</Fact>
        <Fact name="Steering">{steeringOff ?? "on, as far as your rights go"}</Fact>
      </dl>
    </>
  );
}
