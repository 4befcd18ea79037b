// Draws the newest frame inside requestAnimationFrame and says so; see live_chart.py for the messages.

const STALE_MS = 2000;
const LIBRARY_PATIENCE_MS = 20000;

// Every anywidget instance gets its own copy of this module, so what a page shares hangs on globalThis.
const page = (globalThis.__workbench ??= { plotly: null, askedAt: -Infinity, waiting: [] });

function libraryNeeded() {
  if (page.plotly || performance.now() - page.askedAt < LIBRARY_PATIENCE_MS) return false;
  page.askedAt = performance.now();
  return true;
}

async function receiveLibrary(bytes) {
  const packed = new Blob([bytes]).stream().pipeThrough(new DecompressionStream("gzip"));
  const source = await new Response(packed).text();
  // plotly.js is a UMD file: given a `module`, it fills it, and the rest makes it an ES module.
  const text = `var module={exports:{}};\n${source}\nexport default module.exports;`;
  const url = URL.createObjectURL(new Blob([text], { type: "text/javascript" }));
  page.plotly = (await import(url)).default;
  URL.revokeObjectURL(url);
  for (const wake of page.waiting.splice(0)) wake();
}

function arraysOf(frame, buffer) {
  // A copy, for a Float64Array must begin at a multiple of eight bytes.
  const bytes = buffer.buffer.slice(buffer.byteOffset, buffer.byteOffset + buffer.byteLength);
  const all = new Float64Array(bytes);
  const byTrace = [];
  let from = 0;
  for (const [trace, name, length] of frame.arrays) {
    (byTrace[trace] ??= {})[name] = all.subarray(from, from + length);
    from += length;
  }
  return byTrace;
}

function element(tag, className, parent) {
  const made = document.createElement(tag);
  made.className = className;
  parent.append(made);
  return made;
}

class View {
  constructor(el) {
    this.root = element("div", "wb-desk", el);
    const header = element("div", "wb-header", this.root);
    this.state = element("span", "wb-pill", header);
    this.symbol = element("span", "wb-symbol", header);
    this.why = element("span", "wb-why", header);
    this.age = element("span", "wb-pill wb-age", header);
    this.tiles = element("div", "wb-tiles", this.root);
    this.wait = element("div", "wb-wait", this.root);
    this.wait.textContent = "Waiting for the first frame";
    this.chart = element("div", "wb-chart", this.root);
    this.frame = null;
    this.width = 0;
  }

  get visible() {
    return this.root.isConnected && this.root.offsetParent !== null && this.root.clientWidth > 0;
  }

  async draw(plotly, picture, frame) {
    this.frame = frame;
    this.drawHeader(frame.header);
    this.drawTiles(frame.tiles);
    const data = picture.traces.map((trace, i) => ({ ...trace, ...frame.data[i] }));
    const config = { displaylogo: false, modeBarButtonsToRemove: ["select2d", "lasso2d"], scrollZoom: false };
    this.wait.remove();
    this.width = this.root.clientWidth;
    await plotly.react(this.chart, data, structuredClone(picture.layout), config);
    this.root.dataset.seq = frame.seq;
    this.showAge(frame.age());
  }

  drawHeader(header) {
    this.state.textContent = header.state ?? "";
    this.state.dataset.tone = header.tone ?? "quiet";
    this.symbol.textContent = header.symbol ?? "";
    this.why.textContent = header.why ?? "";
  }

  drawTiles(tiles) {
    while (this.tiles.children.length > tiles.length) this.tiles.lastChild.remove();
    tiles.forEach(([label, value, tone], i) => {
      let tile = this.tiles.children[i];
      if (!tile) {
        tile = element("div", "wb-tile", this.tiles);
        element("div", "wb-label", tile);
        element("div", "wb-value", tile);
      }
      tile.children[0].textContent = label;
      tile.children[1].textContent = value;
      tile.children[1].dataset.tone = tone;
    });
  }

  showAge(age) {
    if (!this.frame) return;
    const stale = !this.frame.ended && age > STALE_MS;
    this.age.textContent = this.frame.ended ? "session ended" : `frame age ${(age / 1000).toFixed(1)} s`;
    this.age.dataset.tone = this.frame.ended ? "quiet" : stale ? "alert" : "good";
    this.root.dataset.ageMs = Math.round(age);
  }
}

export default () => {
  const views = new Set();
  let picture = null;
  let newest = null;
  let scheduled = false;
  // The smallest difference seen between the two clocks: a browser on another machine must not cry wolf.
  let skew = Infinity;
  let send = () => {};

  async function draw() {
    scheduled = false;
    const frame = newest;
    if (!page.plotly || !picture || !frame) return;
    const visible = [...views].filter((view) => view.visible);
    if (!visible.length) return;
    try {
      await Promise.all(visible.map((view) => view.draw(page.plotly, picture, frame)));
    } catch (error) {
      console.error("workbench: a frame could not be drawn", error);
      for (const view of visible) view.why.textContent = `this frame could not be drawn: ${error.message}`;
    }
    send({ type: "ack", seq: frame.seq });
    if (newest !== frame) schedule();
  }

  function schedule() {
    if (scheduled) return;
    scheduled = true;
    requestAnimationFrame(draw);
  }

  function receive(content, buffers) {
    if (content.type === "library") {
      receiveLibrary(buffers[0]);
    } else if (content.type === "picture") {
      picture = content.picture;
      schedule();
    } else if (content.type === "frame") {
      skew = Math.min(skew, Date.now() - content.sent_ms);
      newest = { ...content, data: arraysOf(content, buffers[0]), age: () => Date.now() - skew - content.t_ms };
      schedule();
    }
  }

  return {
    initialize({ model }) {
      send = (message) => model.send(message);
      model.on("msg:custom", receive);
      if (!page.plotly) page.waiting.push(schedule);
      send({ type: "hello", library: libraryNeeded() });
      return () => model.off("msg:custom", receive);
    },

    render({ el }) {
      const view = new View(el);
      views.add(view);
      const clock = setInterval(() => view.frame && view.showAge(view.frame.age()), 200);
      const resized = new ResizeObserver(() => {
        if (view.visible && view.root.clientWidth !== view.width) schedule();
      });
      resized.observe(view.root);
      schedule();
      return () => {
        clearInterval(clock);
        resized.disconnect();
        views.delete(view);
        page.plotly?.purge(view.chart);
      };
    },
  };
};
