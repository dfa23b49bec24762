// Charts over time: one component everywhere. The data stands in the page as JSON, with the same
// numbers in the table below; gaps stay gaps, limits are labelled lines, alert periods are shaded.

const dark = matchMedia("(prefers-color-scheme: dark)");
const charts = new Map();
// From this width on limits are named at their lines; below it, under the chart (views.css).
const ROOMY = 544;
const DAY = 86_400_000;

const token = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();
const colour = (place) => token(`chart-${(place % 7) + 1}`);
const translucent = (hex, share) => hex + Math.round(share * 255).toString(16).padStart(2, "0");

function number(value, data) {
  return value.toLocaleString(document.documentElement.lang, { maximumFractionDigits: data.decimals });
}

// The server sends wall clock milliseconds, so every time is formatted as if it were UTC.
function clock(milliseconds) {
  return new Date(milliseconds).toISOString().slice(0, 16).replace("T", " ");
}

function pairs(line, values) {
  return line.times.map((time, place) => [time, values[place]]);
}

function band(line, place) {
  if (!line.low || !line.high) return [];
  const width = line.high.map((high, at) => (high === null || line.low[at] === null ? null : high - line.low[at]));
  const common = {
    type: "line", stack: `band-${place}`, stackStrategy: "all", symbol: "none", silent: true,
    lineStyle: { opacity: 0 }, connectNulls: false, tooltip: { show: false },
  };
  return [
    { ...common, name: `low-${place}`, data: pairs(line, line.low) },
    { ...common, name: `high-${place}`, data: pairs(line, width), areaStyle: { color: colour(place), opacity: 0.18 } },
  ];
}

const limitWords = (limit, data) => `${limit.label} ${number(limit.value, data)}`;
const widthOf = (words) => [...words].reduce((sum, one) => sum + (one.codePointAt(0) > 0x2e80 ? 12.5 : 7.4), 12);

// From lowest to highest where the points beside have no such width: a band of one point is unseen.
function upright(line) {
  if (!line.low || !line.high) return [];
  const wide = line.times.map((_time, place) => line.high[place] !== null && line.high[place] > line.low[place]);
  const style = { lineStyle: { color: translucent(colour(0), 0.4), type: "solid", width: 4 }, label: { show: false } };
  return line.times.flatMap((time, place) =>
    wide[place] && !wide[place - 1] && !wide[place + 1] ? [[{ coord: [time, line.low[place]], ...style }, { coord: [time, line.high[place]] }]] : []);
}

// More limits than these would write over one another at their lines: they are named under the chart.
const NAMED = 3;

// A level that moves within a narrow band far above zero is drawn in that band.
function lowest(data) {
  const known = data.lines.flatMap((line) => [...line.values, ...(line.low ?? []), ...(line.high ?? [])]);
  const values = [...known.filter((value) => value !== null), ...data.limits.map((limit) => limit.value)];
  const low = values.reduce((least, value) => Math.min(least, value), Infinity);
  const high = values.reduce((most, value) => Math.max(most, value), -Infinity);
  if (!(low > 0) || high - low > high / 4) return null;
  const step = 10 ** Math.floor(Math.log10(Math.max(high - low, 10 ** -data.decimals)));
  return Math.max(0, Math.floor((low - (high - low) / 10) / step) * step);
}

// A round number somewhat above a limit, so that its line does not lie on the edge.
function above(value, base) {
  const top = value + (value - base) / 10;
  const step = 10 ** Math.floor(Math.log10(Math.max(top - base, 1e-9))) / 10;
  return Math.ceil(top / step) * step;
}

function limits(data, roomy) {
  // Two limits that lie close keep their words apart: above the highest line, below the lowest.
  const values = data.limits.map((limit) => limit.value);
  const side = (value) => (values.length < 2 ? "middle" : value === Math.max(...values) ? "bottom" : value === Math.min(...values) ? "top" : "middle");
  return {
    silent: true, symbol: "none",
    data: data.limits.map((limit) => ({
      yAxis: limit.value,
      lineStyle: { color: token(`${limit.status}-ink`), type: [6, 4], width: 1.5 },
      label: {
        show: data.limits.length <= NAMED,
        formatter: roomy ? limitWords(limit, data) : number(limit.value, data), position: "end",
        color: token(`${limit.status}-ink`), fontSize: 12, fontWeight: 600, verticalAlign: side(limit.value),
      },
    })).concat(data.lines.length === 1 ? upright(data.lines[0]) : []),
  };
}

function shades(data, scale) {
  return {
    silent: true,
    data: data.shades.map((shade) => [
      {
        xAxis: shade.start,
        itemStyle: { color: token(`${shade.status}-fill`), opacity: 0.24 },
        label: {
          show: scale * ((shade.end ?? data.now) - shade.start) > widthOf(shade.label), formatter: shade.label, position: "insideTop",
          color: token(`${shade.status}-ink`), fontSize: 12,
        },
      },
      { xAxis: shade.end ?? data.now },
    ]),
  };
}

// A reading between two gaps has no line to either side: it is drawn as a point.
function lonely(values) {
  return (_value, parameters) => {
    const place = parameters.dataIndex;
    const alone = (values[place - 1] ?? null) === null && (values[place + 1] ?? null) === null;
    return alone ? 5 : 0;
  };
}

function drawn(line, place) {
  return {
    name: line.label, type: "line", data: pairs(line, line.values), connectNulls: false,
    symbol: "circle", symbolSize: lonely(line.values), showAllSymbol: true,
    lineStyle: { width: 1.8, color: colour(place) }, itemStyle: { color: colour(place) },
    emphasis: { disabled: true },
  };
}

function tooltip(data) {
  return {
    trigger: "axis", renderMode: "richText", confine: true,
    backgroundColor: token("surface-raised"), borderColor: token("line-strong"),
    textStyle: { color: token("ink"), fontSize: 12 },
    axisPointer: { lineStyle: { color: token("line-strong") } },
    formatter: (points) => {
      const lines = points.filter((point) => !/^(low|high)-\d+$/.test(point.seriesName));
      const words = lines.map((point) => {
        const value = point.value[1];
        const told = value === null || value === undefined ? "—" : `${number(value, data)} ${data.unit}`;
        return data.lines.length > 1 ? `${point.seriesName}  ${told}` : told;
      });
      return [clock(points[0].value[0]), ...words].join("\n");
    },
  };
}

function option(data, width) {
  const named = data.limits.length <= NAMED ? data.limits : [];
  const margin = Math.max(0, ...named.map((limit) => widthOf(limitWords(limit, data))));
  const roomy = width >= ROOMY;
  const times = data.lines.flatMap((line) => [line.times[0], line.times[line.times.length - 1]]);
  const open = data.shades.some((shade) => shade.end === null);
  const last = open ? Math.max(data.now, ...times) : Math.max(...times);
  const first = Math.min(...times);
  const scale = (width - (roomy ? margin : 44) - 48) / Math.max(1, last - first);
  const many = data.lines.length > 1;
  const long = Math.max(...data.lines.map((line) => line.times.length)) > 400;
  const quiet = token("ink-quiet");
  const highest = Math.max(...data.limits.map((limit) => limit.value), -Infinity);
  const base = lowest(data);
  const reached = data.lines.flatMap((line) => [...line.values, ...(line.high ?? [])]).reduce((most, value) => Math.max(most, value ?? -Infinity), -Infinity);
  const series = data.lines.map(drawn);
  Object.assign(series[0], { markLine: limits(data, roomy), markArea: shades(data, scale) });
  return {
    useUTC: true, animation: false,
    textStyle: { fontFamily: token("font"), fontSize: 12, color: token("ink") },
    aria: { enabled: false },
    grid: { left: 8, right: roomy ? Math.max(16, margin) : 44, top: many ? 52 : 32, bottom: long ? 52 : 12, outerBoundsMode: "same", outerBoundsContain: "axisLabel" },
    legend: many ? { top: 0, right: 8, icon: "roundRect", itemWidth: 14, itemHeight: 4, textStyle: { color: token("ink") }, data: data.lines.map((line) => line.label) } : { show: false },
    tooltip: tooltip(data),
    xAxis: {
      type: "time", max: open ? last : null, axisLine: { lineStyle: { color: token("line-strong") } },
      axisLabel: {
        color: quiet, hideOverlap: true,
        formatter: last - first > 3 * DAY ? "{MM}-{dd}" : last - first > DAY ? "{MM}-{dd} {HH}:{mm}" : "{HH}:{mm}",
      },
      splitLine: { show: false },
    },
    yAxis: {
      type: "value", name: data.unit, nameTextStyle: { color: quiet, align: "left", padding: [0, 0, 0, -24] },
      min: base, max: (range) => (highest > range.max ? above(highest, base ?? 0) : null),
      // Where a limit sets the top, that number stands too near to the last round one.
      axisLabel: { color: quiet, showMaxLabel: highest > reached ? false : null }, splitLine: { lineStyle: { color: token("line") } },
    },
    dataZoom: long ? [
      { type: "inside", zoomOnMouseWheel: "ctrl", moveOnMouseWheel: false },
      { type: "slider", height: 20, bottom: 12, borderColor: token("line"), fillerColor: translucent(token("accent"), 0.14), handleStyle: { color: token("accent") }, textStyle: { color: quiet }, dataBackground: { lineStyle: { color: quiet }, areaStyle: { color: token("line") } }, labelFormatter: clock, brushSelect: false },
    ] : [],
    series: [...data.lines.flatMap(band), ...series],
  };
}

function draw(place) {
  const source = document.getElementById(place.dataset.chart);
  if (!source || !window.echarts) return;
  const text = source.textContent;
  const known = charts.get(place);
  if (known?.text === text) return;
  const chart = known?.chart ?? window.echarts.init(place, null, { renderer: "canvas" });
  const width = place.clientWidth;
  chart.setOption(option(JSON.parse(text), width), { replaceMerge: ["series"] });
  charts.set(place, { chart, text, width });
}

const sizes = new ResizeObserver((entries) => {
  for (const entry of entries) {
    const known = charts.get(entry.target);
    if (!known || known.width === entry.target.clientWidth) continue;
    known.chart.resize();
    known.text = "";
    draw(entry.target);
  }
});

function drawAll() {
  for (const [place, { chart }] of charts) {
    if (place.isConnected) continue;
    sizes.unobserve(place);
    chart.dispose();
    charts.delete(place);
  }
  for (const place of document.querySelectorAll("[data-chart]")) {
    draw(place);
    sizes.observe(place);
  }
}

function drawAnew() {
  for (const known of charts.values()) known.text = "";
  drawAll();
}

drawAll();
document.addEventListener("county:renewed", drawAll);
dark.addEventListener("change", drawAnew);
