// Opens reports in a browser and checks what only a browser shows.
//
//     node browser.mjs CHROMIUM FOLDER-OF-REPORTS FOLDER-FOR-PICTURES
//
// Beside each report NAME.html is NAME.txt: texts that the page must show, a line each. Every page is
// opened at two widths, light and dark. It must load nothing, fit the window, show its texts, run
// its script without an error, and satisfy axe-core. A picture of each is left for people to look at.

import { readdirSync, readFileSync, mkdirSync } from "node:fs";
import { createRequire } from "node:module";
import path from "node:path";
import { pathToFileURL } from "node:url";

const [chromium, reports, pictures, modules] = process.argv.slice(2).map((p) => path.resolve(p));
const require = createRequire(path.join(modules, "package.json"));
const { chromium: browserType } = require("playwright-core");
const axe = readFileSync(require.resolve("axe-core/axe.min.js"), "utf8");

const failures = [];
mkdirSync(pictures, { recursive: true });
const browser = await browserType.launch({ executablePath: chromium, args: ["--no-sandbox"] });
let opened = 0;
for (const file of readdirSync(reports).filter((name) => name.endsWith(".html")).sort()) {
  const name = file.slice(0, -".html".length);
  const own = pathToFileURL(path.join(reports, file)).href;
  const texts = readFileSync(path.join(reports, `${name}.txt`), "utf8").split("\n").filter(Boolean);
  for (const width of [1280, 400]) {
    for (const colorScheme of ["light", "dark"]) {
      const here = `${name}, ${width} pixels, ${colorScheme}`;
      const fail = (problem) => failures.push(`${here}: ${problem}`);
      const context = await browser.newContext({ colorScheme, viewport: { width, height: 900 } });
      const page = await context.newPage();
      page.on("request", (request) => {
        if (request.url() !== own && !request.url().startsWith("data:")) fail(`asked for ${request.url()}`);
      });
      page.on("pageerror", (error) => fail(`the script: ${error.message}`));
      page.on("console", (message) => {
        if (message.type() === "error") fail(`the console: ${message.text()}`);
      });
      const start = Date.now();
      await page.goto(own, { waitUntil: "load" });
      const took = Date.now() - start;
      opened += 1;

      const shown = await page.evaluate(() => document.body.innerText);
      for (const text of texts) {
        if (!shown.includes(text)) fail(`found no text "${text}"`);
      }
      const scripts = await page.evaluate(() => document.querySelectorAll("script:not([type])").length);
      if (scripts > 1) fail(`found ${scripts} scripts, expected one at most`);
      // The page itself never scrolls sideways; wide drawings do, inside their frames.
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - innerWidth);
      if (wide > 0) fail(`is ${wide} pixels wider than the window`);
      const cut = await page.evaluate(() => [...document.querySelectorAll("svg")].filter((svg) => {
        // What is drawn outside of a drawing is cut off.
        const frame = svg.getBoundingClientRect();
        if (frame.width === 0) return false;
        return [...svg.querySelectorAll("text")].some((text) => {
          const box = text.getBoundingClientRect();
          return box.left < frame.left - 1 || box.right > frame.right + 1
            || box.top < frame.top - 1 || box.bottom > frame.bottom + 1;
        });
      }).map((svg) => svg.getAttribute("aria-label")));
      if (cut.length > 0) fail(`cuts texts of ${cut.length} drawings: ${cut[0]}`);
      // Texts of one drawing that lie on each other cannot be read.
      const overlapping = await page.evaluate(() => [...document.querySelectorAll("svg")].flatMap((svg) => {
        const boxes = [...svg.querySelectorAll("text")].map((t) => [t.textContent, t.getBoundingClientRect()])
          .filter(([, box]) => box.width > 0);
        return boxes.flatMap(([a, p], i) => boxes.slice(0, i)
          .filter(([, q]) => Math.min(p.right, q.right) - Math.max(p.left, q.left) > 2
            && Math.min(p.bottom, q.bottom) - Math.max(p.top, q.top) > 4)
          .map(([b]) => `"${a.trim()}" and "${b.trim()}"`));
      }));
      if (overlapping.length > 0) fail(`${overlapping.length} texts overlap: ${overlapping[0]}`);

      // The script names the architecture below the pointer.
      const point = page.locator("[data-pair] svg circle").first();
      if (await point.count() > 0) {
        await point.scrollIntoViewIfNeeded();
        const box = await point.boundingBox();
        await page.mouse.move(box.x + box.width / 2, box.y + box.height / 2);
        const tip = await page.locator("#tip").innerText();
        if (!tip.startsWith("Place ")) fail(`the pointer on an architecture shows "${tip}"`);
        await page.mouse.move(1, 1);
      }

      await page.evaluate(axe);
      const { violations } = await page.evaluate(() => axe.run());
      for (const violation of violations) {
        fail(`axe-core, ${violation.id}: ${violation.help}: ${violation.nodes[0].html.slice(0, 200)}`);
      }
      await page.screenshot({ path: path.join(pictures, `${name}-${width}-${colorScheme}.png`), fullPage: true });
      console.log(`${here}: opened in ${took} ms`);
      await context.close();
    }
  }
}
await browser.close();
if (opened === 0) failures.push(`${reports}: found no reports, expected some`);
failures.forEach((failure) => console.error(failure));
process.exit(failures.length === 0 ? 0 : 1);
