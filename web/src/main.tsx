// The web map of Peerscope: puts the page together.

import { render } from "preact";
import { effect } from "@preact/signals";
import { goneSince, graph, start, updates } from "./data/feed";
import { hooks } from "./model/hooks";
import { listen } from "./model/keys";
import { hostName } from "./model/cover";
import { remember } from "./model/rows";
import { shown, showsTable, nodesById } from "./model/shown";
import { at, follow, go, selected, view, viewName } from "./model/state";
import { followTime } from "./model/time";
import { followWays } from "./model/ways";
import { Chips, Banner, chipOpen, Empty } from "./parts/states";
import { Copied, copyFirst } from "./parts/copymenu";
import { Drawer } from "./parts/drawer";
import { filterInput } from "./parts/filterbox";
import { Header, nextTheme, pause } from "./parts/header";
import { Help } from "./parts/help";
import { canvas, MapView, tidy } from "./parts/map";
import { MatrixView } from "./parts/matrix";
import { Palette } from "./parts/palette";
import { followPrinting, Paper } from "./parts/paper";
import { Rail } from "./parts/rail";
import { Reader } from "./parts/reader";
import { TableView } from "./parts/table";
import { TimelineBar } from "./parts/timeline";

function Main() {
  const name = viewName.value;
  const frozen = goneSince.value !== null;
  return (
    <main class={frozen ? "frozen" : ""} id="main">
      {name === "matrix" ? <MatrixView /> : showsTable.value ? <TableView /> : <MapView />}
      <Empty />
      <Chips />
    </main>
  );
}

function App() {
  const open = selected.value.length > 0 || view.value.before !== null;
  return (
    <>
      <a class="skip" href="#main" onClick={(e) => (e.preventDefault(), document.querySelector<HTMLElement>("#map, .rows-view, .matrix")?.focus())}>
        To the map
      </a>
      <Header />
      <Banner />
      <Paper />
      <div class={open ? "body open" : "body"}>
        <Rail />
        <Main />
        <Drawer />
      </div>
      <TimelineBar />
      <Reader />
      <Help />
      <Palette />
      <Copied />
    </>
  );
}

Object.assign(hooks, {
  filter: () => filterInput.current?.focus(),
  pause,
  theme: nextTheme,
  copy: copyFirst,
  fit: () => canvas.value?.fit(),
  tidy,
  zoom: (f: number) => canvas.value?.zoomBy(f),
  fold: () => {
    const n = nodesById.value.get(selected.value[0] ?? "");
    if (n?.group) go({ folded: [...view.value.folded, n.group], selected: [] });
    else if (view.value.folded.length > 0) go({ folded: [] });
  },
  close: () => {
    if (chipOpen.value === "") return false;
    chipOpen.value = "";
    return true;
  },
});

follow();
followPrinting();
listen();
start();
followTime();
followWays();
effect(() => {
  updates.value;
  if (at.value === null) remember(shown.peek().edges);
});
effect(() => {
  const host = hostName(graph.value, view.value.covered);
  document.title = (host ? host + " · " : "") + "peerscope";
});
const root = document.getElementById("app")!;
root.replaceChildren();
render(<App />, root);
