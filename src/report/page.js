// Names the architecture below the pointer in a scatter. The page is whole without it.
(() => {
  const data = document.getElementById("points");
  if (!data) return;
  const { scores, edges, operations, architectures } = JSON.parse(data.textContent);
  const tip = document.createElement("div");
  tip.id = "tip";
  tip.hidden = true;
  document.body.append(tip);
  const numbers = (text) => text.split(" ").map(Number);
  const named = ([code]) => edges
    .map((edge, i) => [edge, operations[parseInt(code[i], 36)]])
    .filter(([, operation]) => operation !== undefined)
    .map(([edge, operation]) => edge + ": " + operation).join(", ");
  for (const figure of document.querySelectorAll("[data-pair]")) {
    const [x, y] = numbers(figure.dataset.pair);
    const svg = figure.querySelector("svg");
    const [left, top, right, bottom] = numbers(svg.dataset.plot);
    const [x0, x1, y0, y1] = numbers(svg.dataset.ends);
    const logs = numbers(svg.dataset.log);
    const at = (value, log) => (log ? Math.log10(value) : value);
    const places = architectures.map(([, values]) => [
      left + (at(values[x], logs[0]) - x0) / (x1 - x0) * (right - left),
      bottom - (at(values[y], logs[1]) - y0) / (y1 - y0) * (bottom - top),
    ]);
    svg.addEventListener("pointermove", (event) => {
      const box = svg.getBoundingClientRect();
      const scale = svg.viewBox.baseVal.width / box.width;
      const px = (event.clientX - box.left) * scale, py = (event.clientY - box.top) * scale;
      let best = 144, found = -1;
      places.forEach(([a, b], i) => {
        const distance = (a - px) ** 2 + (b - py) ** 2;
        if (distance < best) [best, found] = [distance, i];
      });
      tip.hidden = found < 0;
      if (found < 0) return;
      const values = architectures[found][1];
      tip.textContent = "Place " + (found + 1) + "\n" + scores[x] + " " + values[x] + ", "
        + scores[y] + " " + values[y] + "\n" + named(architectures[found]);
      tip.style.left = Math.min(event.clientX + 14, innerWidth - tip.offsetWidth - 8) + "px";
      tip.style.top = Math.min(event.clientY + 14, innerHeight - tip.offsetHeight - 8) + "px";
    });
    svg.addEventListener("pointerleave", () => { tip.hidden = true; });
  }
})();
