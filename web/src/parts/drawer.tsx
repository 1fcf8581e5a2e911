// The right side: all there is to say of what is chosen.

import { view, select, before } from "../model/state";
import { edgesById, nodesById } from "../model/shown";
import { levelShown } from "../data/feed";
import { Icon } from "./icon";
import { EdgeDrawer } from "./edgedrawer";
import { NodeDrawer } from "./nodedrawer";
import { WaysDrawer } from "./waysdrawer";
import { CompareDrawer } from "./comparedrawer";

function content(): { title: string; body: preact.ComponentChild } | null {
  const s = view.value.selected;
  if (s.length === 2 && s.every((id) => nodesById.value.has(id))) return { title: "Ways", body: <WaysDrawer from={s[0]!} to={s[1]!} /> };
  const id = s[s.length - 1];
  if (id === undefined) return before.value !== null ? { title: "Comparison", body: <CompareDrawer /> } : null;
  if (!levelShown()) return null;
  if (edgesById.value.has(id)) return { title: "Edge", body: <EdgeDrawer key={id} id={id} /> };
  if (nodesById.value.has(id)) return { title: "Node", body: <NodeDrawer key={id} id={id} /> };
  return {
    title: "Chosen",
    body: (
      <p class="muted">
        What was chosen is not in this window: it talks no longer, or the filter hides it. <code>{id}</code>
      </p>
    ),
  };
}

export function Drawer() {
  const c = content();
  if (!c) return null;
  return (
    <aside class="drawer" aria-label={c.title}>
      <button class="quiet close" aria-label="Close" title="Close (Esc)" onClick={() => select(null)}>
        <Icon name="close" />
      </button>
      <div class="drawer-body">{c.body}</div>
    </aside>
  );
}
