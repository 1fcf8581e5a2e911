// Looks at what `peerscope serve` really shows. Arguments: its address, and names of
// nodes that must be on the map; the first of them calls or is called by another.

import { accessible, browser, check, equal, holds, names, open, places, ready, until } from "./lib.mjs";

const [url, ...wanted] = process.argv.slice(2);
const b = await browser();
const page = await open(b, url);

await check("shows who talks", async () => {
  await ready(page, 2);
  await until(page, (wanted) => {
    const there = document.querySelector(".cy")._cyreg.cy.nodes().map((n) => n.data("name"));
    return wanted.every((w) => there.includes(w));
  }, wanted, `${wanted} on the map, which has ${await names(page)}`, 30_000);
  const edges = await page.$$eval("#edges-in-words li", (l) => l.map((x) => x.textContent));
  holds(edges.length > 0, "no edges in words");
  return edges[0];
});

await check("opens an edge and reads its evidence", async () => {
  await page.keyboard.press("t");
  await page.click(`.rows-view tbody tr:has-text("${wanted[0]}") >> nth=0`);
  await until(page, () => document.querySelectorAll(".evidence tr").length > 0, null, "evidence");
  await until(page, () => document.querySelectorAll(".ends .process").length > 0, null, "a card of a process");
  const evidence = (await page.textContent(".evidence table")).replaceAll(/\s+/g, " ");
  await accessible(page, "drawer");
  await page.keyboard.press("Escape");
  await page.keyboard.press("m");
  return evidence.slice(0, 120);
});

await check("filters by a suggestion of the live values", async () => {
  await page.keyboard.press("/");
  await page.keyboard.type("proc:" + wanted[0].slice(0, 3));
  await until(page, (w) => [...document.querySelectorAll(".offers .offer")].some((o) => o.textContent.includes(w)), wanted[0], `${wanted[0]} among the suggestions`);
  await page.keyboard.press("Tab");
  await page.keyboard.press("Enter");
  await until(page, () => document.querySelectorAll(".chip").length === 1, null, "a chip");
  await until(page, () => /^[1-9]\d*\/\d+$/.test(document.querySelector(".matched")?.textContent ?? ""), null, "a count of what matches");
  await page.goBack();
});

await check("goes back in time, and a reload shows the same", async () => {
  await until(page, () => (document.querySelector(".strip .bars")?.getAttribute("d") ?? "").length > 10, null, "an activity strip");
  await page.focus("#map");
  await page.keyboard.press("p");
  await until(page, () => /at=\d+/.test(location.hash), null, "the time in the address");
  await page.waitForTimeout(500);
  await page.reload();
  await ready(page, 2);
  await page.waitForTimeout(500);
  const [hash, before] = [await page.evaluate(() => location.hash), await places(page, "map")];
  await page.reload();
  await ready(page, 2);
  await page.waitForTimeout(500);
  equal(await page.evaluate(() => location.hash), hash, "address");
  equal(await places(page, "map"), before, "places");
  await page.keyboard.press("p");
});

await check("says nothing on the console and asks nobody else", async () => {
  equal(page.outside, [], "requests elsewhere");
  equal(page.refused, [], "requests that were refused");
  equal(page.complaints, [], "console");
});

await b.close();
